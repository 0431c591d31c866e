package testenv

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"fmt"
	"time"

	"golang.org/x/crypto/ssh"
)

// SSHKey is a key pair in OpenSSH's formats.
type SSHKey struct {
	Private []byte // PEM
	Public  []byte // a line as authorized_keys has it
	signer  ssh.Signer
}

// NewSSHKey makes an ed25519 key.
func NewSSHKey() (*SSHKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a throwaway key: %w", err)
	}
	return sshKey(key)
}

func sshKey(key crypto.Signer) (*SSHKey, error) {
	signer, err := ssh.NewSignerFromSigner(key)
	if err != nil {
		return nil, fmt.Errorf("make a throwaway key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(key, "gatefold throwaway")
	if err != nil {
		return nil, fmt.Errorf("encode a throwaway key: %w", err)
	}
	return &SSHKey{pem.EncodeToMemory(block), ssh.MarshalAuthorizedKey(signer.PublicKey()), signer}, nil
}

// Certify signs another's key for a week and returns the certificate as a line. kind is ssh.UserCert or ssh.HostCert.
func (k *SSHKey) Certify(other *SSHKey, kind uint32, id string, principals ...string) ([]byte, error) {
	cert := &ssh.Certificate{
		Key: other.signer.PublicKey(), CertType: kind, KeyId: id, ValidPrincipals: principals,
		ValidAfter:  uint64(time.Now().Add(-time.Hour).Unix()),
		ValidBefore: uint64(time.Now().Add(7 * 24 * time.Hour).Unix()),
	}
	if kind == ssh.UserCert {
		cert.Permissions.Extensions = map[string]string{"permit-pty": "", "permit-port-forwarding": ""}
	}
	if err := cert.SignCert(rand.Reader, k.signer); err != nil {
		return nil, fmt.Errorf("sign a throwaway certificate: %w", err)
	}
	return ssh.MarshalAuthorizedKey(cert), nil
}

// newSSHKeys makes what a server has: file name -> content.
func newSSHKeys() (map[string][]byte, error) {
	files := map[string][]byte{}
	keys := map[string]*SSHKey{}
	for _, name := range []string{sshHostKeys[0], sshUserKey, sshUserCA, sshHostCA} {
		k, err := NewSSHKey()
		if err != nil {
			return nil, err
		}
		keys[name] = k
	}
	long, err := rsa.GenerateKey(rand.Reader, 2048) // the least that is taken, for speed
	if err != nil {
		return nil, fmt.Errorf("make a throwaway key: %w", err)
	}
	if keys[sshHostKeys[1]], err = sshKey(long); err != nil {
		return nil, err
	}
	for name, k := range keys {
		files[name], files[name+".pub"] = k.Private, k.Public
	}
	files[sshAuthorized] = keys[sshUserKey].Public
	files[sshHostKeys[0]+sshCertificate], err = keys[sshHostCA].Certify(keys[sshHostKeys[0]], ssh.HostCert, "throwaway host", "127.0.0.1", "localhost")
	return files, err
}
