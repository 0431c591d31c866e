package config

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// ReadPublicKeys reads a file of public keys, one a line. Empty lines and those that begin with # are left out. A file
// without a key is an error.
func ReadPublicKeys(path string) ([]ssh.PublicKey, error) {
	text, err := readFile(path)
	if err != nil {
		return nil, err
	}
	var keys []ssh.PublicKey
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, maxFile)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		key, err := ParsePublicKey(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", display(path), n, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("no public key in %s", display(path))
	}
	return keys, lines.Err()
}
