"""Somebody at a terminal, with OpenSSH's client: terminal.py CONFIG. What the screen is told is printed as it is, escaped."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time


class Terminal:
    def __init__(self, *args, size=(24, 80)):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            os.execvp("ssh", ["ssh", "-F", sys.argv[1], *args])
        self.said = b""
        self.told = 0
        self.resize(*size)

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.kill(self.pid, signal.SIGWINCH)

    def until(self, mark, seconds=20):
        """Reads until the screen was told mark, behind what was returned before, and returns what was told."""
        deadline = time.monotonic() + seconds
        while True:
            at = self.said.find(mark, self.told)
            if at >= 0:
                told = self.said[self.told:at + len(mark)]
                self.told = at + len(mark)
                return told
            if time.monotonic() > deadline:
                print("nothing of", mark, "in", self.said[self.told:][-1000:])
                sys.exit(1)
            if select.select([self.fd], [], [], 0.1)[0]:
                self.said += self.read()

    def read(self):
        try:
            return os.read(self.fd, 65536)
        except OSError:  # the other side of a terminal that is gone
            return b""

    def type(self, keys):
        os.write(self.fd, keys)

    def do(self, keys, mark=b"gf$ ", seconds=20):
        self.type(keys)
        print(repr(keys), "->", repr(self.until(mark, seconds)))

    def end(self):
        while True:
            some = self.read()
            if not some:
                break
            self.said += some
        print("last:", repr(self.said[self.told:]), "exit", os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1]))


def shell(size=(24, 80), escape="none"):
    t = Terminal("-e", escape, "-t", "target", "exec bash --norc --noprofile", size=size)
    t.until(b"bash-")
    t.type(b"PS1='gf''$ '; unset PROMPT_COMMAND; cd /\n")
    t.until(b"gf$ ")
    return t


t = shell()
t.do(b"stty size; echo $TERM; tty >/dev/null && echo a terminal\n")
# The shell draws its line anew when the window changes, at a moment of its own: it changes while another program runs.
for rows, columns in [(40, 132), (19, 100)]:
    t.do(b"sh -c 'echo g\"\"o; until [ \"$(stty size)\" = \"%d %d\" ]; do sleep 0.1; done; echo changed'\n" % (rows, columns), b"go\r\n")
    for less in (4, 3, 2, 1, 0):
        t.resize(rows - less, columns)
    print(repr(t.until(b"gf$ ")))
t.do(b"echo one; sl", b"sl")
t.do(b"\x7f\x7f", b"\x08 \x08\x08 \x08")
t.do(b"\x15", b"\x1b[K")
t.do(b"\n")
t.do(b"printf 'a\\nb\\n' | cat -A\n")
t.do(b"sh -c 'echo g\"\"o; exec sleep 60'\n", b"go\r\n")
t.do(b"\x03")
t.do(b"echo status $?\n")
# The terminal is a shell's until a program runs: what is typed meanwhile comes in pieces, and a piece without its Enter is read as it is.
t.do(b"sh -c 'echo g\"\"o; exec cat'\n", b"go\r\n")
t.do(b"to cat\n", b"to cat\r\nto cat\r\n")
t.do(b"\x04")
t.do(b"read -s -p 'sec''ret: ' x\n", b"secret: ")
t.do(b"not shown\n")
t.do(b"echo ${#x}\n")
t.do("echo 'ünï 日本 🙂'\n".encode())
t.do(b"printf '\\033[2J\\033[10;20Hhere\\033[1;1H'; printf '\\033[?1049h'; printf '\\033[?1049l'\n")
t.do(b"seq 1 2000 | md5sum; seq 1 300\n", b"300\r\n\x1b[?2004hgf$ ")
t.do(b"\x1b[200~echo pasted\necho twice\x1b[201~", b"twice")
t.do(b"\n", b"twice\r\n")
t.until(b"gf$ ")
t.do(b"\x10\n", b"gf$ ")  # the last command again, by history
t.do(b"stty raw -echo; echo r''aw; od -An -tx1 -N 8; stty sane\n", b"raw\n")
t.do(b"\x00\x01\x03\x04\x1a\x1c\xff\x7f")
t.do(b"trap 'echo hung up' HUP; sleep 60 &\n", b"gf$ ")
t.do(b"kill %1; wait; exit 7\n", b"exit\r\n")
t.end()

t = shell(size=(5, 20))
t.do(b"stty size; echo a line that is longer than the window is\n")
t.do(b"\x04", b"exit\r\n")
t.end()

# The program is cut off by a signal; the client is told.
t = shell()
t.type(b"kill -KILL $$\n")
t.end()

# The client is closed: what runs there is hung up.
t = shell(escape="~")
t.do(b"\n")
t.do(b"~#", b"The following connections are open:\r\n")
t.until(b"\r\n")
t.do(b"\n")
t.type(b"~.")
t.end()
