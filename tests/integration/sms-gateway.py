"""An SMS gateway by HTTP for the tests, that does as the number's end asks. Prints its port, ends with its standard input.

sms-gateway.py JOURNAL [--tls --cert PEM --key PEM] [--secret TEXT]

JOURNAL gets one line a request: method, path, content type, what it took for number and text, and the body. Numbers that end in:
  00  taken   01  400   02  503   03  429   04  200, but rejected   05  200, but no JSON   06  never answers   07  drips   08  redirects   09  an endless answer   10  hangs up
"""
import argparse, json, ssl, sys, threading, time, urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

o = argparse.ArgumentParser()
o.add_argument("journal"); o.add_argument("--tls", action="store_true"); o.add_argument("--cert"); o.add_argument("--key"); o.add_argument("--secret")
o = o.parse_args()
lock = threading.Lock()


class Gateway(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *a):
        pass

    def say(self, status, body, **headers):
        body = body.encode()
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        kind = self.headers.get("Content-Type", "")
        if kind == "application/json":
            asked = json.loads(body)
        else:
            asked = dict(urllib.parse.parse_qsl(body if body else urllib.parse.urlsplit(self.path).query, strict_parsing=True, keep_blank_values=True))
        to, text = asked.get("to", ""), asked.get("text", "")
        if o.secret and self.headers.get("Authorization") != "Bearer " + o.secret:
            return self.say(401, "")
        with lock, open(o.journal, "a") as f:
            f.write(json.dumps([self.command, self.path, kind, to, text, body]) + "\n")
        queued = json.dumps({"messages": [{"status": "queued", "to": to}]})
        how = to[-2:]
        if how == "01": self.say(400, "")
        elif how == "02": self.say(503, "")
        elif how == "03": self.say(429, "")
        elif how == "04": self.say(200, queued.replace("queued", "rejected"))
        elif how == "05": self.say(200, "messages.0.status=queued")
        elif how == "06": time.sleep(5)
        elif how == "07":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
            for _ in range(50):
                self.wfile.write(b"x"); self.wfile.flush(); time.sleep(0.1)
        elif how == "08": self.say(302, "", Location="http://127.0.0.1:1/")
        elif how == "09":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
            for _ in range(4096): self.wfile.write(b"x" * 1024)
        elif how == "10": self.close_connection = True
        else: self.say(202, queued)
    do_POST = do_GET


server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
if o.tls:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(o.cert, o.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
server.handle_error = lambda *a: None
server.daemon_threads = True
print(server.server_address[1], flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
server.serve_forever()
