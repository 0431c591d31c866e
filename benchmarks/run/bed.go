package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gatefold/gatefold/internal/testenv"
)

const (
	database = "bench"
	person   = "bench" // gatefold's user
	scale    = 10      // of pgbench: a million accounts
)

// bed is a throwaway server without TLS, with pgbench's tables, and what stands in front of it.
type bed struct {
	dir      string
	bin      string // gatefold
	server   *testenv.PostgresServer
	password string // of person
	close    []func() error
}

// newBed starts the server and builds the gateway. dir is where journals and archives go; empty: a temporary folder.
func newBed(ctx context.Context, dir string) (b *bed, err error) {
	if dir, err = os.MkdirTemp(dir, "gatefold-bench-"); err != nil {
		return nil, err
	}
	b = &bed{dir: dir, bin: filepath.Join(dir, "bin", "gatefold"), password: testenv.NewPassword()}
	b.close = append(b.close, func() error { return os.RemoveAll(dir) })
	defer func() {
		if err != nil {
			err = errors.Join(err, b.end())
		}
	}()
	if out, err := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", b.bin, "github.com/gatefold/gatefold/cmd/gatefold").CombinedOutput(); err != nil {
		return b, fmt.Errorf("build gatefold: %w\n%s", err, out)
	}
	if b.server, err = testenv.Postgres(ctx, testenv.Options{Owned: true, Settings: map[string]string{"max_connections": "200"}}); err != nil {
		return b, err
	}
	b.close = append(b.close, b.server.Close)
	if err := b.server.Exec(ctx, testenv.Superuser, "CREATE DATABASE "+database); err != nil {
		return b, err
	}
	_, err = b.pgbench(ctx, b.direct(), "-i", "-q", "-s", strconv.Itoa(scale))
	return b, err
}

// end stops all, in the opposite order of their beginning.
func (b *bed) end() (err error) {
	for i := len(b.close) - 1; i >= 0; i-- {
		err = errors.Join(err, b.close[i]())
	}
	return err
}

// way is a way to the server.
type way struct {
	name           string
	address        string
	user, password string
	pid            int // the proxy's; 0: there is none
}

func (b *bed) direct() way {
	return way{name: "direct", address: b.server.Address(), user: b.server.Superuser, password: b.server.Password}
}

const gatefoldConfig = `
gateway: bench
state: ./state
log: {level: warn}
admin: {listen: ""}
listeners: {pg: {protocol: postgres, address: %q, target: bench}}
targets:
  bench: {protocol: postgres, address: %q, database: bench, tls: {mode: off}, accounts: {app: {secret: bench-app}}}
policy: [allow-all.cedar]
recording: %s
`

// gatefold starts a gateway in a folder of its own.
func (b *bed) gatefold(ctx context.Context, name, recording string) (way, error) {
	w := way{name: name, user: person, password: b.password}
	dir := filepath.Join(b.dir, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return w, err
	}
	var err error
	if w.address, err = freeAddress(); err != nil {
		return w, err
	}
	config := filepath.Join(dir, "gatefold.yaml")
	for path, text := range map[string]string{
		config:                                fmt.Sprintf(gatefoldConfig, w.address, b.server.Address(), recording),
		filepath.Join(dir, "allow-all.cedar"): "@id(\"allow-all\")\npermit(principal, action, resource);\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return w, err
		}
	}
	for _, c := range []struct{ stdin, args string }{
		{b.password, "user add " + person + " --password-stdin"},
		{b.server.Password, "secret add bench-app --user " + b.server.Superuser},
	} {
		cmd := exec.CommandContext(ctx, b.bin, append([]string{"-c", config}, strings.Fields(c.args)...)...)
		cmd.Stdin = strings.NewReader(c.stdin + "\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			return w, fmt.Errorf("gatefold %s: %w\n%s", c.args, err, out)
		}
	}
	w.pid, err = b.start(w.address, exec.Command(b.bin, "-c", config, "serve"))
	return w, err
}

// start starts a proxy and waits until it takes connections. It ends with the bed.
func (b *bed) start(address string, cmd *exec.Cmd) (pid int, err error) {
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	b.close = append(b.close, func() error {
		cmd.Process.Signal(syscall.SIGTERM)
		hard := time.AfterFunc(20*time.Second, func() { cmd.Process.Kill() })
		defer hard.Stop()
		cmd.Wait()
		return nil
	})
	for range 500 {
		if c, err := net.Dial("tcp", address); err == nil {
			return cmd.Process.Pid, c.Close()
		}
		time.Sleep(20 * time.Millisecond)
	}
	return 0, fmt.Errorf("%s does not listen on %s: %s", cmd.Path, address, said.String())
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// pgbench runs pgbench on a way.
func (b *bed) pgbench(ctx context.Context, w way, args ...string) (string, error) {
	path, err := testenv.Binary("pgbench")
	if err != nil {
		return "", err
	}
	host, port, err := net.SplitHostPort(w.address)
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = testenv.CleanEnv("PGHOST="+host, "PGPORT="+port, "PGUSER="+w.user, "PGPASSWORD="+w.password, "PGDATABASE="+database, "PGSSLMODE=disable")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("pgbench %s on %s: %w\n%s", strings.Join(args, " "), w.name, err, out)
	}
	return string(out), nil
}

var processed = regexp.MustCompile(`transactions actually processed: (\d+)`)
var perSecond = regexp.MustCompile(`tps = ([0-9.]+)`)

// result is what pgbench says it did.
func result(out string) (transactions int, tps float64, err error) {
	m, t := processed.FindStringSubmatch(out), perSecond.FindStringSubmatch(out)
	if m == nil || t == nil {
		return 0, 0, fmt.Errorf("pgbench said something unexpected:\n%s", out)
	}
	transactions, _ = strconv.Atoi(m[1])
	tps, _ = strconv.ParseFloat(t[1], 64)
	return transactions, tps, nil
}

// processCPU is the user and system time of a process; /proc tells it in hundredths of a second.
func processCPU(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat: %q", pid, text)
	}
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond, nil
}
