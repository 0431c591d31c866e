"""Ctrl-C in the mariadb client at a terminal, while a statement runs: interrupt.py OPTION-FILE."""

import os
import pty
import select
import sys
import time

pid, terminal = pty.fork()
if pid == 0:
    os.environ["TERM"] = "dumb"
    os.execvp("mariadb", ["mariadb", "--defaults-file=" + sys.argv[1], "--sigint-ignore=0", "--prompt=gf> "])

said = b""


def until(mark, seconds):
    """Reads until the client has said mark, counted from here."""
    global said
    begin, deadline = len(said), time.monotonic() + seconds
    while mark not in said[begin:]:
        if time.monotonic() > deadline:
            print("nothing of", mark, "in", said[-500:])
            sys.exit(1)
        if select.select([terminal], [], [], 0.1)[0]:
            said += os.read(terminal, 65536)
    return said[begin:]


until(b"gf> ", 30)
start = time.monotonic()
os.write(terminal, b"SELECT SLEEP(40) FROM mysql.user, mysql.user AS u;\n")
until(b";\r\n", 10)
time.sleep(1)  # the client has no word for "it runs"
os.write(terminal, b"\x03")
answer = until(b"gf> ", 30)
print("== error 1317:", b"1317" in answer, "| at once:", time.monotonic() - start < 25)
os.write(terminal, b"SELECT 'and', 'on';\n")
print("== goes on:", b"1 row in set" in until(b"gf> ", 10))
os.write(terminal, b"exit\n")
