package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/vault"
)

// sshSecret returns a private key for a target, made or read from standard input, as the vault keeps it, and its public key
// as a line of authorized_keys. The caller wipes the first.
func (m *Main) sshSecret(name string, f secretFlags) (secret []byte, public string, err error) {
	text, err := m.privateKey(f)
	if err != nil {
		return nil, "", err
	}
	key, err := ssh.ParsePrivateKey(text)
	if err != nil {
		clear(text)
		return nil, "", unusableKey(err)
	}
	public = string(bytes.TrimSpace(ssh.MarshalAuthorizedKey(key.PublicKey()))) + " gatefold " + name
	if !f.sshCA {
		return text, public, nil
	}
	defer clear(text)
	secret, err = vault.Authority(text)
	return secret, public, err
}

// privateKey is a new one, or what standard input holds.
func (m *Main) privateKey(f secretFlags) ([]byte, error) {
	if f.generate {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		defer clear(key)
		block, err := ssh.MarshalPrivateKey(key, "")
		if err != nil {
			return nil, err
		}
		defer clear(block.Bytes)
		return pem.EncodeToMemory(block), nil
	}
	if _, typed := m.terminal(); typed {
		return nil, usageError{hintError{errors.New("a private key is no thing to type"), "redirect its file to standard input, or add --generate to have one made"}}
	}
	text := make([]byte, maxPassword+1) // never grown: no copy stays behind
	n, err := io.ReadFull(m.Stdin, text)
	switch {
	case err == nil:
		err = fmt.Errorf("it has more than %d bytes", maxPassword)
	case err == io.EOF:
		err = errors.New("standard input is empty")
	case err == io.ErrUnexpectedEOF:
		return text[:n], nil
	}
	clear(text)
	return nil, usageError{fmt.Errorf("read private key: %w", err)}
}

// unusableKey says what is wrong with a private key, and not what it is.
func unusableKey(err error) error {
	if missing := (*ssh.PassphraseMissingError)(nil); errors.As(err, &missing) {
		return usageError{hintError{errors.New("read private key: it is encrypted"),
			"store a copy without a passphrase (ssh-keygen -p -N '' -f COPY): the vault seals it; or a new one with --generate"}}
	}
	return usageError{hintError{errors.New("read private key: standard input is no private key that SSH knows"),
		"it begins with -----BEGIN OPENSSH PRIVATE KEY----- or the like"}}
}
