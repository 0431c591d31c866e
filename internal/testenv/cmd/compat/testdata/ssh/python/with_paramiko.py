"""What paramiko sees of a server."""

import hashlib
import os
import stat
import time

import paramiko

E = os.environ
REMOTE, LOCAL = E["COMPAT_REMOTE"], E["COMPAT_LOCAL"]


def tell(*what):
    print(*[repr(w) if isinstance(w, bytes) else w for w in what], flush=True)


def attempt(name, call):
    try:
        tell(name, call())
    except Exception as e:
        tell(name, "raises", type(e).__name__, getattr(e, "errno", None), e)


client = paramiko.SSHClient()
client.load_host_keys(E["COMPAT_KNOWN_HOSTS"])
client.set_missing_host_key_policy(paramiko.RejectPolicy())
client.connect(E["COMPAT_HOST"], int(E["COMPAT_PORT"]), E["COMPAT_USER"], key_filename=E["COMPAT_KEY"], look_for_keys=False, allow_agent=False)
transport = client.get_transport()
tell("authenticated", transport.is_authenticated())
transport.set_keepalive(1)


def run(command, stdin=None, **more):
    i, o, e = client.exec_command(command, **more)
    if stdin is not None:
        i.write(stdin)
    i.channel.shutdown_write()
    out, err = o.read(), e.read()
    return (out if len(out) < 300 else hashlib.sha256(out).hexdigest(), err, o.channel.recv_exit_status())


for line in ["true", "exit 42", "echo out; echo err >&2", "kill -TERM $$", "seq 1 100000", "no-such-program"]:
    attempt(line, lambda: run(line))
attempt("cat", lambda: run("cat", b"\x00\x01\xff" * 100))
attempt("big", lambda: run("cat", b"0123456789abcdef" * 200000))
attempt("environment", lambda: run("echo $GF_ONE", environment={"GF_ONE": "1"}))
attempt("pty", lambda: run("stty size; tty >/dev/null && echo a terminal", get_pty=True))


def channels():
    opened = [transport.open_session() for _ in range(20)]
    for i, c in enumerate(opened):
        c.exec_command("cat; exit %d" % i)
    for i, c in enumerate(opened):
        c.sendall(b"%d" % i * 1000)
        c.shutdown_write()
    said = []
    for c in opened:
        data = c.makefile().read()
        said.append((len(data), c.recv_exit_status()))
        c.close()
    return said


attempt("20 channels", channels)


def shell():
    c = client.invoke_shell(term="xterm", width=90, height=30)
    said = b""

    def until(mark):
        nonlocal said
        deadline = time.monotonic() + 20
        while mark not in said:
            if time.monotonic() > deadline:
                raise TimeoutError(said[-300:])
            said += c.recv(65536)

    c.sendall(b"exec bash --norc --noprofile\n")
    time.sleep(1)
    c.sendall(b"PS1='gf''$ '; stty -echo\n")
    until(b"gf$ ")
    said = b""
    c.sendall(b"stty size; echo do''ne\n")
    until(b"done")
    first, said = said, b""
    c.resize_pty(width=100, height=50)
    c.sendall(b"stty size; echo do''ne\n")
    until(b"done")
    second = said
    c.sendall(b"exit 5\n")
    return b"30 90" in first, b"50 100" in second, c.recv_exit_status()


attempt("shell", shell)


def second():
    c = transport.open_session()
    c.exec_command("echo one")
    try:
        c.exec_command("echo two")
        return "taken"
    finally:
        c.close()


attempt("a second program on a channel", second)


def unknown():
    c = transport.open_session()
    try:
        c.invoke_subsystem("no-such")
    finally:
        c.close()


attempt("unknown subsystem", unknown)

# New keys while data flows.
transport.packetizer.REKEY_BYTES = 4 << 20
attempt("rekey", lambda: run("sha256sum", b"0123456789abcdef" * 400000))
attempt("after new keys", lambda: run("echo on"))

sftp = client.open_sftp()
attempt("normalize", lambda: sftp.normalize(".") != "")
sftp.chdir(REMOTE)
attempt("getcwd", lambda: sftp.getcwd() == REMOTE)
sftp.mkdir("d", 0o750)
body = os.urandom(16) * 0 + bytes(range(256)) * 40000
with open(LOCAL + "/body", "wb") as f:
    f.write(body)
attempt("put", lambda: sftp.put(LOCAL + "/body", "d/body").st_size)
attempt("get", lambda: sftp.get("d/body", LOCAL + "/back"))
tell("same", open(LOCAL + "/back", "rb").read() == body)
attempt("get without prefetch", lambda: sftp.get("d/body", LOCAL + "/back", prefetch=False))
tell("same", open(LOCAL + "/back", "rb").read() == body)
with sftp.open("d/f", "w") as f:
    f.set_pipelined(True)
    for i in range(1000):
        f.write("line %d\n" % i)
with sftp.open("d/f", "r") as f:
    tell("lines", sum(1 for _ in f))
    f.seek(1000)
    tell("at 1000", f.read(10))
    tell("readv", list(f.readv([(0, 5), (100, 7), (5000, 3)])))
    tell("stat", f.stat().st_size)
with sftp.open("d/f", "a") as f:
    f.write("end\n")
with sftp.open("d/f", "r+") as f:
    f.write("LINE")
    f.truncate(100)
attempt("x", lambda: sftp.open("d/f", "x"))
attempt("f", lambda: sftp.open("d/f").read()[:12])
for call in [
    lambda: sftp.stat("d/f").st_size,
    lambda: stat.filemode(sftp.lstat("d").st_mode),
    lambda: sftp.stat("no-such"),
    lambda: sftp.listdir("d"),
    lambda: sorted((a.filename, a.st_size) for a in sftp.listdir_attr("d")),
    lambda: sorted(a.filename for a in sftp.listdir_iter("d")),
    lambda: sftp.listdir("no-such"),
    lambda: sftp.chmod("d/f", 0o600),
    lambda: sftp.utime("d/f", (1000000000, 1000000000)),
    lambda: sftp.stat("d/f").st_mtime,
    lambda: sftp.truncate("d/f", 50),
    lambda: sftp.stat("d/f").st_size,
    lambda: sftp.symlink("f", "d/link"),
    lambda: sftp.readlink("d/link"),
    lambda: sftp.rename("d/f", "d/g"),
    lambda: sftp.rename("d/g", "d/body"),
    lambda: sftp.posix_rename("d/g", "d/body"),
    lambda: sftp.remove("d/link"),
    lambda: sftp.remove("no-such"),
    lambda: sftp.rmdir("d"),
    lambda: sftp.unlink("d/body"),
    lambda: sftp.rmdir("d"),
    lambda: sftp.open("/", "w"),
    lambda: sftp.mkdir("/no/such/folder"),
]:
    attempt("sftp", call)
sftp.put(LOCAL + "/body", REMOTE + "/kept")
many = [client.open_sftp() for _ in range(5)]
tell("several", [s.stat(REMOTE + "/kept").st_size for s in many])
time.sleep(2.5)  # keepalives
attempt("after keepalives", lambda: run("echo on"))
client.close()
