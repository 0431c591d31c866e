package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"
)

// envRule is the name of a variable, with a * for any ending.
var envRule = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*\*?$`)

// ssh checks what SSH clients see of the gateway.
func (v *checker) ssh() {
	for i, file := range v.c.SSH.HostKeys {
		v.exists(file, "ssh", "host_keys", strconv.Itoa(i))
	}
	for i, file := range v.c.SSH.HostCertificates {
		v.exists(file, "ssh", "host_certificates", strconv.Itoa(i))
	}
	v.exists(v.c.SSH.Banner, "ssh", "banner")
}

// sshListener checks the keys that only SSH has a use for, and those that it has none for.
func (v *checker) sshListener(name string, l Listener) {
	at := []string{"listeners", name}
	if l.Protocol != "ssh" {
		v.onlySSH(at, name, l.Protocol, "user_ca", "revoked_keys", "passwords")
		return
	}
	v.notSSH(at, "plaintext")
	v.exists(l.RevokedKeys, append(at[:len(at):len(at)], "revoked_keys")...)
	if l.UserCA == "" {
		return
	}
	if _, err := os.Stat(l.UserCA); os.IsNotExist(err) {
		v.exists(l.UserCA, append(at, "user_ca")...)
	} else if _, err := ReadPublicKeys(l.UserCA); err != nil {
		v.report("user_ca: "+err.Error(), "it is public keys of authorities, one a line as in a .pub file", append(at, "user_ca")...)
	}
}

// sshTarget checks the keys that only an SSH server has a use for, and those that it has none for.
func (v *checker) sshTarget(name string, t Target) {
	at := func(keys ...string) []string { return append([]string{"targets", name}, keys...) }
	if t.Protocol != "ssh" {
		v.onlySSH(at(), name, t.Protocol, "host_keys", "host_ca", "host_name", "env", "input", "recipient", "max_output")
		return
	}
	v.notSSH(at(), "tls", "auth", "database")
	if len(t.HostKeys)+len(t.HostCA) == 0 {
		v.report(fmt.Sprintf("target %s has no host_keys: gatefold could not tell it from another server", name),
			"print them with `gatefold host-key "+showable(t.Address)+"`, compare them on the server, and write them here", at()...)
	}
	if len(t.HostCA) > 0 && t.HostName == "" && filepath.IsAbs(t.Address) {
		v.report("host_ca needs host_name where the address is a socket's path", "write the name that the host certificate is for", at("host_ca")...)
	}
	for key, lines := range map[string][]string{"host_keys": t.HostKeys, "host_ca": t.HostCA} {
		for i, line := range lines {
			if _, err := ParsePublicKey(line); err != nil {
				v.report(fmt.Sprintf("%s: %v", key, err), `write it as in a .pub file: "ssh-ed25519 AAAA..."`, at(key, strconv.Itoa(i))...)
			}
		}
	}
	for i, e := range t.Env {
		if !envRule.MatchString(e) {
			v.report(fmt.Sprintf("%q is no variable's name", showable(e)), "write LANG, or LC_* for all that begin so", at("env", strconv.Itoa(i))...)
		}
	}
	v.input(t, at)
}

// input checks that what is to be sealed has somebody to seal it to.
func (v *checker) input(t Target, at func(...string) []string) {
	switch {
	case t.Input != "sealed" && t.Recipient != "":
		v.report("recipient is for input: sealed", "remove it, or write input: sealed", at("recipient")...)
	case t.Input == "sealed" && t.Recipient == "":
		v.report("input: sealed needs a recipient", "make a key with age-keygen, keep it away from here, and write its public part: recipient: age1...", at("input")...)
	case t.Input == "sealed":
		if _, err := age.ParseX25519Recipient(t.Recipient); err != nil {
			v.report(fmt.Sprintf("recipient: %q is no age recipient", shortened(t.Recipient)), "it is what age-keygen calls the public key: age1...", at("recipient")...)
		}
	}
}

// onlySSH names keys that only SSH has a use for.
func (v *checker) onlySSH(at []string, name, speaks string, keys ...string) {
	for _, key := range keys {
		path := append(at[:len(at):len(at)], key)
		if _, said := v.places[join(path...)]; said {
			v.report(fmt.Sprintf("%s is for SSH, and %s speaks %s", key, name, speaks), "remove it", path...)
		}
	}
}

// notSSH names keys that SSH has no use for.
func (v *checker) notSSH(at []string, keys ...string) {
	for _, key := range keys {
		path := append(at[:len(at):len(at)], key)
		if _, said := v.places[join(path...)]; said {
			v.report(fmt.Sprintf("%s has no meaning for ssh", key), "remove it", path...)
		}
	}
}

// ParsePublicKey reads a public key as a .pub file has it (sshd(8), AUTHORIZED_KEYS FILE FORMAT, without options).
func ParsePublicKey(line string) (ssh.PublicKey, error) {
	key, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(line))
	switch {
	case err != nil || len(rest) > 0:
		return nil, fmt.Errorf("%q is no public key", shortened(line))
	case len(options) > 0:
		return nil, fmt.Errorf("%q has options before the key", shortened(line))
	}
	if _, is := key.(*ssh.Certificate); is {
		return nil, fmt.Errorf("%q is a certificate and no public key", shortened(line))
	}
	return key, nil
}

func shortened(line string) string {
	const longest = 32
	if line = showable(line); len(line) > longest {
		return line[:longest] + "..."
	}
	return line
}
