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
// WriteConfig writes the folder, Start runs `gatefold serve`.
type Gateway struct {
	Bin    string // path of the binary
	Dir    string // its folder: configuration, policies, state
	Listen string // host:port for clients of PostgreSQL
	MySQL  string // host:port for clients of MySQL
	SSH    string // host:port for clients of SSH
	Admin  string // host:port of /healthz
}

// Config is the path of the configuration.
func (g *Gateway) Config() string { return filepath.Join(g.Dir, "gatefold.yaml") }

// CA is the path of the certificate that clients see.
func (g *Gateway) CA() string { return filepath.Join(g.Dir, "state", "tls.crt") }

// LogPath is where serve's log goes.
func (g *Gateway) LogPath() string { return filepath.Join(g.Dir, "gatefold.log") }

// PickAddresses gives the gateway the ports asked for, or free ones where they are taken. 0: any free one.
func (g *Gateway) PickAddresses(postgres, mysql, ssh, admin int) (err error) {
	if g.Listen, err = address(postgres); err != nil {
		return err
	}
	if g.MySQL, err = address(mysql); err != nil {
		return err
	}
	if g.SSH, err = address(ssh); err != nil {
		return err
	}
	g.Admin, err = address(admin)
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

// MySQLLogin is a login at the gateway, for clients of MySQL.
func (g *Gateway) MySQLLogin(login, password string) (MySQLLogin, error) {
	host, port, err := net.SplitHostPort(g.MySQL)
	if err != nil {
		return MySQLLogin{}, fmt.Errorf("find the gateway's listener: %w", err)
	}
	n, err := strconv.Atoi(port)
	return MySQLLogin{Host: host, Port: n, User: login, Password: password, CA: g.CA()}, err
}

// SSHLogin is a login at the gateway, for clients of SSH: key is the path of a private key of its user's. The gateway has
// run before: it makes its host keys at its first start.
func (g *Gateway) SSHLogin(login, key string) (SSHLogin, error) {
	host, port, err := net.SplitHostPort(g.SSH)
	if err != nil {
		return SSHLogin{}, fmt.Errorf("find the gateway's listener: %w", err)
	}
	l := SSHLogin{Host: host, User: login, Key: key}
	if l.Port, err = strconv.Atoi(port); err != nil {
		return l, err
	}
	paths, err := filepath.Glob(filepath.Join(g.Dir, "state", "ssh_host_*_key.pub"))
	if err != nil || len(paths) == 0 {
		return l, fmt.Errorf("find the gateway's host keys in %s: there are none (%v)", filepath.Join(g.Dir, "state"), err)
	}
	for _, path := range paths {
		line, err := os.ReadFile(path)
		if err != nil {
			return l, err
		}
		l.HostKeys = append(l.HostKeys, strings.TrimSpace(string(line)))
	}
	return l, nil
}

// AddSSHSecret gives the gateway the key that it logs in to an SSH server with.
func (g *Gateway) AddSSHSecret(ctx context.Context, t FrontTarget, s *SSHServer) error {
	key, err := os.ReadFile(s.Key)
	if err != nil {
		return err
	}
	return g.Run(ctx, string(key), "secret", "add", t.Secret(), "--user", s.Superuser, "--ssh-key")
}

// AddSSHUser makes a user of the gateway who has a new key, whose path it returns, and no password that anybody knows.
func (g *Gateway) AddSSHUser(ctx context.Context, name string) (key string, err error) {
	if err := g.Run(ctx, NewPassword()+"\n", "user", "add", name, "--password-stdin"); err != nil {
		return "", err
	}
	return g.AddSSHKey(ctx, name)
}

// AddSSHKey gives a user of the gateway a new key and returns its path.
func (g *Gateway) AddSSHKey(ctx context.Context, name string) (path string, err error) {
	k, err := NewSSHKey()
	if err != nil {
		return "", err
	}
	path = filepath.Join(g.Dir, name+".key")
	if err := os.RemoveAll(path); err != nil { // another's mode would stay
		return "", err
	}
	if err := os.WriteFile(path, k.Private, 0o600); err != nil {
		return "", err
	}
	if err := os.WriteFile(path+".pub", k.Public, 0o600); err != nil {
		return "", err
	}
	return path, g.Run(ctx, string(k.Public), "user", "key", "add", name)
}

// Env is the environment of psql and its kin for a login at the gateway.
func (g *Gateway) Env(login, password, database string) []string {
	host, port, _ := net.SplitHostPort(g.Listen)
	return CleanEnv("PGHOST="+host, "PGPORT="+port, "PGUSER="+login, "PGPASSWORD="+password, "PGDATABASE="+database,
		"PGSSLMODE=verify-full", "PGSSLROOTCERT="+g.CA())
}
