"""Does with asyncssh what people do with files, in the folder given, and prints what came of it."""
import asyncio, os, sys
import asyncssh


async def main(host, port, user, key, there):
    how = dict(client_keys=[key]) if key else dict(password="any", client_keys=None)
    async with asyncssh.connect(host, int(port), username=user, known_hosts=None, config=None, agent_path=None, **how) as conn:
        async with conn.start_sftp_client() as sftp:
            body = os.urandom(64) * 50_000
            with open(there + "/here", "wb") as f:
                f.write(body)
            await sftp.makedirs(there + "/a/b")
            await sftp.put(there + "/here", there + "/a/b/up")
            await sftp.get(there + "/a/b/up", there + "/back")
            print("same", open(there + "/back", "rb").read() == body)
            await sftp.chdir(there)
            await sftp.symlink(there + "/a/b/up", there + "/a/link")  # the order of the two depends on who the server says that it is
            print("link", os.readlink(there + "/a/link"))
            await sftp.link("a/b/up", "a/hard")
            print("hard", (await sftp.stat("a/hard")).nlink)
            await sftp.posix_rename("a/hard", "a/soft")
            async with sftp.open("a/soft", "r+b") as f:
                await f.seek(5)
                await f.write(b"12345")
                await f.fsync()
                await f.seek(0)
                print("read", (await f.read(10)) == body[:5] + b"12345")
                print("vfs", (await f.statvfs()).bsize > 0)
            print("list", sorted(x for x in await sftp.listdir("a")))
            print("glob", sorted(x.decode() if isinstance(x, bytes) else x for x in await sftp.glob("a/*")))
            try:
                await sftp.remove("none")
            except asyncssh.SFTPError as e:
                print("error", e.code)
            await sftp.rmtree("a")
            print("gone", await sftp.exists("a"))


asyncio.run(main(*sys.argv[1:6]))
