# PORT NAME PASSWORD [CODE]: one sign-in at the service "library", by idpd's own plain port, as behind a proxy; with a security code by the key "app".
# Says "in" or "out".
import html, re, sys, urllib.parse, urllib.request
port, name, password, *code = sys.argv[1:]
class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *a): return None
jar = {}
def ask(path, form=None):
    for _ in range(10):
        r = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=urllib.parse.urlencode(form).encode() if form else None,
            headers={"Host": f"localhost:{port}", "Origin": f"https://localhost:{port}", "Cookie": "; ".join(f"{k}={v}" for k, v in jar.items())})
        try: a = urllib.request.build_opener(Stay).open(r)
        except urllib.error.HTTPError as e: a = e
        for c in a.headers.get_all("Set-Cookie") or []:
            k, v = c.split(";")[0].split("=", 1); jar[k] = v
        if a.status not in (302, 303): return a.read().decode()
        path, form = urllib.parse.urlsplit(a.headers["Location"])[2:4], None
        path = path[0] + ("?" + path[1] if path[1] else "")
page = ask("/oidc/authorize?client_id=library&response_type=code&scope=openid&redirect_uri=https%3A%2F%2Flibrary.example%2Fcb&nonce=n&state=s")
fields = lambda: {html.unescape(n): html.unescape(v) for n, v in re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page)}
if 'name="username"' not in page:
    page = ask("/login", {**fields(), "choice": "app" if code else "password"})
page = ask("/login", {**fields(), "username": name, "password": password})
if code:
    page = ask("/login", {**fields(), "code": code[0]})
print("in" if "__Host-csam-s" in jar else "out")
