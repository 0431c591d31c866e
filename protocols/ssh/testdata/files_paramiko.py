"""Does with paramiko what people do with files, in the folder given, and prints what came of it."""
import io, os, stat, sys
import paramiko

host, port, user, key, there = sys.argv[1:6]
client = paramiko.Transport((host, int(port)))
client.start_client()
if key:
    client.auth_publickey(user, paramiko.Ed25519Key.from_private_key_file(key))
else:
    client.auth_none(user)
sftp = paramiko.SFTPClient.from_transport(client)
sftp.chdir(there)
body = os.urandom(64) * 50_000  # 3.2 MB
sftp.mkdir("dir", 0o750)
sftp.putfo(io.BytesIO(body), "dir/up")  # pipelined
back = io.BytesIO()
sftp.getfo("dir/up", back)  # prefetched
print("same", back.getvalue() == body)
with sftp.open("dir/up", "r+") as f:
    f.seek(10)
    f.write(b"xyz")
    f.seek(0)
    print("read", f.read(16) == body[:10] + b"xyz" + body[13:16])
with sftp.open("dir/up", "a") as f:
    f.write(b"tail")
    print("size", f.stat().st_size)
with sftp.open("dir/up", "rb") as f:
    print("readv", [len(x) for x in f.readv([(0, 100), (1000, 5), (40_000, 70_000)])])
sftp.truncate("dir/up", 100)
print("truncated", sftp.stat("dir/up").st_size)
sftp.chmod("dir/up", 0o640)
sftp.utime("dir/up", (1, 2))
st = sftp.lstat("dir/up")
print("attrs", oct(stat.S_IMODE(st.st_mode)), st.st_mtime)
sftp.rename("dir/up", "dir/moved")
sftp.posix_rename("dir/moved", "dir/again")
sftp.symlink("again", "dir/link")
print("link", sftp.readlink("dir/link"), sftp.normalize("dir/../dir/link") == os.path.join(os.path.realpath(there), "dir/again"))
print("list", sorted(sftp.listdir("dir")))
for what in (lambda: sftp.remove("nothing"), lambda: sftp.rmdir("dir"), lambda: sftp.open("/proc/1/mem/none")):
    try:
        what()
    except OSError as e:
        print("error", e.errno)
sftp.remove("dir/link")
sftp.remove("dir/again")
sftp.rmdir("dir")
sftp.close()
client.close()
