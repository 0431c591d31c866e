package main

import (
	"fmt"
	"net"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/protocols"
)

// sshFace is what SSH clients see of the gateway, and whom it believes.
type sshFace struct {
	hostKeys    []ssh.Signer
	banner      string
	authorities map[string][][]byte // by listener: keys in wire form whose certificates prove users
}

// renewSSH reads host keys, their certificates and the users' authorities.
func (ws *worlds) renewSSH(cfg *config.Config) error {
	face := &sshFace{authorities: map[string][][]byte{}}
	if speaksSSH(ws.listeners) {
		var err error
		if face.hostKeys, err = hostKeys(cfg); err != nil {
			return err
		}
		if face.banner, err = banner(cfg.SSH.Banner); err != nil {
			return fmt.Errorf("ssh: banner: %w", err)
		}
	}
	for name, l := range ws.listeners {
		if l.RevokedKeys != "" {
			if _, err := readRevoked(l.RevokedKeys); err != nil {
				return fmt.Errorf("listeners.%s: revoked_keys: %w", name, err)
			}
		}
		if l.UserCA == "" {
			continue
		}
		keys, err := config.ReadPublicKeys(l.UserCA)
		if err != nil {
			return fmt.Errorf("listeners.%s: user_ca: %w", name, err)
		}
		for _, k := range keys {
			face.authorities[name] = append(face.authorities[name], k.Marshal())
		}
	}
	ws.ssh.Store(face)
	return nil
}

// maxBanner bounds what clients are shown before they log in: more than anybody reads.
const maxBanner = 64 << 10 // 64 KiB

// banner reads the text of a file. Lines end in CR LF as on any terminal (RFC 4252, section 5.4).
func banner(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	text, err := readBounded(file, maxBanner)
	if err != nil {
		return "", err
	}
	if !utf8.Valid(text) {
		return "", fmt.Errorf("%s is no UTF-8 text", file)
	}
	lines := strings.Split(strings.ReplaceAll(strings.TrimRight(string(text), "\r\n"), "\r\n", "\n"), "\n")
	return strings.Join(lines, "\r\n") + "\r\n", nil
}

func speaksSSH(listeners map[string]config.Listener) bool {
	for _, l := range listeners {
		if l.Protocol == "ssh" {
			return true
		}
	}
	return false
}

// inputModes by their names in the configuration.
var inputModes = map[string]protocols.InputMode{
	"echoed": protocols.InputEchoed, "never": protocols.InputNever, "sealed": protocols.InputSealed,
}

// sshRoute is what the way to an SSH server has beside that of any.
func sshRoute(t config.Target) (r protocols.SSHRoute, err error) {
	if r.HostKeys, err = wireKeys(t.HostKeys); err != nil {
		return r, fmt.Errorf("host_keys: %w", err)
	}
	if r.Authorities, err = wireKeys(t.HostCA); err != nil {
		return r, fmt.Errorf("host_ca: %w", err)
	}
	r.HostName = t.HostName
	if r.HostName == "" {
		if host, _, err := net.SplitHostPort(t.Address); err == nil {
			r.HostName = host
		}
	}
	r.Env, r.Input, r.Recipient, r.MaxOutput = t.Env, inputModes[t.Input], t.Recipient, uint64(t.MaxOutput)
	return r, nil
}

// wireKeys are public keys in wire form (RFC 4253, section 6.6).
func wireKeys(lines []string) (keys [][]byte, err error) {
	for _, line := range lines {
		key, err := config.ParsePublicKey(line)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key.Marshal())
	}
	return keys, nil
}
