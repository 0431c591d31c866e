package main

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/internal/statefile"
)

const (
	rsaBits     = 3072      // as ssh-keygen makes them
	maxHostKey  = 64 << 10  // 64 KiB
	maxHostCert = 256 << 10 // 256 KiB; it may list many names
)

// hostKeys reads the keys that SSH clients know the gateway by, and makes its own on the first start.
func hostKeys(cfg *config.Config) ([]ssh.Signer, error) {
	files, own := cfg.HostKeys()
	var keys []ssh.Signer
	for _, file := range files {
		key, err := hostKey(file, own)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	for _, file := range cfg.SSH.HostCertificates {
		key, err := hostCertificate(file, keys)
		if err != nil {
			return nil, fmt.Errorf("load the host certificate %s: %w", file, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// hostKey reads one, or makes it where the gateway may.
func hostKey(file string, own bool) (ssh.Signer, error) {
	text, err := statefile.Read(file, maxHostKey)
	if own && errors.Is(err, fs.ErrNotExist) {
		if text, err = makeHostKey(file); err != nil {
			return nil, fmt.Errorf("make a host key: %w", err)
		}
	}
	defer clear(text)
	if err != nil {
		return nil, fmt.Errorf("load host key: %w", err)
	}
	key, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("load host key %s: %w", file, err)
	}
	switch key.PublicKey().Type() {
	case ssh.KeyAlgoED25519, ssh.KeyAlgoRSA:
		return key, nil
	}
	return nil, fmt.Errorf("load host key %s: it is of type %s, and only ed25519 and RSA are used", file, key.PublicKey().Type())
}

// makeHostKey makes a key of the kind that the file's name tells, and its .pub file for whoever wants to pin it.
func makeHostKey(file string) (text []byte, err error) {
	var key crypto.Signer
	if strings.Contains(filepath.Base(file), "ed25519") {
		_, key, err = ed25519.GenerateKey(rand.Reader)
	} else {
		key, err = rsa.GenerateKey(rand.Reader, rsaBits)
	}
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(key, "gatefold")
	if err != nil {
		return nil, err
	}
	text = pem.EncodeToMemory(block)
	if err := statefile.Folder(filepath.Dir(file)); err != nil {
		return nil, err
	}
	if err := statefile.Create(file, text); err != nil {
		return nil, err
	}
	pub, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	return text, os.WriteFile(file+".pub", ssh.MarshalAuthorizedKey(pub), 0o644)
}

// hostCertificate reads a host certificate and finds its key.
func hostCertificate(file string, keys []ssh.Signer) (ssh.Signer, error) {
	text, err := readBounded(file, maxHostCert)
	if err != nil {
		return nil, err
	}
	pub, _, _, _, err := ssh.ParseAuthorizedKey(text)
	if err != nil {
		return nil, err
	}
	cert, ok := pub.(*ssh.Certificate)
	if !ok || cert.CertType != ssh.HostCert {
		return nil, errors.New("it is no host certificate: make one with ssh-keygen -h -s CA -I NAME -n HOST KEY.pub")
	}
	for _, key := range keys {
		if bytes.Equal(key.PublicKey().Marshal(), cert.Key.Marshal()) {
			return ssh.NewCertSigner(cert, key)
		}
	}
	return nil, errors.New("it is of none of the host keys")
}
