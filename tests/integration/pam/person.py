#!/usr/bin/python3
"""person.py [PROMPT=ANSWER]... -- COMMAND...: somebody at a terminal. Waits for each prompt (a regular expression), types its answer, prints all that was shown;
ends like the command. ANSWER "^C" interrupts, "^KILL" ends the command, "^BIG" is as long a line as a terminal takes, "!COMMAND" what a shell command says
that reads all that was shown; its $1 is the first group of PROMPT. $PERSON_S seconds at most, or 20."""
import os, pty, re, select, signal, subprocess, sys, time

cut = sys.argv.index("--")
script = [a.split("=", 1) for a in sys.argv[1:cut]]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[cut + 1], sys.argv[cut + 1:])
seen, shown, end = b"", b"", time.monotonic() + float(os.environ.get("PERSON_S", "20"))
while time.monotonic() < end:
    if not select.select([fd], [], [], 0.2)[0]:
        continue
    try:
        data = os.read(fd, 65536)
    except OSError:
        break
    if not data:
        break
    seen += data
    shown += data
    found = script and re.search(script[0][0].encode(), seen)
    if found:
        seen = seen[found.end():]
        answer = script.pop(0)[1]
        time.sleep(0.05)
        if answer.startswith("!"):
            group = found.group(1).decode() if found.re.groups else ""
            answer = subprocess.run(["bash", "-c", answer[1:], "person", group], input=shown, stdout=subprocess.PIPE).stdout.decode().strip()
        if answer == "^KILL":
            os.kill(pid, signal.SIGKILL)
        elif answer == "^BIG":
            os.write(fd, b"a" * 4000 + b"\n")
        else:
            os.write(fd, b"\x03" if answer == "^C" else answer.encode() + b"\n")
else:
    os.kill(pid, signal.SIGKILL)
    print("too slow")
sys.stdout.write(shown.decode("utf-8", "replace").replace("\r", ""))
for prompt, _ in script:
    print("never asked: " + prompt)
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(status if 0 <= status < 128 else 128)
