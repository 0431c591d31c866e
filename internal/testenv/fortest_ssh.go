package testenv

import (
	"context"
	"os"
	"os/exec"
	"sync"
	"testing"
)

// sharedSSH is the one OpenSSH server of this test binary. It goes with the process.
var sharedSSH = sync.OnceValues(func() (*SSHServer, error) {
	return OpenSSH(context.Background(), Options{LogStatements: true, Owned: true})
})

// SSHForTest returns the server that all tests of this binary share: what it runs is in Programs, what sftp-server does in
// Files. Tests must neither stop it nor leave processes there.
func SSHForTest(t testing.TB) *SSHServer {
	t.Helper()
	return forTest(t, "openssh", sharedSSH)
}

// NewSSHForTest starts a server for one test, to be configured or stopped at will. Options.Owned is implied.
func NewSSHForTest(t testing.TB, opt Options) *SSHServer {
	t.Helper()
	return newForTest(t, "openssh", opt, OpenSSH)
}

// SSHTool returns the path of one of OpenSSH's programs, or skips the test.
func SSHTool(t testing.TB, name string) string {
	t.Helper()
	return tool(t, name, EnsureSSH, SSHBinary)
}

// Program is one of OpenSSH's clients (ssh, scp, sftp) for a login that it knows as "target".
func (l SSHLogin) Program(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	config, err := l.Config(t.TempDir(), "target", "target")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(SSHTool(t, name), append([]string{"-F", config}, args...)...)
	cmd.Env = CleanEnv()
	return cmd
}

// NeedTerminals skips the test where the server can give no terminal: a server of anybody but root's needs a /dev/pts
// mounted with the group tty, as systems have it and some containers don't.
func (s *SSHServer) NeedTerminals(t testing.TB) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if out, err := s.Login().Program(t, "ssh", "-tt", "target", "true").CombinedOutput(); err != nil {
		t.Skipf("%s a terminal from sshd: %v\n%s", SkipMark, err, out)
	}
}
