package testenv

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// helperDir makes this test binary, run again, start a server in that folder, say so and wait to be killed.
const helperDir = "TESTENV_HELPER_DIR"

func TestMain(m *testing.M) {
	if dir, again := os.LookupEnv(helperDir); again {
		s, err := Postgres(context.Background(), Options{Dir: dir, Owned: dir == ""})
		if err != nil {
			os.Stdout.WriteString(err.Error() + "\n")
			os.Exit(1)
		}
		os.Stdout.WriteString("ready " + s.DataDir + "\n")
		select {}
	}
	if path, again := os.LookupEnv(helperLock); again {
		if _, err := LockFolder(context.Background(), path, false); err != nil {
			os.Exit(1)
		}
		os.Stdout.WriteString("ready\n")
		select {}
	}
	if admin, again := os.LookupEnv(helperAdmin); again {
		standIn(admin)
	}
	os.Exit(m.Run())
}

func TestServerHasTLSAndSCRAM(t *testing.T) {
	s := ForTest(t)
	db := s.CreateDB(t)
	user, password := s.CreateRole(t, "")
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, s.UserDSN(user, password, db))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	var tls bool
	var method string
	err = conn.QueryRow(ctx, `SELECT (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()),
		current_setting('password_encryption')`).Scan(&tls, &method)
	if err != nil || !tls || method != "scram-sha-256" {
		t.Errorf("TLS %v, passwords %q, error %v", tls, method, err)
	}
	if _, err := pgx.Connect(ctx, s.UserDSN(user, "wrong", db)); err == nil || !strings.Contains(err.Error(), "28P01") {
		t.Errorf("a wrong password got: %v", err)
	}
}

func TestServerLogsStatements(t *testing.T) {
	s := ForTest(t)
	s.MustExec(t, Superuser, "SELECT 'written in the log'")
	log, err := os.ReadFile(s.LogPath)
	if err != nil || !strings.Contains(string(log), "SELECT 'written in the log'") {
		t.Errorf("not in the log (%v)", err)
	}
}

func TestStopAndStartKeepData(t *testing.T) {
	s := NewForTest(t, Options{})
	s.MustExec(t, Superuser, "CREATE TABLE kept (i int)")
	port := s.Port
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if conn, err := net.Dial("tcp", s.Address()); err == nil {
		conn.Close()
		t.Fatal("something listens after Stop")
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Port != port {
		t.Errorf("port %d became %d", port, s.Port)
	}
	s.MustExec(t, Superuser, "SELECT * FROM kept")
}

// A run killed with SIGKILL leaves its server; the next one in the same folder ends it and works.
func TestStaleServerIsStopped(t *testing.T) {
	Tool(t, "postgres")
	dir := openDir(t)
	cmd, data := startHelper(t, dir)
	kill(t, cmd)
	old, ok := readPostmaster(data)
	if !ok {
		t.Fatal("the server went with its starter: nothing stale to find")
	}
	s, err := Postgres(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if Alive(old.pid) {
		t.Errorf("the old server, pid %d, is still there", old.pid)
	}
	if _, err := os.Stat(old.socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old server's socket folder is still there: %v", err)
	}
	s.MustExec(t, Superuser, "SELECT 1")
}

// A server that was itself killed leaves its sockets and its pid file; the next run is not bothered by either.
func TestKilledServerIsCleanedUp(t *testing.T) {
	Tool(t, "postgres")
	dir := openDir(t)
	first, err := Postgres(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := End(first.PID, 10*time.Second, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	second, err := Postgres(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if _, err := os.Stat(first.SocketDir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the killed server's socket folder is still there: %v", err)
	}
	second.MustExec(t, Superuser, "SELECT 1")
}

// An Owned server and its folder go with the process that started it, even by SIGKILL.
func TestOwnedServerGoesWithItsOwner(t *testing.T) {
	Tool(t, "postgres")
	cmd, data := startHelper(t, "")
	p, ok := readPostmaster(data)
	if !ok {
		t.Fatal("no server")
	}
	kill(t, cmd)
	if !gone(p.pid, 30*time.Second) {
		t.Fatalf("the server, pid %d, outlives its owner", p.pid)
	}
	dir := filepath.Dir(filepath.Dir(data))
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(poll) {
		if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is still there", dir)
		}
	}
}

func startHelper(t *testing.T, dir string) (*exec.Cmd, string) {
	t.Helper()
	var data string
	cmd := startSelf(t, helperDir+"="+dir, &data)
	return cmd, data
}

// startSelf runs this test binary again with one more variable, and returns when it has said "ready" and perhaps a
// word more.
func startSelf(t *testing.T, env string, word ...*string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), env)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 4096)
	n, _ := out.Read(line)
	said, ok := strings.CutPrefix(strings.TrimSpace(string(line[:n])), "ready")
	if !ok {
		kill(t, cmd)
		t.Fatalf("the helper says %q", line[:n])
	}
	for _, w := range word {
		*w = strings.TrimSpace(said)
	}
	return cmd
}

func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
}

// openDir is a folder that other accounts can pass through; t.TempDir's isn't.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "gatefold-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = removeDir(dir) })
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Under a folder that the server's account can't pass through, the server lives elsewhere and is found again.
func TestUnreachableFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root starts servers as somebody else")
	}
	Tool(t, "postgres")
	closed := filepath.Join(openDir(t), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(closed, "pg")
	first, err := Postgres(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	second, err := Postgres(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer removeDir(dir)
	defer second.Close()
	if first.DataDir != second.DataDir || strings.HasPrefix(first.DataDir, closed) {
		t.Errorf("data in %s, then in %s", first.DataDir, second.DataDir)
	}
	if Alive(first.PID) {
		t.Error("the first server is still there")
	}
}

func TestForeignFolderIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	precious := filepath.Join(dir, "precious")
	if err := os.WriteFile(precious, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := removeData(dir); err == nil {
		t.Error("a folder that is not ours was removed")
	}
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
}

// The pid file of a server long gone may name somebody else's process now.
func TestPidOfAnotherProcessIsNotBelieved(t *testing.T) {
	data := t.TempDir()
	text := "1\n" + data + "\n0\n5432\n/tmp\n127.0.0.1\n0\nready\n"
	if err := os.WriteFile(filepath.Join(data, "postmaster.pid"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, ok := readPostmaster(data); ok {
		t.Errorf("process %d is taken for a server", p.pid)
	}
}

func TestMissingServerIsSkipped(t *testing.T) {
	t.Setenv(envBin, t.TempDir())
	t.Setenv(envNoInstall, "1")
	fake := &fakeT{TB: t}
	func() {
		defer func() { _ = recover() }()
		NewForTest(fake, Options{})
	}()
	if !strings.HasPrefix(fake.skipped, SkipMark) {
		t.Errorf("skipped with %q", fake.skipped)
	}
}

// fakeT keeps the reason of a skip.
type fakeT struct {
	testing.TB
	skipped string
}

func (f *fakeT) Helper() {}

func (f *fakeT) Skipf(format string, args ...any) {
	f.skipped = fmt.Sprintf(format, args...)
	panic("skipped")
}

func TestEndOfProcess(t *testing.T) {
	stubborn := exec.Command("sh", "-c", "trap '' INT; echo up; while :; do sleep 1; done")
	out, err := stubborn.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := stubborn.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	pid := stubborn.Process.Pid
	if err := End(pid, 100*time.Millisecond, syscall.SIGINT); err == nil {
		t.Error("a process that ignores SIGINT was said to be gone")
	}
	if err := End(pid, 2*time.Second, syscall.SIGINT, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
	if Alive(pid) {
		t.Error("still alive")
	}
}
