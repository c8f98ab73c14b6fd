#!/usr/bin/python3
"""agent.py SOCKET FOLDER: speaks csam-agent's protocol for tests of the module alone; also takes what goes to /dev/log.

alice's and bruno's password is "correct+horse", the code 123456, each with or without a blank and more behind it. FOLDER/down: it says so. FOLDER/closed-SERVICE, FOLDER/closed-SERVICE-USER: may not enter there.
What was asked is in FOLDER/requests and FOLDER/all, without what was answered; what was logged in FOLDER/syslog."""
import os, socket, struct, sys, threading

path, folder = sys.argv[1:]
PASSWORD, CODE = "correct+horse", "123456"


def said(name):
    return os.path.exists(os.path.join(folder, name))


def note(text):
    for name in "requests", "all":
        with open(os.path.join(folder, name), "a") as f:
            f.write(text + "\n")


def message(**fields):
    return b"csam=1\0" + b"".join(k.encode() + b"=" + v.encode() + b"\0" for k, v in fields.items())


def fields_of(data):
    return dict(f.split("=", 1) for f in data.decode("utf-8", "replace").split("\0") if f)


def right(answer, wanted):
    return answer is not None and (answer + " ").startswith(wanted + " ")


class Conversation:
    def __init__(self, conn):
        self.conn = conn
        self.uid = struct.unpack("3i", conn.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]

    def ask(self, kind, label):
        self.conn.send(message(result="ask", ask=kind, label=label))
        answer = fields_of(self.conn.recv(16384))
        note("answer %s uid=%d%s" % (kind if kind in answer else "gone", self.uid, " placeholder" if "\b" in answer.get(kind, "") else ""))
        return answer.get(kind)

    def authenticate(self, first):
        good = True
        if first.get("proven") != "publickey":
            good = right(self.ask("secret", "Password: "), PASSWORD)
        good = right(self.ask("code", "Code: "), CODE) and good
        return dict(result="allow", name=first["user"]) if good else dict(result="deny", message="Not accepted.")

    def account(self, first):
        if said("closed-" + first["service"]) or said("closed-%s-%s" % (first["service"], first["user"])):
            return dict(result="not_allowed")
        return dict(result="allow", name=first["user"], uid={"alice": "10001", "bruno": "10002"}.get(first["user"], "1"))

    def password(self, first):
        good = self.ask("secret", "Present password: ") == PASSWORD
        new = self.ask("secret", "New password: ")
        return dict(result="changed") if new and self.ask("secret", "Again: ") == new and good else dict(result="deny")

    def run(self):
        first = fields_of(self.conn.recv(16384))
        if not first:
            return
        note("%s user=%s service=%s rhost=%s proven=%s uid=%d" % (first["op"], first["user"], first["service"], first.get("rhost", "-"), first.get("proven", "-"), self.uid))
        reply = dict(result="down") if said("down") else getattr(self, first["op"])(first)
        self.conn.send(message(**reply))


def serve(conn):
    try:
        Conversation(conn).run()
    except OSError:
        note("hung up")
    conn.close()


def take_log():
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind("/dev/log")
    os.chmod("/dev/log", 0o666)
    with open(os.path.join(folder, "syslog"), "ab", 0) as f:
        while True:
            f.write(s.recv(65536).rstrip(b"\n\0") + b"\n")


threading.Thread(target=take_log, daemon=True).start()
listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
listener.bind(path)
os.chmod(path, 0o666)
listener.listen(64)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
