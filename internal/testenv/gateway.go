package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Gateway is a gatefold in a process of its own, as its users run it: one binary, one folder, one configuration.
// Prepare writes the folder, Start runs `gatefold serve`.
type Gateway struct {
	Bin    string // path of the binary
	Dir    string // its folder: configuration, policies, state
	Listen string // host:port for clients
	Admin  string // host:port of /healthz
}

// Front is what a gateway stands before and whom it lets through.
type Front struct {
	Target   string // the target's name
	Server   *PostgresServer
	Own      bool              // the listener has this target as its own; else the login names it
	Database string            // the target's default
	Account  string            // the target's account, and its name in the vault is TARGET-ACCOUNT
	Login    string            // the account's login on the server
	Secret   string            // and its password
	User     string            // gatefold's user
	Password string            // and theirs
	Groups   string            // YAML flow mapping: {dba: [alice]}
	Policies map[string][]byte // file name -> Cedar
}

// Config is the path of the configuration.
func (g *Gateway) Config() string { return filepath.Join(g.Dir, "gatefold.yaml") }

// CA is the path of the certificate that clients see.
func (g *Gateway) CA() string { return filepath.Join(g.Dir, "state", "tls.crt") }

// LogPath is where serve's log goes.
func (g *Gateway) LogPath() string { return filepath.Join(g.Dir, "gatefold.log") }

const configText = `# Written by %[1]s; all keys are in: gatefold config example
gateway: %[1]s
state: ./state
admin: {listen: %[2]q}
listeners:
  pg: {protocol: postgres, address: %[3]q, target: %[4]q}
targets:
  %[5]s:
    protocol: postgres
    address: %[6]q
    database: %[7]s
    tls: {mode: verify, ca: %[8]q}
    auth: scram-sha-256
    accounts: {%[9]s: {secret: %[10]s}}
groups: %[11]s
policy: [policies/*.cedar]
recording: {segment: 16MiB, journal: 1GiB}
limits: {drain_timeout: 5s}
`

// WriteConfig writes the configuration and the policies, afresh.
func (g *Gateway) WriteConfig(name string, f Front) error {
	policies := filepath.Join(g.Dir, "policies")
	if err := os.RemoveAll(policies); err != nil {
		return err
	}
	if err := os.MkdirAll(policies, 0o700); err != nil {
		return err
	}
	for file, text := range f.Policies {
		if err := os.WriteFile(filepath.Join(policies, file), text, 0o600); err != nil {
			return err
		}
	}
	var own string
	if f.Own {
		own = f.Target
	}
	text := fmt.Sprintf(configText, name, g.Admin, g.Listen, own, f.Target, f.Server.Address(), f.Database, f.Server.CA,
		f.Account, f.SecretName(), f.Groups)
	return os.WriteFile(g.Config(), []byte(text), 0o600)
}

// SecretName is the name of the account's secret in the vault.
func (f Front) SecretName() string { return f.Target + "-" + f.Account }

// PickAddresses gives the gateway the ports asked for, or free ones where they are taken. 0: any free one.
func (g *Gateway) PickAddresses(port, admin int) (err error) {
	if g.Listen, err = address(port); err == nil {
		g.Admin, err = address(admin)
	}
	return err
}

// address is loopback and port, or a free port where somebody has that one.
func address(port int) (string, error) {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return "", fmt.Errorf("find a free port: %w", err)
		}
	}
	return l.Addr().String(), l.Close()
}

// Command is a verb of gatefold under this configuration.
func (g *Gateway) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, g.Bin, append(args, "-c", g.Config())...)
	cmd.Env = CleanEnv()
	return cmd
}

// Run runs a verb with that input.
func (g *Gateway) Run(ctx context.Context, stdin string, args ...string) error {
	cmd := g.Command(ctx, args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("gatefold %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// Start runs serve and returns when /healthz says ok. The gateway outlives the context and this process; a later
// run finds it by its command line.
func (g *Gateway) Start(ctx context.Context) error {
	log, err := os.OpenFile(g.LogPath(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("start gatefold: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(g.Bin, "serve", "-c", g.Config())
	cmd.Env, cmd.Stdout, cmd.Stderr = CleanEnv(), log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start gatefold: %w", err)
	}
	pid := cmd.Process.Pid
	_ = cmd.Process.Release()
	return g.awaitHealthy(ctx, pid)
}

func (g *Gateway) awaitHealthy(ctx context.Context, pid int) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for !g.Healthy(ctx) {
		if !Alive(pid) {
			said, _ := os.ReadFile(g.LogPath())
			return fmt.Errorf("start gatefold: it ended at once:\n%s", said)
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("start gatefold: wait for http://%s/healthz: %w", g.Admin, context.Cause(ctx)), g.Stop())
		case <-time.After(poll):
		}
	}
	return nil
}

// Healthy asks /healthz once.
func (g *Gateway) Healthy(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.Admin+"/healthz", nil)
	if err != nil {
		return false
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10))
	return resp.StatusCode == http.StatusOK
}

// PID returns the process of this gateway, which this run or an earlier one started; 0: none runs. It is found by
// its command line, which holds this configuration's full path: a pid file may be missing or out of date.
func (g *Gateway) PID() int {
	want := "\x00serve\x00-c\x00" + g.Config() + "\x00"
	procs, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, p := range procs {
		args, err := os.ReadFile(p)
		if err != nil || !strings.HasSuffix(string(args), want) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(p))); err == nil && Alive(pid) {
			return pid
		}
	}
	return 0
}

// Current reports whether the running gateway is the binary that is there now, not one built before it.
func (g *Gateway) Current() bool {
	running, err := os.Stat("/proc/" + strconv.Itoa(g.PID()) + "/exe")
	if err != nil {
		return false
	}
	built, err := os.Stat(g.Bin)
	return err == nil && os.SameFile(running, built)
}

// Stop drains and ends the gateway, this run's or an earlier one's. Stopping none is no error.
func (g *Gateway) Stop() error {
	pid := g.PID()
	if pid == 0 {
		return nil
	}
	if err := End(pid, 20*time.Second, syscall.SIGTERM, syscall.SIGKILL); err != nil {
		return fmt.Errorf("stop gatefold: %w", err)
	}
	return nil
}

// DSN is the URI of a database behind the gateway, TLS verified.
func (g *Gateway) DSN(login, password, database string) string {
	q := url.Values{"sslmode": {"verify-full"}, "sslrootcert": {g.CA()}}
	u := url.URL{Scheme: "postgres", User: url.UserPassword(login, password), Host: g.Listen,
		Path: "/" + database, RawQuery: q.Encode()}
	return u.String()
}

// Env is the environment of psql and its kin for a login at the gateway.
func (g *Gateway) Env(login, password, database string) []string {
	host, port, _ := net.SplitHostPort(g.Listen)
	return CleanEnv("PGHOST="+host, "PGPORT="+port, "PGUSER="+login, "PGPASSWORD="+password, "PGDATABASE="+database,
		"PGSSLMODE=verify-full", "PGSSLROOTCERT="+g.CA())
}
