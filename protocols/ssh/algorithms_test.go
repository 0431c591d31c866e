package ssh

import (
	"crypto/rand"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/gatefold/gatefold/protocols"
)

// audited are ssh-audit 2.5's warnings: it is of 2021, and does not know what came since.
var audited = []string{
	"(kex) mlkem768x25519-sha256 -- [warn] unknown algorithm",
	"(kex) kex-strict-s-v00@openssh.com -- [warn] unknown algorithm",
}

func TestSSHAudit(t *testing.T) {
	tool, err := exec.LookPath("ssh-audit")
	if err != nil {
		t.Skip("no ssh-audit here")
	}
	d := newDoor(t, nil)
	out, _ := exec.Command(tool, "-n", "-p", strconv.Itoa(d.Port), d.Host).CombinedOutput()
	spaces := regexp.MustCompile(" +")
	seen := 0
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(spaces.ReplaceAllString(line, " "))
		switch {
		case strings.Contains(line, "[fail]"):
			t.Errorf("ssh-audit: %s", line)
		case strings.Contains(line, "[warn]") && slices.Contains(audited, line):
			seen++
		case strings.Contains(line, "[warn]"):
			t.Errorf("a warning that DESIGN.md does not explain: %s", line)
		}
	}
	if !strings.Contains(string(out), "(key) ssh-ed25519") || !strings.Contains(string(out), "(key) rsa-sha2-512") {
		t.Errorf("ssh-audit said\n%s", out)
	}
	if seen != len(audited) {
		t.Errorf("ssh-audit said\n%s", out)
	}
}

// A client that knows nothing modern is told so in the log, and not let in.
func TestOldAlgorithmsAreNotTaken(t *testing.T) {
	d := newDoor(t, nil)
	key := d.keygen(t, true, "-t", "ed25519")
	for _, old := range []string{"KexAlgorithms=diffie-hellman-group14-sha1", "KexAlgorithms=ecdh-sha2-nistp256", "KexAlgorithms=diffie-hellman-group16-sha512",
		"Ciphers=aes128-cbc", "MACs=hmac-sha1", "HostKeyAlgorithms=ssh-rsa", "HostKeyAlgorithms=ecdsa-sha2-nistp256"} {
		args := []string{"-o", old}
		if strings.HasPrefix(old, "MACs") {
			args = append(args, "-o", "Ciphers=aes128-ctr") // the others bring their own
		}
		said, _ := d.ssh(t, key, args...)
		c := d.next(t)
		if c.err == nil || protocols.AsError(c.err).Class != protocols.ClassUnsupported || !strings.Contains(said, "Unable to negotiate") {
			t.Errorf("%s: %+v, and the client says %q", old, c, said)
		}
	}
}

func TestModernAlgorithmsAre(t *testing.T) {
	d := newDoor(t, nil)
	key := d.keygen(t, true, "-t", "ed25519")
	for option, want := range map[string]string{
		"Ciphers=aes128-gcm@openssh.com":        "SSH2 curve25519-sha256 aes128-gcm@openssh.com",
		"Ciphers=chacha20-poly1305@openssh.com": "SSH2 curve25519-sha256 chacha20-poly1305@openssh.com",
		"Ciphers=aes256-ctr":                    "SSH2 curve25519-sha256 aes256-ctr hmac-sha2-256-etm@openssh.com",
		"HostKeyAlgorithms=rsa-sha2-256":        "SSH2 curve25519-sha256",
		"HostKeyAlgorithms=rsa-sha2-512":        "SSH2 curve25519-sha256",
	} {
		said, _ := d.ssh(t, key, "-o", option)
		if c := d.in(t, said, "publickey"); !strings.HasPrefix(c.request.TLS, want) {
			t.Errorf("%s: it is %q", option, c.request.TLS)
		}
	}
}

// Strict key exchange, against the prefix truncation of CVE-2023-48795: both say that they keep to it.
func TestStrictKeyExchange(t *testing.T) {
	d := newDoor(t, nil)
	said, _ := d.ssh(t, d.keygen(t, true, "-t", "ed25519"), "-o", "LogLevel=DEBUG3")
	d.in(t, said, "publickey")
	if !strings.Contains(said, "will use strict KEX ordering") {
		t.Errorf("the client does not say that it is strict:\n%s", said)
	}
}

// A host certificate proves the gateway to whoever knows its authority, whatever its keys are.
func TestHostCertificates(t *testing.T) {
	ca := newSigner(t)
	d := newDoor(t, func(d *door) {
		for _, key := range slices.Clone(d.keys) {
			cert := &ssh.Certificate{Key: key.PublicKey(), CertType: ssh.HostCert, KeyId: "gw", ValidPrincipals: []string{"127.0.0.1"},
				ValidBefore: uint64(time.Now().Add(time.Hour).Unix())}
			if err := cert.SignCert(rand.Reader, ca); err != nil {
				t.Fatal(err)
			}
			signer, err := ssh.NewCertSigner(cert, key)
			if err != nil {
				t.Fatal(err)
			}
			d.keys = append(d.keys, signer)
		}
	})
	key := d.keygen(t, true, "-t", "ed25519")
	keys := d.HostKeys
	for _, algorithms := range []string{"ssh-ed25519-cert-v01@openssh.com", "rsa-sha2-512-cert-v01@openssh.com"} {
		d.HostKeys = []string{string(ssh.MarshalAuthorizedKey(ca.PublicKey()))}
		said, code := d.ssh(t, key, "-o", "HostKeyAlgorithms="+algorithms)
		if d.next(t); code != 255 || !strings.Contains(said, "Host key verification failed") {
			t.Errorf("an authority taken for a host key: %q", said)
		}
		known := filepath.Join(t.TempDir(), "known")
		line := "@cert-authority " + knownhosts.Normalize(d.Address()) + " " + d.HostKeys[0]
		if err := os.WriteFile(known, []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
		said, _ = d.ssh(t, key, "-o", "HostKeyAlgorithms="+algorithms, "-o", "UserKnownHostsFile="+known)
		d.in(t, said, "publickey")
	}
	d.HostKeys = keys
	said, _ := d.ssh(t, key, "-o", "HostKeyAlgorithms=ssh-ed25519,rsa-sha2-256")
	d.in(t, said, "publickey")
}
