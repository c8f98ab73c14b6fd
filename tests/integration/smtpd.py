"""A real SMTP server (aiosmtpd) for the tests, that does as the recipient's name asks. Prints its port, ends with its standard input.

smtpd.py JOURNAL [--tls starttls|smtps --cert PEM --key PEM] [--auth USER:PASSWORD] [--raw silent|drip|refuse|hangup] [--pace MS]

--pace: thinks for so long at each greeting and each mail, whatever else the machine has to do.
JOURNAL gets one line a mail taken: recipient, Message-ID, and the mail itself as JSON. Recipients:
  greylist…  450 the first time      no…      550        later…   451 always      slow…  answers after a second
  busy…      421, and hangs up       full…    552 after the mail                  torn…  takes the mail, and hangs up before its answer, the first time
"""
import argparse, asyncio, json, re, ssl, sys, threading
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

o = argparse.ArgumentParser()
o.add_argument("journal")
o.add_argument("--tls"); o.add_argument("--cert"); o.add_argument("--key"); o.add_argument("--auth"); o.add_argument("--raw")
o.add_argument("--port", type=int, default=0); o.add_argument("--pace", type=int, default=0)
o = o.parse_args()
seen = set()
journal = open(o.journal, "a", buffering=1)


class Handler:
    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        await asyncio.sleep(o.pace / 1000)
        return responses

    async def handle_MAIL(self, server, session, envelope, address, options):
        if address.startswith("refused"):
            return "550 this sender is not ours"
        envelope.mail_from = address
        return "250 ok"

    async def handle_RCPT(self, server, session, envelope, address, options):
        name = address.split("@")[0]
        if name.startswith("greylist") and address not in seen:
            seen.add(address)
            return "450 4.7.1 come back later"
        if name.startswith("later"):
            return "451 4.3.0 not now"
        if name.startswith("no"):
            return "550 5.1.1 no such person"
        if name.startswith("busy"):
            return "421 4.3.2 closing"
        if name.startswith("slow"):
            await asyncio.sleep(1)
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server, session, envelope):
        await asyncio.sleep(o.pace / 1000)
        if envelope.rcpt_tos[0].startswith("full"):
            return "552 5.2.2 the mailbox is full"
        mail = envelope.content.decode("ascii")
        ident = re.search(r"^Message-ID: (.*)\r$", mail, re.M)
        journal.write(json.dumps([envelope.rcpt_tos, envelope.mail_from, ident and ident[1], mail]) + "\n")
        if envelope.rcpt_tos[0].startswith("torn") and envelope.rcpt_tos[0] not in seen:
            seen.add(envelope.rcpt_tos[0])
            server.transport.abort()
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    user, password = o.auth.split(":")
    right = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == (user, password)
    return AuthResult(success=right, handled=True if right else False)


def protocol():
    return SMTP(Handler(), hostname="mail.test", tls_context=context if o.tls == "starttls" else None, require_starttls=o.tls == "starttls",
                authenticator=authenticate if o.auth else None, auth_required=bool(o.auth), auth_require_tls=bool(o.tls) and o.tls != "smtps")


async def raw(reader, writer):
    if o.raw == "silent":
        await asyncio.sleep(60)
    elif o.raw == "drip":
        for c in "220 mail.test says one letter a second to whoever waits so long for it":
            writer.write(c.encode())
            await asyncio.sleep(0.5)
    elif o.raw == "refuse":
        writer.write(b"554 no service for you\r\n")
    writer.close()


async def main():
    global context
    context = None
    if o.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(o.cert, o.key)
    loop = asyncio.get_running_loop()
    if o.raw:
        server = await asyncio.start_server(raw, "127.0.0.1", o.port)
    else:
        server = await loop.create_server(protocol, "127.0.0.1", o.port, ssl=context if o.tls == "smtps" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), loop.call_soon_threadsafe(loop.stop)), daemon=True).start()
    await server.serve_forever()

try:
    asyncio.run(main())
except (RuntimeError, KeyboardInterrupt):
    pass
