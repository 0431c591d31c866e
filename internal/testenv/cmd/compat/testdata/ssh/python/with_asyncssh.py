"""What asyncssh sees of a server."""

import asyncio
import hashlib
import os

import asyncssh

E = os.environ
REMOTE, LOCAL = E["COMPAT_REMOTE"], E["COMPAT_LOCAL"]


def tell(*what):
    print(*what, flush=True)


async def attempt(name, call):
    try:
        tell(name, await call)
    except Exception as e:
        tell(name, "raises", type(e).__name__, getattr(e, "code", ""), e)


def short(text):
    raw = text if isinstance(text, bytes) else (text or "").encode()
    return repr(text) if len(raw) < 300 else hashlib.sha256(raw).hexdigest()


async def run(conn, command, **more):
    r = await conn.run(command, **more)
    return short(r.stdout), short(r.stderr), r.exit_status, r.exit_signal


async def signals(conn):
    said = []
    for name in ["TERM", "INT", "USR1", "KILL"]:
        p = await conn.create_process("trap 'echo told; exit 9' USR1; echo up; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.2; done")
        await p.stdout.readline()
        p.send_signal(name)
        out, _ = await p.communicate()
        said.append((name, out, p.exit_status, p.exit_signal and p.exit_signal[0]))
    return said


async def terminal(conn):
    p = await conn.create_process("bash --norc --noprofile -c 'stty size; read x; stty size; trap \"echo Ctrl-C; exit 4\" INT; echo now; sleep 5'",
                                  term_type="xterm", term_size=(80, 24))
    said = [await p.stdout.readline()]
    p.change_terminal_size(132, 50)
    p.stdin.write("\n")
    said += [await p.stdout.readline() for _ in range(3)]
    p.stdin.write("\x03")
    out, _ = await p.communicate()
    return [s.strip() for s in said], "Ctrl-C" in out, p.exit_status


async def breaks(conn):
    p = await conn.create_process("echo up; sleep 3", term_type="xterm")
    await p.stdout.readline()
    p.send_break(1000)
    p.terminate()
    p.close()
    await p.wait_closed()
    return "closed"


async def redirected(conn):
    async with conn.create_process("wc -c", stdin=LOCAL + "/body", encoding=None) as p:
        out, _ = await p.communicate()
        return out.strip(), p.exit_status


async def pipes(conn):
    a = await conn.create_process("seq 1 50000")
    b = await conn.create_process("sha256sum", stdin=a.stdout)
    return (await b.wait()).stdout


async def files(conn):
    async with conn.start_sftp_client() as s:
        tell("version", s.version)
        await s.chdir(REMOTE)
        await s.mkdir("d")
        await s.put(LOCAL + "/body", "d/body")
        await s.get("d/body", LOCAL + "/back")
        tell("same", open(LOCAL + "/back", "rb").read() == open(LOCAL + "/body", "rb").read())
        await s.put(LOCAL + "/body", "d/small-blocks", block_size=1000, max_requests=256)
        await s.get("d/small-blocks", LOCAL + "/back", block_size=1000, max_requests=256)
        tell("same", open(LOCAL + "/back", "rb").read() == open(LOCAL + "/body", "rb").read())
        async with s.open("d/f", "w+") as f:
            await f.write("hello\n" * 100)
            await f.seek(6)
            tell("read", repr(await f.read(5)), await f.tell())
            await f.truncate(60)
        await attempt("stat", size(s, "d/f"))
        await attempt("glob", globbed(s, "d/*"))
        await attempt("walk", s.listdir("d"))
        await attempt("symlink", s.symlink("f", "d/l"))
        await attempt("readlink", s.readlink("d/l"))
        await attempt("link", s.link("d/f", "d/h"))
        await attempt("rename", s.rename("d/f", "d/h"))
        await attempt("posix_rename", s.posix_rename("d/f", "d/h"))
        await attempt("exists", s.exists("d/f"))
        await attempt("chmod", s.chmod("d/h", 0o604))
        await attempt("utime", s.utime("d/h", (1000000000, 1000000000)))
        await attempt("truncate", s.truncate("d/h", 10))
        await attempt("copy on the server", copied(s))
        await attempt("statvfs", known(s.statvfs("d")))
        await attempt("realpath", s.realpath("d/../d/h"))
        await attempt("no such", s.stat("no-such"))
        await attempt("mcopy", s.mput([LOCAL + "/body", LOCAL + "/back"], "d", preserve=True))
        await attempt("tree", s.get("d", LOCAL + "/tree", recurse=True))
        tell(sorted(os.listdir(LOCAL + "/tree")))
        await attempt("rmtree", s.rmtree("d"))
        await s.put(LOCAL + "/body", "kept")


async def size(s, path):
    a = await s.stat(path)
    return a.size, oct(a.permissions)


async def globbed(s, pattern):
    return sorted(await s.glob(pattern))


async def copied(s):
    await s.copy("d/h", "d/h2")
    return (await s.stat("d/h2")).size


async def known(call):
    return (await call).bsize > 0


async def main():
    with open(LOCAL + "/body", "wb") as f:
        f.write(bytes(range(256)) * 20000)
    async with asyncssh.connect(E["COMPAT_HOST"], int(E["COMPAT_PORT"]), username=E["COMPAT_USER"], client_keys=[E["COMPAT_KEY"]], known_hosts=E["COMPAT_KNOWN_HOSTS"],
                                agent_path=None, config=None, keepalive_interval=1, keepalive_count_max=60, compression_algs=None) as conn:
        for line in ["true", "exit 42", "echo out; echo err >&2", "kill -SEGV $$", "seq 1 100000", "no-such-program"]:
            await attempt(line, run(conn, line))
        await attempt("input", run(conn, "cat", input="ünï\n" * 1000))
        await attempt("bytes", run(conn, "cat", input=bytes(range(256)) * 20000, encoding=None))
        await attempt("environment", run(conn, "echo $GF_ONE$OTHER", env={"GF_ONE": "1", "OTHER": "2"}))
        await attempt("25 at once", asyncio.gather(*[run(conn, "echo %d; exit %d" % (i, i)) for i in range(25)]))
        await attempt("signals", signals(conn))
        await attempt("terminal", terminal(conn))
        await attempt("break", breaks(conn))
        await attempt("redirected", redirected(conn))
        await attempt("pipes", pipes(conn))
        await attempt("subsystem", run(conn, None, subsystem="no-such"))
        await attempt("shell", run(conn, None, input="echo from a shell\nexit 3\n"))
        await files(conn)
        await attempt("scp up", asyncssh.scp(LOCAL + "/body", (conn, REMOTE + "/by-scp")))
        await attempt("scp down", asyncssh.scp((conn, REMOTE + "/by-scp"), LOCAL + "/down"))
        await attempt("scp of nothing", asyncssh.scp((conn, REMOTE + "/no-such"), LOCAL + "/down"))
        await asyncio.sleep(2.5)  # keepalives
        await attempt("after keepalives", run(conn, "echo on"))


asyncio.run(main())
