package testenv

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// runSSH runs one of OpenSSH's clients for a login and returns what it said.
func (l SSHLogin) runSSH(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	out, err := l.Program(t, name, args...).CombinedOutput()
	return string(out), err
}

// What a program leaves behind is its own business: HOME is the server's.
func TestOpenSSHRunsPrograms(t *testing.T) {
	s := SSHForTest(t)
	out, err := s.Login().runSSH(t, "ssh", "target", `printf '%s %s\n' "$HOME" "$0"; exit 3`)
	if out != s.Home+" "+os.Getenv("SHELL")+"\n" && !strings.HasPrefix(out, s.Home+" ") {
		t.Errorf("said %q", out)
	}
	var exit *exec.ExitError
	if err == nil || !asExit(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("ended with %v", err)
	}
}

func asExit(err error, exit **exec.ExitError) bool {
	e, ok := err.(*exec.ExitError)
	*exit = e
	return ok
}

// The log is the witness of what was run, to the byte; sftp-server's of files.
func TestOpenSSHTellsWhatItRan(t *testing.T) {
	s := SSHForTest(t)
	before, err := s.Ran()
	if err != nil {
		t.Fatal(err)
	}
	const odd = "echo 'a  b' \"ü\"\necho $((1 + 1)) \\\\"
	if out, err := s.Login().runSSH(t, "ssh", "target", odd); err != nil || out != "a  b ü\n2 \\\n" {
		t.Errorf("%v, said %q", err, out)
	}
	shell := s.Login().Program(t, "ssh", "target")
	shell.Stdin = strings.NewReader("echo from a shell\n")
	if out, err := shell.Output(); err != nil || !strings.Contains(string(out), "from a shell\n") {
		t.Errorf("%v, said %q", err, out)
	}
	sent := filepath.Join(t.TempDir(), "sent")
	if err := os.WriteFile(sent, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := s.Login().runSSH(t, "scp", sent, "target:"+s.Home+"/received"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	ran, err := s.Ran()
	if err != nil {
		t.Fatal(err)
	}
	ran = ran[len(before):]
	if len(ran) != 3 || ran[0] != odd || ran[1] != "" || !strings.Contains(ran[2], "sftp-server") {
		t.Errorf("ran %q", ran)
	}
	files, err := os.ReadFile(s.Files)
	if err != nil || !strings.Contains(string(files), `close "`+s.Home+`/received" bytes read 0 written 7`) {
		t.Errorf("%v, files:\n%s", err, files)
	}
}

// It takes a certificate of its authority, and no other key.
func TestOpenSSHTakesCertificates(t *testing.T) {
	s := SSHForTest(t)
	key, err := NewSSHKey()
	if err != nil {
		t.Fatal(err)
	}
	l := s.Login()
	l.Key = filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(l.Key, key.Private, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := l.runSSH(t, "ssh", "target", "true"); err == nil || !strings.Contains(out, "Permission denied (publickey)") {
		t.Errorf("a stranger's key: %v\n%s", err, out)
	}
	authority := readSSHKey(t, s.UserCA)
	cert, err := authority.Certify(key, ssh.UserCert, "somebody", s.Superuser)
	if err != nil {
		t.Fatal(err)
	}
	l.Cert = l.Key + "-cert.pub"
	if err := os.WriteFile(l.Cert, cert, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := l.runSSH(t, "ssh", "target", "true"); err != nil {
		t.Errorf("a certificate: %v\n%s", err, out)
	}
	client, err := l.Dial()
	if err != nil {
		t.Fatal(err)
	}
	client.Close()
}

func readSSHKey(t *testing.T, path string) *SSHKey {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return &SSHKey{Private: text, signer: signer}
}

// Whoever trusts the host's authority needs no list of keys.
func TestOpenSSHHasAHostCertificate(t *testing.T) {
	s := SSHForTest(t)
	l := s.Login()
	l.HostKeys = nil
	dir := t.TempDir()
	config, err := l.Config(dir, "target", "target")
	if err != nil {
		t.Fatal(err)
	}
	known := []byte("@cert-authority * " + s.HostCA + "\n")
	if err := os.WriteFile(filepath.Join(dir, "target.known_hosts"), known, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(SSHTool(t, "ssh"), "-F", config, "target", "true").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// Sessions have processes of their own, which Stop ends, too.
func TestOpenSSHEndsItsSessions(t *testing.T) {
	s := NewSSHForTest(t, Options{})
	cmd := s.Login().Program(t, "ssh", "target", "echo up; sleep 100")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if said := make([]byte, 3); func() bool { _, err := out.Read(said); return err != nil || !bytes.Equal(said, []byte("up\n")) }() {
		t.Fatal("no session")
	}
	sessions := openssh{}.outlive(s.PID)
	if len(sessions) != 1 {
		t.Errorf("sessions: %v", sessions)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(sessions, Alive) {
		t.Error("a session outlives its server")
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the client ended well")
	}
}
