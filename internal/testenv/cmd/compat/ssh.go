package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/gatefold/gatefold/internal/testenv"
)

// sshList is OpenSSH's own programs, what runs over them, and libraries.
var sshList = list{protocol: "ssh", start: startSSH, programs: []program{
	{name: "ssh-exec", quick: true, run: sshExec},
	{name: "ssh-terminal", quick: true, run: sshTerminal},
	{name: "ssh-stream", run: sshStream},
	{name: "ssh-thousand", run: sshThousand},
	{name: "ssh-mux", quick: true, run: sshMux},
	{name: "ssh-rekey", quick: true, run: sshRekey},
	{name: "ssh-forwards", quick: true, run: sshForwards},
	{name: "scp", quick: true, run: scp(nil)},
	{name: "scp-legacy", quick: true, run: scp([]string{"-O"})},
	{name: "sftp", quick: true, run: sftpBatch},
	{name: "rsync", quick: true, run: rsync},
	{name: "git", quick: true, run: git},
	{name: "ansible", run: ansible},
	{name: "paramiko", quick: true, run: sshDriver{program: python, script: "python/with_paramiko.py"}.run},
	{name: "asyncssh", quick: true, run: sshDriver{program: python, script: "python/with_asyncssh.py"}.run},
	{name: "node-ssh2", quick: true, run: sshDriver{program: node, script: "node/talk.js"}.run},
	{name: "go-ssh", quick: true, run: goSSH},
}}

// sshEnd is an OpenSSH server, reached one way. Its host's name, for OpenSSH's programs, is target.
type sshEnd struct {
	login  testenv.SSHLogin
	server *testenv.SSHServer
}

const sshAllowAll = "@id(\"allow-all\")\npermit(principal, action, resource);\n"

// startSSH starts two servers, and a gateway before the second.
func startSSH(ctx context.Context, root, dir string) (direct, through *way, end func() error, err error) {
	g := &testenv.Gateway{Bin: filepath.Join(root, "bin", "gatefold"), Dir: filepath.Join(dir, "gate-ssh")}
	var servers []*testenv.SSHServer
	stop := func() error {
		err := g.Stop()
		for _, s := range servers {
			err = errors.Join(err, s.Close())
		}
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, stop())
		}
	}()
	for _, name := range []string{"direct", "through"} {
		s, err := testenv.OpenSSH(ctx, testenv.Options{Dir: filepath.Join(dir, name+"-ssh"), Owned: true})
		if err != nil {
			return nil, nil, nil, err
		}
		servers = append(servers, s)
	}
	login, err := gateSSH(ctx, g, servers[1])
	if err != nil {
		return nil, nil, nil, err
	}
	if direct, err = sshWay("direct", root, dir, servers[0].Login(), servers[0]); err != nil {
		return nil, nil, nil, err
	}
	through, err = sshWay("through", root, dir, login, servers[1])
	return direct, through, stop, err
}

func sshWay(name, root, dir string, login testenv.SSHLogin, s *testenv.SSHServer) (*way, error) {
	clients := filepath.Join(dir, name+"-client")
	if err := errors.Join(os.RemoveAll(clients), os.MkdirAll(clients, 0o700)); err != nil {
		return nil, err
	}
	config, err := login.Config(clients, "target", "target")
	if err != nil {
		return nil, err
	}
	return &way{
		name: name, root: root, npm: filepath.Join(dir, "npm-ssh"), login: config, server: filepath.Join(s.Dir, "run"), ssh: sshEnd{login, s},
		hidden: []string{"port " + strconv.Itoa(login.Port), "port PORT", ":" + strconv.Itoa(login.Port), ":PORT", login.Key, "KEY"},
	}, nil
}

// gateSSH starts the gateway and returns a login of its user's, who has the name of the account on the server, so that a
// login is the same both ways.
func gateSSH(ctx context.Context, g *testenv.Gateway, s *testenv.SSHServer) (l testenv.SSHLogin, err error) {
	if err := errors.Join(g.Stop(), os.RemoveAll(g.Dir), os.MkdirAll(g.Dir, 0o700), g.PickAddresses(0, 0, 0, 0)); err != nil {
		return l, err
	}
	t := testenv.FrontTarget{Name: "compat", Own: true, Server: &s.Server, Account: "admin", HostKeys: s.HostKeys, Env: `[LANG, "LC_*", "GF_*"]`}
	err = g.WriteConfig("compat", testenv.Front{
		Targets: []testenv.FrontTarget{t}, Groups: "{}", Policies: map[string][]byte{"compat.cedar": []byte(sshAllowAll)},
	})
	if err != nil {
		return l, err
	}
	if err := g.AddSSHSecret(ctx, t, s); err != nil {
		return l, err
	}
	key, err := g.AddSSHUser(ctx, s.Superuser)
	if err != nil {
		return l, err
	}
	if err := g.Start(ctx); err != nil {
		return l, err
	}
	return g.SSHLogin(s.Superuser, key)
}

// remote makes an empty folder for the program at the target, past the gateway.
func (a *attempt) remote() (string, error) {
	dir := filepath.Join(a.ssh.server.Home, filepath.Base(a.dir))
	return dir, errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755))
}

// sshTool is one of OpenSSH's programs with the login's configuration.
func (a *attempt) sshTool(ctx context.Context, name string, args ...string) *exec.Cmd {
	path, err := testenv.SSHBinary(name)
	if err != nil {
		path = name // running it says that it is missing
	}
	return a.command(ctx, path, append([]string{"-F", a.login}, args...)...)
}

// tellApart is tell with what was said on either stream, and with input; nil: none. The streams' order is the server's only
// within each.
func (a *attempt) tellApart(cmd *exec.Cmd, in io.Reader) {
	var out, errs limited
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &out, &errs
	err := cmd.Run()
	a.sayf("$ %.200q", cmd.Args)
	a.sayf("out: %s", out.String())
	if errs.n > 0 {
		a.sayf("err: %s", errs.String())
	}
	if err != nil {
		a.sayf("[%v]", err)
	}
}

// sshCommand is a command line at the target.
func (a *attempt) sshCommand(ctx context.Context, line string, options ...string) *exec.Cmd {
	return a.sshTool(ctx, "ssh", append(options, "target", line)...)
}

// mustRun is for what prepares.
func mustRun(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
	}
	return nil
}

// knownHosts is the path of the file that testenv writes beside the configuration.
func (a *attempt) knownHosts() string {
	return filepath.Join(filepath.Dir(a.login), "target.known_hosts")
}
