package ssh

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/protocols"
)

// content writes a file of random bytes and returns what a record shows of its hash.
func content(t *testing.T, path string, size int) string {
	t.Helper()
	b := make([]byte, size)
	rand.Read(b)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	return fmt.Sprintf("hash=%.4x", sum[:])
}

// same checks that two files hold the same.
func same(t *testing.T, a, b string) {
	t.Helper()
	x, err := os.ReadFile(a)
	y, err2 := os.ReadFile(b)
	if err != nil || err2 != nil || string(x) != string(y) {
		t.Errorf("%s and %s: %v %v, %d and %d bytes", a, b, err, err2, len(x), len(y))
	}
}

const mib = 1 << 20

func TestSFTPBatch(t *testing.T) {
	g, _ := newRelayGate(t, nil)
	here, there := t.TempDir(), t.TempDir()
	up, down := content(t, here+"/up", 3*mib+5), content(t, there+"/down", 5*mib+3)
	batch := strings.NewReplacer("THERE", there, "HERE", here).Replace(`
		put HERE/up THERE/a/../up
		get THERE/down HERE/down
		mkdir THERE/dir
		rename THERE/up THERE/dir/moved
		ln -s moved THERE/dir/link
		chmod 640 THERE/dir/moved
		rm THERE/dir/link
		-rm THERE/forbidden
		-rmdir THERE/none
		ls THERE/dir`)
	cmd := g.login().Program(t, "sftp", "-b", "-", "target")
	out, errs, code := runCommand(t, cmd, batch)
	if code != 0 {
		t.Fatalf("%s%s%d", out, errs, code)
	}
	same(t, here+"/up", there+"/dir/moved")
	same(t, here+"/down", there+"/down")
	tape := g.tape(t, 0)
	tape.await(t, "result #1 of=1")
	lines := strings.Join(tape.lines(), "\n")
	for _, want := range []string{
		fmt.Sprintf("open-write %q", there+"/up"),
		fmt.Sprintf("done bytes=%d %s", 3*mib+5, up),
		fmt.Sprintf("done bytes=%d %s", 5*mib+3, down),
		fmt.Sprintf("rename %q", there+"/up"),
		fmt.Sprintf("symlink %q", there+"/dir/link"),
		fmt.Sprintf("denied #1 remove %q", there+"/forbidden"),
		`failed code=SSH_FX_NO_SUCH_FILE`,
	} {
		if !strings.Contains(lines, want) {
			t.Errorf("not on the tape: %s\n%s", want, lines)
		}
	}
}

func TestSCP(t *testing.T) {
	for _, protocol := range []string{"-O", "-s"} {
		t.Run(protocol, func(t *testing.T) {
			g, _ := newRelayGate(t, nil)
			here, there, back := t.TempDir(), t.TempDir(), t.TempDir()
			os.MkdirAll(here+"/tree/in", 0o755)
			sum := content(t, here+"/tree/in/file", 2*mib+1)
			empty := content(t, here+"/tree/empty", 0)
			content(t, here+"/tree/forbidden", 3)
			scp := func(args ...string) (string, int) {
				_, errs, code := runCommand(t, g.login().Program(t, "scp", append([]string{protocol, "-r", "-p"}, args...)...), "")
				return errs, code
			}
			if errs, code := scp(here+"/tree", "target:"+there+"/"); code == 0 || !strings.Contains(errs, "forbidden") {
				t.Errorf("%d %s", code, errs)
			}
			same(t, here+"/tree/in/file", there+"/tree/in/file")
			same(t, here+"/tree/empty", there+"/tree/empty")
			if _, err := os.Stat(there + "/tree/forbidden"); err == nil {
				t.Error("what was refused is there")
			}
			content(t, there+"/tree/forbidden", 3)
			if errs, code := scp("target:"+there+"/tree", back); code == 0 {
				t.Errorf("%d %s", code, errs)
			}
			same(t, here+"/tree/in/file", back+"/tree/in/file")
			if _, err := os.Stat(back + "/tree/forbidden"); err == nil {
				t.Error("what was refused came back")
			}
			for i, verb := range []string{"open-write", "open-read"} {
				tape := g.tape(t, i)
				tape.await(t, "result #1 of=1")
				lines := strings.Join(tape.lines(), "\n")
				for _, want := range []string{
					fmt.Sprintf("%s %q", verb, there+"/tree/in/file"),
					fmt.Sprintf("done bytes=%d %s", 2*mib+1, sum),
					"done " + empty,
					fmt.Sprintf("denied #1 %s %q", verb, there+"/tree/forbidden"),
				} {
					if !strings.Contains(lines, want) {
						t.Errorf("not on the tape: %s\n%s", want, lines)
					}
				}
			}
		})
	}
}

// A terminal in raw mode carries SFTP as well as none: asking for one must not hide files.
func TestSFTPOnTerminal(t *testing.T) {
	g, _ := newRelayGate(t, nil)
	ch := session(t, g.client(t))
	modes := "\x48\x00\x00\x00\x00\x00" // ICANON off; the end
	request(t, ch, "pty-req", ptyRequest{Term: "dumb", Columns: 80, Rows: 24, Modes: modes})
	request(t, ch, "subsystem", programRequest{"sftp"})
	ch.Write([]byte{0, 0, 0, 5, 99, 0, 0, 0, 3})
	g.tape(t, 0).await(t, "sent a packet of type 99 before it said which version it speaks")
}

// What breaks the protocol ends the channel, says why and is on record.
func TestSFTPMalformed(t *testing.T) {
	g, _ := newRelayGate(t, nil)
	_, errs, _ := g.run(t, "\x00\x00\x00\x05\x01\x00\x00\x00\x03\x00\x00\x00\x01\x63", "-s", "target", "sftp")
	if !strings.Contains(errs, "gatefold: sftp: the client sent a request of 1 bytes, which has no id") {
		t.Errorf("%q", errs)
	}
	g.tape(t, 0).await(t, "notice #1 sftp")
}

func TestRsyncAndGit(t *testing.T) {
	g, _ := newRelayGate(t, nil)
	here, there := t.TempDir(), t.TempDir()
	content(t, here+"/file", mib)
	conf, err := g.login().Config(t.TempDir(), "target", "target")
	if err != nil {
		t.Fatal(err)
	}
	program := func(name string, args ...string) {
		t.Helper()
		cmd := g.login().Program(t, "ssh") // for its environment
		path, err := exec.LookPath(name)
		if err != nil {
			t.Skip(err)
		}
		cmd.Path, cmd.Args = path, append([]string{name}, args...)
		cmd.Env = append(os.Environ(), "GIT_SSH_COMMAND=ssh -F "+conf, "HOME="+here, "GIT_CONFIG_NOSYSTEM=1")
		if out, errs, code := runCommand(t, cmd, ""); code != 0 {
			t.Fatalf("%s %q: %s%s%d", name, args, out, errs, code)
		}
	}
	program("rsync", "-e", "ssh -F "+conf, here+"/file", "target:"+there+"/")
	same(t, here+"/file", there+"/file")
	program("git", "init", "-q", "--bare", there+"/x.git")
	program("git", "clone", "-q", "target:"+there+"/x.git", here+"/x")
	program("git", "-C", here+"/x", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "one")
	program("git", "-C", here+"/x", "push", "-q", "origin", "HEAD:main")
	if _, err := os.Stat(filepath.Join(there, "x.git/refs/heads/main")); err != nil {
		t.Error(err)
	}
	for i := range 3 {
		tape := g.tape(t, i)
		tape.await(t, " done")
		if text := tape.text(record.KindOutput, 1, 0); text != "" {
			t.Errorf("%d bytes of content are on record", len(text))
		}
	}
}

// What paramiko and asyncssh do ends through the gate as it does directly.
func TestFilesOfLibraries(t *testing.T) {
	for _, library := range []string{"paramiko", "asyncssh"} {
		t.Run(library, func(t *testing.T) {
			if exec.Command("/usr/bin/python3", "-c", "import "+library).Run() != nil {
				t.Skip("python3 has no " + library)
			}
			g, server := newRelayGate(t, nil)
			do := func(l testenv.SSHLogin, key string) string {
				there := t.TempDir()
				cmd := exec.Command("/usr/bin/python3", "testdata/files_"+library+".py", l.Host, fmt.Sprint(l.Port), l.User, key, there)
				out, errs, code := runCommand(t, cmd, "")
				if code != 0 {
					t.Errorf("%s\n%s", out, errs)
				}
				return strings.ReplaceAll(out, there, "THERE")
			}
			direct, through := do(server.Login(), server.Key), do(g.login(), "")
			if direct != through {
				t.Errorf("directly:\n%s\nthrough the gate:\n%s", direct, through)
			}
			for _, line := range g.tape(t, 0).lines(record.KindNotice) {
				t.Error(line)
			}
		})
	}
}

// An sshd takes a text to end at a zero byte: "sftp" and one is sftp to it, and would be no files to us.
func TestZeroByte(t *testing.T) {
	g, server := newRelayGate(t, nil)
	ch := session(t, g.client(t))
	before, _ := server.Ran()
	if request(t, ch, "env", envRequest{"LANG\x00", "C"}) || request(t, ch, "env", envRequest{"LANG", "C\x00"}) {
		t.Error("a variable with a zero byte was set")
	}
	if request(t, ch, "subsystem", programRequest{"sftp\x00"}) || request(t, ch, "exec", programRequest{"id\x00"}) {
		t.Error("a program with a zero byte ran")
	}
	if after, err := server.Ran(); err != nil || len(after) != len(before) {
		t.Errorf("the server ran %q: %v", after[len(before):], err)
	}
	if lines := g.tape(t, 0).lines(record.KindExec); len(lines) > 0 {
		t.Error(lines)
	}
}

// sftpPacket is one of SFTP (draft-ietf-secsh-filexfer-02, section 3). A field is a uint32, a uint64 or a string.
func sftpPacket(kind byte, fields ...any) []byte {
	p := []byte{0, 0, 0, 0, kind}
	for _, f := range fields {
		switch v := f.(type) {
		case int:
			p = binary.BigEndian.AppendUint32(p, uint32(v))
		case uint64:
			p = binary.BigEndian.AppendUint64(p, v)
		case string:
			p = append(binary.BigEndian.AppendUint32(p, uint32(len(v))), v...)
		}
	}
	binary.BigEndian.PutUint32(p, uint32(len(p)-4))
	return p
}

// answered reads the next packet that the server sends.
func answered(t *testing.T, ch io.Reader) []byte {
	t.Helper()
	head := make([]byte, 4)
	if _, err := io.ReadFull(ch, head); err != nil {
		t.Fatal(err)
	}
	p := make([]byte, binary.BigEndian.Uint32(head))
	if _, err := io.ReadFull(ch, p); err != nil {
		t.Fatal(err)
	}
	return p
}

// startSFTP begins SFTP on a channel of its own.
func startSFTP(t *testing.T, c *ssh.Client) ssh.Channel {
	t.Helper()
	ch := session(t, c)
	if !request(t, ch, "subsystem", programRequest{"sftp"}) {
		t.Fatal("sftp was refused")
	}
	ch.Write(sftpPacket(1, 3))
	answered(t, ch)
	return ch
}

// What is open when a session is killed has its Result before the session's end.
func TestSFTPKilled(t *testing.T) {
	g, _ := newRelayGate(t, nil)
	path := t.TempDir() + "/file"
	content(t, path, mib)
	ch := startSFTP(t, g.client(t))
	ch.Write(sftpPacket(3, 1, path, 1, 0))
	handle := answered(t, ch)[9:]
	ch.Write(sftpPacket(5, 2, string(handle), uint64(0), 1000))
	answered(t, ch)
	g.kill(0, &protocols.Error{Class: protocols.ClassShutdown, Message: "killed"})
	g.ended(t, 0)
	lines := strings.Join(g.tape(t, 0).lines(record.KindResult), "\n")
	if !strings.Contains(lines, `unknown bytes=1000 message="it was not closed"`) {
		t.Error(lines)
	}
}

// A request that waits for an approval keeps its place; a policy that bars the session in between refuses it.
func TestSFTPPending(t *testing.T) {
	g, _ := newRelayGate(t, nil)
	ch := startSFTP(t, g.client(t))
	ch.Write(append(sftpPacket(17, 1, "/pending"), sftpPacket(17, 2, "/forbidden")...))
	tape := g.tape(t, 0)
	tape.await(t, "stat \"/pending\"")
	close(tape.release)
	for id := byte(1); id <= 2; id++ {
		if p := answered(t, ch); p[0] != 101 || p[4] != id {
			t.Errorf("%q", p)
		}
	}
	tape.bar(&protocols.Error{Class: protocols.ClassDenied, Message: "no more"})
	ch.Write(sftpPacket(17, 3, "/"))
	if p := answered(t, ch); p[4] != 3 || !strings.Contains(string(p), "no more") {
		t.Errorf("%q", p)
	}
}
