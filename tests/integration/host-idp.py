# host-idp.py PORT CERT KEY SOCKET: an identity provider and an agent that lie as their control file says, for tests of csamctl check --host.
# SOCKET.say holds JSON: issuer, skew (s), door (bool), reply (fields of the agent's answer).
import email.utils, http.server, json, os, socket, ssl, sys, threading, time

port, cert, key, path = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]

def say():
    with open(path + ".say") as f:
        return json.load(f)

class Idp(http.server.BaseHTTPRequestHandler):
    def date_time_string(self, timestamp=None):
        return email.utils.formatdate(time.time() + say()["skew"], usegmt=True)

    def do_GET(self):
        meta = {"issuer": say()["issuer"]}
        if say()["door"]:
            meta["authorization_challenge_endpoint"] = say()["issuer"] + "/oidc/challenge"
        body = json.dumps(meta).encode()
        self.send_response(200 if self.path == "/.well-known/openid-configuration" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

def agent():
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.bind(path)
        os.chmod(path, 0o666)
        s.listen(8)
        while True:
            c, _ = s.accept()
            if c.recv(16384):
                c.send(b"csam=1\0" + b"".join(f"{k}={v}".encode() + b"\0" for k, v in say()["reply"].items()))
            c.close()

threading.Thread(target=agent, daemon=True).start()
server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Idp)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
server.serve_forever()
