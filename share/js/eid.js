/* Web eID: asks the browser's extension to let the card sign this page's challenge, and sends what it brings. The messages are those of the
 * web-eid.js library, version 2: web-eid:authenticate, answered with -ack at once, then with -success or -failure.
 * And for the other way: who comes back from the address that asks for a certificate, and has met an error of the browser there, is told what to do. */
(function () {
	"use strict";

	var ACK_MS = 1000, NATIVE_MS = 5000, PERSON_MS = 2 * 60 * 1000;
	var form = document.getElementById("eid-form");
	if (!form)
		return;
	var button = document.getElementById("eid-go"), busy = document.getElementById("eid-busy"), said = document.getElementById("eid-error");
	var timer = 0, waiting = false;

	function show(element, yes) {
		element.hidden = !yes;
	}

	/* Each error has its explanation in the page, in the page's language. */
	function fail(code) {
		var texts = document.querySelectorAll("[data-error]"), text = null, other = null;
		for (var i = 0; i < texts.length; i++) {
			if (texts[i].getAttribute("data-error") === code)
				text = texts[i];
			if (texts[i].getAttribute("data-error") === "ERR_WEBEID_UNKNOWN_ERROR")
				other = texts[i];
		}
		end();
		said.querySelector("p").textContent = (text || other).textContent;
		said.setAttribute("data-code", code);
		show(said, true);
		said.focus();
	}

	function wait(ms, code) {
		clearTimeout(timer);
		timer = setTimeout(function () { fail(code); }, ms);
	}

	function end() {
		clearTimeout(timer);
		waiting = false;
		button.disabled = false;
		show(busy, false);
	}

	function begin() {
		var before = document.getElementById("error");
		show(said, false);
		if (before)
			show(before, false);
		if (!window.isSecureContext)
			return fail("ERR_WEBEID_CONTEXT_INSECURE");
		waiting = true;
		button.disabled = true;
		show(busy, true);
		wait(ACK_MS, "ERR_WEBEID_EXTENSION_UNAVAILABLE");
		window.postMessage({
			action: "web-eid:authenticate", libraryVersion: "2.0.2", challengeNonce: form.getAttribute("data-challenge"),
			options: { lang: document.documentElement.lang, userInteractionTimeout: PERSON_MS }
		}, window.location.origin);
	}

	function succeed(message) {
		end();
		button.disabled = true;
		form.elements.proof.value = JSON.stringify({
			format: message.format, appVersion: message.appVersion, algorithm: message.algorithm,
			signature: message.signature, unverifiedCertificate: message.unverifiedCertificate
		});
		form.submit();
	}

	window.addEventListener("message", function (event) {
		var message = event.data;
		if (!waiting || event.source !== window || event.origin !== window.location.origin || !message || typeof message !== "object")
			return;
		if (message.action === "web-eid:authenticate-ack")
			wait(NATIVE_MS + PERSON_MS, "ERR_WEBEID_ACTION_TIMEOUT");
		else if (message.action === "web-eid:authenticate-success")
			succeed(message);
		else if (message.action === "web-eid:authenticate-failure")
			fail(message.error && message.error.code ? String(message.error.code) : "ERR_WEBEID_UNKNOWN_ERROR");
	});

	form.addEventListener("submit", function (event) {
		if (event.submitter && event.submitter.name === "back")
			return;
		event.preventDefault();
		if (!waiting)
			begin();
	});

	/* Whatever our address answers ends this challenge. Where it still stands after a visit there, the browser has shown an error, and no page of ours. */
	var link = document.getElementById("eid-tls"), visited = "eid-tls";
	if (link)
		link.addEventListener("click", function () {
			sessionStorage.setItem(visited, form.getAttribute("data-challenge"));
		});
	window.addEventListener("pageshow", function () {
		if (sessionStorage.getItem(visited) !== form.getAttribute("data-challenge"))
			return;
		sessionStorage.removeItem(visited);
		fail("BROWSER");
	});

	show(document.getElementById("eid-script"), true);
})();
