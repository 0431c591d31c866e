package testenv

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// SSHServer is a throwaway OpenSSH server. It runs as ourselves, and ourselves is who can log in to it: by Key, or by a
// certificate of UserCA. It takes no password. HOME is a folder of its own there, the working folder is our real home.
type SSHServer struct {
	Server
	Key      string // path of the private key (OpenSSH's format) that logs in as Superuser
	UserCA   string // path of the private key whose certificates with the principal Superuser log in, too
	HostCA   string // the line of the public key that has certified the host key, as authorized_keys has it
	HostKeys []string
	Home     string // of sessions
	Programs string // where Options.LogStatements: path of the log of what was run, see Ran
	Files    string // and of sftp-server's own log
}

// OpenSSH starts a throwaway server as Postgres does. The keywords of sshd_config(5) are settings ("MaxSessions": "10").
// It lets do what an administrator's server might: forwards and X11 are on, MaxSessions and MaxStartups are wide.
func OpenSSH(ctx context.Context, opt Options) (*SSHServer, error) {
	if err := EnsureSSH(); err != nil {
		return nil, err
	}
	u, err := user.Current()
	if err != nil {
		return nil, fmt.Errorf("find whom to run OpenSSH as: %w", err)
	}
	s := &SSHServer{Server: Server{Host: "127.0.0.1", Superuser: u.Username, kind: openssh{}, opt: opt}}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	s.Key, s.UserCA, s.Home = sshFile(s.DataDir, sshUserKey), sshFile(s.DataDir, sshUserCA), sshFile(s.DataDir, sshHome)
	if opt.LogStatements {
		s.Programs, s.Files = sshFile(s.DataDir, sshPrograms), sshFile(s.DataDir, sshFiles)
	}
	for _, name := range append([]string{sshHostCA}, sshHostKeys...) {
		line, err := os.ReadFile(sshFile(s.DataDir, name+".pub"))
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.HostKeys = append(s.HostKeys, strings.TrimSpace(string(line)))
	}
	s.HostCA, s.HostKeys = s.HostKeys[0], s.HostKeys[1:]
	return s, nil
}

// OpenSSHRuns reports whether a server of OpenSSH runs in dir, whoever started it.
func OpenSSHRuns(dir string) bool { return runs(openssh{}, dir) }

// StopOpenSSH ends the server of OpenSSH in dir, whoever started it, and its sessions. Where none runs there is nothing to do.
func StopOpenSSH(dir string) error { return stop(openssh{}, dir) }

// Ran returns what the server has run so far, in order: command lines, sftp-server's for a file transfer, empty for a
// shell. A program is in it before it begins. Only where Options.LogStatements.
func (s *SSHServer) Ran() ([]string, error) {
	text, err := os.ReadFile(s.Programs)
	if errors.Is(err, os.ErrNotExist) || len(text) == 0 {
		return nil, nil
	}
	return strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00"), err
}

// openssh is how OpenSSH does it.
type openssh struct{}

func (openssh) name() string       { return "OpenSSH" }
func (openssh) protocol() string   { return "ssh" }
func (openssh) accounts() []string { return nil } // it logs nobody in but whom it runs as, unless that is root

func (openssh) signals() []syscall.Signal { return []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} }

// outlive are the server's sessions: each has a process, which doesn't go with the one that listens.
func (openssh) outlive(pid int) (sessions []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		// See proc(5): "pid (comm) state ppid".
		_, rest, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ")
		if f := strings.Fields(rest); len(f) > 1 && f[1] == strconv.Itoa(pid) {
			child, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			sessions = append(sessions, child)
		}
	}
	return sessions
}

// Files of the data folder.
const (
	sshConfig      = "sshd_config"
	sshPID         = "sshd.pid"
	sshUserKey     = "user_key"
	sshUserCA      = "user_ca"
	sshHostCA      = "host_ca"
	sshAuthorized  = "authorized_keys"
	sshForce       = "force.sh"
	sshPrograms    = "programs.log"
	sshFiles       = "files.log"
	sshHome        = "home"
	sshCertificate = "-cert.pub" // behind a host key's name
)

var sshHostKeys = []string{"host_ed25519", "host_rsa"}

func sshFile(data, name string) string { return filepath.Join(data, name) }

// install makes keys: of the host, of who logs in, of the authorities.
func (openssh) install(_ context.Context, s *Server) error {
	if err := os.Mkdir(sshFile(s.DataDir, sshHome), 0o700); err != nil {
		return err
	}
	keys, err := newSSHKeys()
	if err != nil {
		return err
	}
	for name, content := range keys {
		if err := s.write(sshFile(s.DataDir, name), content); err != nil {
			return err
		}
	}
	return nil
}

// forceScript says what is to be run before it runs. sshd has whoever logs in's shell run it in place of that (sshd_config(5),
// ForceCommand). What can't be said isn't run.
const forceScript = `printf '%%s\0' "$SSH_ORIGINAL_COMMAND" >>%[1]s || exit 1
[ -n "$SSH_ORIGINAL_COMMAND" ] || exec "$SHELL" -l
exec "$SHELL" -c "$SSH_ORIGINAL_COMMAND"
`

// command writes sshd_config as a whole: a throwaway server has no other settings than these.
func (openssh) command(s *Server) (*exec.Cmd, error) {
	sshd, err := SSHBinary("sshd")
	if err != nil {
		return nil, err
	}
	if err := separationFolder(); err != nil {
		return nil, err
	}
	conf, err := sshdConfig(s)
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(conf)) {
		for value := range strings.SplitSeq(conf[name], "\n") {
			fmt.Fprintf(&b, "%s %s\n", name, value)
		}
	}
	path := sshFile(s.DataDir, sshConfig)
	if err := s.write(path, []byte(b.String())); err != nil {
		return nil, err
	}
	_ = os.Remove(sshFile(s.DataDir, sshPID)) // a killed server's
	return exec.Command(sshd, "-D", "-e", "-f", path), nil
}

// sshdConfig is keyword -> value; a keyword that is there several times has a line for each.
func sshdConfig(s *Server) (map[string]string, error) {
	sftp, err := SSHBinary("sftp-server")
	if err != nil {
		return nil, err
	}
	in := func(name string) string { return `"` + sshFile(s.DataDir, name) + `"` }
	conf := map[string]string{
		"ListenAddress": s.Host, "Port": strconv.Itoa(s.Port), "PidFile": in(sshPID),
		"HostKey":               in(sshHostKeys[0]) + "\n" + in(sshHostKeys[1]),
		"HostCertificate":       in(sshHostKeys[0] + sshCertificate),
		"AuthorizedKeysFile":    in(sshAuthorized),
		"TrustedUserCAKeys":     in(sshUserCA + ".pub"),
		"StrictModes":           "no", // folders for temporary files are anybody's
		"UsePAM":                yesNo(rootIsLocked()),
		"PermitRootLogin":       "prohibit-password",
		"AuthenticationMethods": "publickey",
		"AllowUsers":            s.Superuser,
		"UseDNS":                "no",
		"PrintMotd":             "no",
		"PrintLastLog":          "no",
		"X11Forwarding":         "yes",
		"PermitTunnel":          "yes",
		"AcceptEnv":             "LANG LC_* GF_*",
		"SetEnv":                "HOME=" + sshFile(s.DataDir, sshHome),
		"MaxSessions":           "200",
		"MaxStartups":           "500",
		"MaxAuthTries":          "20",
		"LogLevel":              "VERBOSE",
		"Subsystem":             "sftp " + sftp,
	}
	if s.opt.LogStatements {
		conf["Subsystem"] += " -e -l VERBOSE 2>>" + in(sshFiles)
		conf["ForceCommand"] = "/bin/sh " + in(sshForce)
		if err := s.write(sshFile(s.DataDir, sshForce), fmt.Appendf(nil, forceScript, in(sshPrograms))); err != nil {
			return nil, err
		}
	}
	maps.Copy(conf, s.opt.Settings)
	return conf, nil
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// separationFolder makes the empty folder that a server of root's locks its half before the login into. The path is
// compiled in; services make it anew at each start.
func separationFolder() error {
	if os.Geteuid() != 0 {
		return nil
	}
	return os.MkdirAll("/run/sshd", 0o755)
}

// rootIsLocked reports whether this is root, whose password field says that nobody may log in: sshd then refuses keys, too,
// unless PAM is asked.
func rootIsLocked() bool {
	if os.Geteuid() != 0 {
		return false
	}
	shadow, err := os.ReadFile("/etc/shadow")
	return err == nil && (strings.HasPrefix(string(shadow), "root:!") || strings.Contains(string(shadow), "\nroot:!"))
}

func (openssh) ready(_ *Server, said string) bool {
	return strings.Contains(said, "Server listening on ")
}

// running reads the pid file, and the port from sshd_config.
func (openssh) running(data string) (running, bool) {
	var r running
	conf, err := os.ReadFile(sshFile(data, sshConfig))
	if err != nil {
		return r, false
	}
	for line := range strings.Lines(string(conf)) {
		if port, ok := strings.CutPrefix(strings.TrimSpace(line), "Port "); ok {
			r.port, _ = strconv.Atoi(port)
		}
	}
	text, err := os.ReadFile(sshFile(data, sshPID))
	if err != nil {
		return r, false
	}
	r.pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
	r.ready = lives(r.pid, data)
	return r, r.ready
}
