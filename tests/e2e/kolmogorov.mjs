// Do two lists of numbers come from one distribution? The two-sample Kolmogorov-Smirnov test, which sees differences of any form, not of medians alone.

// The largest distance between the two empirical distribution functions; equal values step together.
export function distance(x, y) {
	const a = [...x].sort((p, q) => p - q), b = [...y].sort((p, q) => p - q);
	let i = 0, j = 0, most = 0;
	while (i < a.length && j < b.length) {
		const at = Math.min(a[i], b[j]);
		while (i < a.length && a[i] === at) i++;
		while (j < b.length && b[j] === at) j++;
		most = Math.max(most, Math.abs(i / a.length - j / b.length));
	}
	return most;
}

// How probable it is that equal distributions lie at least so far apart (Kolmogorov's series with Stephens' correction for finite samples).
export function probability(x, y) {
	const n = Math.sqrt(x.length * y.length / (x.length + y.length)), t = (n + 0.12 + 0.11 / n) * distance(x, y);
	if (t < 0.2) return 1;
	let sum = 0;
	for (let k = 1; k <= 100; k++) sum += 2 * (k % 2 ? 1 : -1) * Math.exp(-2 * k * k * t * t);
	return Math.min(1, Math.max(0, sum));
}

export const quantile = (list, q) => [...list].sort((p, r) => p - r)[Math.min(list.length - 1, Math.floor(q * list.length))];
