package testenv

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// SSHLogin is what clients of SSH need to log in, at a server or at a gateway.
type SSHLogin struct {
	Host     string
	Port     int
	User     string
	Key      string   // path of a private key
	Cert     string   // path of its certificate; empty: none
	HostKeys []string // lines of the public keys that the server may have, as authorized_keys has them
}

// Address is host:port.
func (l SSHLogin) Address() string { return net.JoinHostPort(l.Host, strconv.Itoa(l.Port)) }

// KnownHosts are the server's keys as a known_hosts file has them.
func (l SSHLogin) KnownHosts() []byte {
	var b strings.Builder
	for _, key := range l.HostKeys {
		fmt.Fprintf(&b, "%s %s\n", knownhosts.Normalize(l.Address()), key)
	}
	return []byte(b.String())
}

// Config writes into dir, as NAME.conf beside NAME.known_hosts, a configuration for OpenSSH's clients and returns its path:
// `ssh -F PATH HOST`, and so scp, sftp, rsync and git. It reads nobody's files and agents but what the login says.
func (l SSHLogin) Config(dir, name, host string) (path string, err error) {
	known := filepath.Join(dir, name+".known_hosts")
	if err := os.WriteFile(known, l.KnownHosts(), 0o600); err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Host %s\n", host)
	set := func(keyword, value string) { fmt.Fprintf(&b, "\t%s %q\n", keyword, value) }
	set("HostName", l.Host)
	set("Port", strconv.Itoa(l.Port))
	set("User", l.User)
	set("IdentityFile", l.Key)
	if l.Cert != "" {
		set("CertificateFile", l.Cert)
	}
	set("UserKnownHostsFile", known)
	for _, line := range []string{"IdentitiesOnly yes", "IdentityAgent none", "GlobalKnownHostsFile none", "StrictHostKeyChecking yes",
		"UpdateHostKeys no", "BatchMode yes", "ControlPath none", "LogLevel ERROR"} {
		b.WriteString("\t" + line + "\n")
	}
	path = filepath.Join(dir, name+".conf")
	return path, os.WriteFile(path, []byte(b.String()), 0o600)
}

// ClientConfig is the login for x/crypto's client.
func (l SSHLogin) ClientConfig() (*ssh.ClientConfig, error) {
	text, err := os.ReadFile(l.Key)
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("read key %s: %w", l.Key, err)
	}
	if l.Cert != "" {
		if signer, err = certified(signer, l.Cert); err != nil {
			return nil, err
		}
	}
	var keys []ssh.PublicKey
	var algorithms []string
	for _, line := range l.HostKeys {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			return nil, fmt.Errorf("read host key %q: %w", line, err)
		}
		keys = append(keys, key)
		algorithms = append(algorithms, hostKeyAlgorithms(key.Type())...)
	}
	return &ssh.ClientConfig{
		User: l.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(signer)}, Timeout: 10 * time.Second, HostKeyAlgorithms: algorithms,
		HostKeyCallback: func(host string, at net.Addr, key ssh.PublicKey) (err error) {
			for _, k := range keys {
				if err = ssh.FixedHostKey(k)(host, at, key); err == nil {
					return nil
				}
			}
			return err
		},
	}, nil
}

func hostKeyAlgorithms(kind string) []string {
	if kind == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{kind}
}

func certified(signer ssh.Signer, path string) (ssh.Signer, error) {
	line, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(line)
	if err != nil {
		return nil, fmt.Errorf("read certificate %s: %w", path, err)
	}
	cert, ok := key.(*ssh.Certificate)
	if !ok {
		return nil, fmt.Errorf("read certificate %s: it is a plain key", path)
	}
	return ssh.NewCertSigner(cert, signer)
}

// Dial logs in with x/crypto's client.
func (l SSHLogin) Dial() (*ssh.Client, error) {
	c, err := l.ClientConfig()
	if err != nil {
		return nil, err
	}
	return ssh.Dial("tcp", l.Address(), c)
}

// Login is who the server runs as, with its own key.
func (s *SSHServer) Login() SSHLogin {
	return SSHLogin{Host: s.Host, Port: s.Port, User: s.Superuser, Key: s.Key, HostKeys: s.HostKeys}
}
