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

// bed is a throwaway server and what stands in front of it.
type bed struct {
	dir       string
	bin       string // gatefold
	server    server
	ca        string             // of a server with TLS: path of its authority's certificate
	authority *testenv.Authority // and that itself
	password  string             // of person
	close     []func() error
}

// server is where all ways lead to.
type server struct{ protocol, address, user, password string }

// newBed starts a PostgreSQL without TLS, with pgbench's tables, and builds the gateway. dir is where journals and archives
// go; empty: a temporary folder.
func newBed(ctx context.Context, dir string) (*bed, error) {
	return makeBed(ctx, dir, func(b *bed) error {
		pg, err := testenv.Postgres(ctx, testenv.Options{Owned: true, Settings: map[string]string{"max_connections": "200"}})
		if err != nil {
			return err
		}
		b.close = append(b.close, pg.Close)
		b.server = server{"postgres", pg.Address(), pg.Superuser, pg.Password}
		if err := pg.Exec(ctx, testenv.Superuser, "CREATE DATABASE "+database); err != nil {
			return err
		}
		_, err = b.pgbench(ctx, b.direct(), "-i", "-q", "-s", strconv.Itoa(scale))
		return err
	})
}

// makeBed builds the gateway in a folder of its own and has start start the server.
func makeBed(ctx context.Context, dir string, start func(*bed) error) (b *bed, err error) {
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
	return b, start(b)
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
	pid            int    // the proxy's; 0: there is none
	state          string // folder of a gateway's; empty: it is none
	tls            string // folder of what TLS takes; empty: none is wanted
}

func (b *bed) direct() way {
	return way{name: "direct", address: b.server.address, user: b.server.user, password: b.server.password}
}

const gatefoldConfig = `
gateway: bench
state: ./state
log: {level: warn}
admin: {listen: ""}
listeners: {in: {protocol: %[1]s, address: %[2]q, target: bench}}
targets:
  bench: {protocol: %[1]s, address: %[3]q, database: bench, tls: {mode: off}, accounts: {app: {secret: bench-app}}}
policy: [allow-all.cedar]
recording: %[4]s
`

// gatefold starts a gateway in a folder of its own.
func (b *bed) gatefold(ctx context.Context, name, recording string) (way, error) {
	w := way{name: name, user: person, password: b.password}
	dir := filepath.Join(b.dir, name)
	w.state = filepath.Join(dir, "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return w, err
	}
	var err error
	if w.address, err = freeAddress(); err != nil {
		return w, err
	}
	config := filepath.Join(dir, "gatefold.yaml")
	for path, text := range map[string]string{
		config:                                fmt.Sprintf(gatefoldConfig, b.server.protocol, w.address, b.server.address, recording),
		filepath.Join(dir, "allow-all.cedar"): "@id(\"allow-all\")\npermit(principal, action, resource);\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return w, err
		}
	}
	for _, c := range []struct{ stdin, args string }{
		{b.password, "user add " + person + " --password-stdin"},
		{b.server.password, "secret add bench-app --user " + b.server.user},
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
