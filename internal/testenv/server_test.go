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
)

// product is what the tests that hold for each kind of server need of one.
type product struct {
	kind   kind
	needs  func(testing.TB)
	start  func(context.Context, Options) (*Server, use, error)
	new    func(testing.TB, Options)
	binEnv string
}

// use is what a client does with a server.
type use struct {
	leave func(testing.TB) // something that stays there
	find  func(testing.TB) // it again
	ping  func(testing.TB)
}

// useSQL is that of a database.
func useSQL(run func(testing.TB, string)) use {
	return use{
		leave: func(t testing.TB) { t.Helper(); run(t, "CREATE TABLE kept (i int)") },
		find:  func(t testing.TB) { t.Helper(); run(t, "SELECT * FROM kept") },
		ping:  func(t testing.TB) { t.Helper(); run(t, "SELECT 1") },
	}
}

var products = map[string]product{
	"postgresql": {postgres{}, func(t testing.TB) { Tool(t, "postgres") }, startPostgres,
		func(t testing.TB, opt Options) { NewForTest(t, opt) }, envBin},
	"mariadb": {mariadb{}, func(t testing.TB) { MariaDBTool(t, "mariadbd") }, startMariaDB,
		func(t testing.TB, opt Options) { NewMariaDBForTest(t, opt) }, envMariaDB},
	"openssh": {openssh{}, func(t testing.TB) { SSHTool(t, "sshd") }, startOpenSSH,
		func(t testing.TB, opt Options) { NewSSHForTest(t, opt) }, envSSH},
}

func startPostgres(ctx context.Context, opt Options) (*Server, use, error) {
	s, err := Postgres(ctx, opt)
	if err != nil {
		return nil, use{}, err
	}
	return &s.Server, useSQL(func(t testing.TB, sql string) { t.Helper(); s.MustExec(t, Superuser, sql) }), nil
}

func startMariaDB(ctx context.Context, opt Options) (*Server, use, error) {
	s, err := MariaDB(ctx, opt)
	if err != nil {
		return nil, use{}, err
	}
	return &s.Server, useSQL(func(t testing.TB, sql string) { t.Helper(); s.MustExec(t, "mysql", sql) }), nil
}

func startOpenSSH(ctx context.Context, opt Options) (*Server, use, error) {
	s, err := OpenSSH(ctx, opt)
	if err != nil {
		return nil, use{}, err
	}
	run := func(command string) func(testing.TB) {
		return func(t testing.TB) {
			t.Helper()
			if out, err := s.Login().Program(t, "ssh", "target", command).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", command, err, out)
			}
		}
	}
	return &s.Server, use{leave: run(`touch "$HOME/kept"`), find: run(`test -e "$HOME/kept"`), ping: run("true")}, nil
}

// forEach runs a test for each product that is here.
func forEach(t *testing.T, test func(*testing.T, product)) {
	for name, p := range products {
		t.Run(name, func(t *testing.T) {
			p.needs(t)
			test(t, p)
		})
	}
}

// begin starts a server that the test's end closes.
func (p product) begin(t *testing.T, opt Options) (*Server, use) {
	t.Helper()
	s, use, err := p.start(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, use
}

// helperDir makes this test binary, run again, start a server of that product in that folder ("mariadb /tmp/x"), say so
// and wait to be killed.
const helperDir = "TESTENV_HELPER_DIR"

func TestMain(m *testing.M) {
	if what, again := os.LookupEnv(helperDir); again {
		name, dir, _ := strings.Cut(what, " ")
		s, _, err := products[name].start(context.Background(), Options{Dir: dir, Owned: dir == ""})
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

func TestStopAndStartKeepData(t *testing.T) {
	forEach(t, func(t *testing.T, p product) {
		s, use := p.begin(t, Options{Owned: true})
		use.leave(t)
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
		use.find(t)
	})
}

// A run killed with SIGKILL leaves its server; the next one in the same folder ends it and works.
func TestStaleServerIsStopped(t *testing.T) {
	forEach(t, func(t *testing.T, p product) {
		dir := openDir(t)
		cmd, data := startHelper(t, p, dir)
		kill(t, cmd)
		old, ok := p.kind.running(data)
		if !ok || !runs(p.kind, dir) {
			t.Fatal("the server went with its starter: nothing stale to find")
		}
		_, use := p.begin(t, Options{Dir: dir})
		if Alive(old.pid) {
			t.Errorf("the old server, pid %d, is still there", old.pid)
		}
		if _, err := os.Stat(old.socket); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the old server's socket folder %s is still there: %v", old.socket, err)
		}
		use.ping(t)
	})
}

// A server that was itself killed leaves its sockets and its pid file; the next run is not bothered by either.
func TestKilledServerIsCleanedUp(t *testing.T) {
	forEach(t, func(t *testing.T, p product) {
		dir := openDir(t)
		first, _ := p.begin(t, Options{Dir: dir})
		if err := End(first.PID, 10*time.Second, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		_, use := p.begin(t, Options{Dir: dir})
		if _, err := os.Stat(first.SocketDir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the killed server's socket folder is still there: %v", err)
		}
		use.ping(t)
	})
}

// An Owned server and its folder go with the process that started it, even by SIGKILL.
func TestOwnedServerGoesWithItsOwner(t *testing.T) {
	forEach(t, func(t *testing.T, p product) {
		cmd, data := startHelper(t, p, "")
		r, ok := p.kind.running(data)
		if !ok {
			t.Fatal("no server")
		}
		kill(t, cmd)
		if !gone(r.pid, 30*time.Second) {
			t.Fatalf("the server, pid %d, outlives its owner", r.pid)
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
	})
}

// A port that somebody has is said, and a wrong setting with the server's own words.
func TestServerSaysWhyItEnded(t *testing.T) {
	forEach(t, func(t *testing.T, p product) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		_, _, err = p.start(t.Context(), Options{Port: l.Addr().(*net.TCPAddr).Port})
		if !errors.Is(err, errPortTaken) {
			t.Errorf("a taken port: %v", err)
		}
		_, _, err = p.start(t.Context(), Options{Settings: map[string]string{"no_such_setting": "1"}})
		if err == nil || !strings.Contains(err.Error(), "no_such_setting") {
			t.Errorf("a wrong setting: %v", err)
		}
	})
}

func startHelper(t *testing.T, p product, dir string) (*exec.Cmd, string) {
	t.Helper()
	var data string
	for name, known := range products {
		if known.kind == p.kind {
			dir = name + " " + dir
		}
	}
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
	forEach(t, func(t *testing.T, p product) {
		if len(p.kind.accounts()) == 0 {
			t.Skip("it runs as root")
		}
		closed := filepath.Join(openDir(t), "closed")
		if err := os.Mkdir(closed, 0o700); err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(closed, "db")
		t.Cleanup(func() { _ = removeDir(dir) })
		first, _ := p.begin(t, Options{Dir: dir})
		second, _ := p.begin(t, Options{Dir: dir})
		if first.DataDir != second.DataDir || strings.HasPrefix(first.DataDir, closed) {
			t.Errorf("data in %s, then in %s", first.DataDir, second.DataDir)
		}
		if Alive(first.PID) {
			t.Error("the first server is still there")
		}
	})
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

func TestMissingServerIsSkipped(t *testing.T) {
	t.Setenv(envNoInstall, "1")
	for name, p := range products {
		t.Setenv(p.binEnv, t.TempDir())
		fake := &fakeT{TB: t}
		func() {
			defer func() { _ = recover() }()
			p.new(fake, Options{})
		}()
		if !strings.HasPrefix(fake.skipped, SkipMark+" "+name) {
			t.Errorf("%s is skipped with %q", name, fake.skipped)
		}
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
