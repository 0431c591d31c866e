// Package krl reads what sshd's RevokedKeys names: keys and certificates that are believed no more. It is OpenSSH's key
// revocation list (PROTOCOL.krl, as ssh-keygen -k writes it), or public keys, one a line as in a .pub file.
package krl

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// List is what is revoked. The zero value revokes nothing.
type List struct {
	keys    map[string]struct{}            // in wire form
	sha1s   map[[sha1.Size]byte]struct{}   // of keys in wire form
	sha256s map[[sha256.Size]byte]struct{} // of keys in wire form
	by      map[string]*certificates       // by their authority's key in wire form; "": whoever signed them
}

// certificates are those of one authority that are revoked.
type certificates struct {
	serials map[uint64]struct{}
	spans   []span
	bitmaps []bitmap
	ids     map[string]struct{}
}

// span is of serial numbers, both ends in it.
type span struct{ first, last uint64 }

// bitmap has a bit for each serial number from first on, the lowest in the last byte.
type bitmap struct {
	first uint64
	bits  []byte
}

// Parse reads a list. It is no larger in memory than a few times text, which it doesn't keep. A list that can't be
// understood whole is an error: what it revokes isn't known then.
func Parse(text []byte) (*List, error) {
	l := &List{keys: map[string]struct{}{}, sha1s: map[[sha1.Size]byte]struct{}{}, sha256s: map[[sha256.Size]byte]struct{}{}, by: map[string]*certificates{}}
	if bytes.HasPrefix(text, []byte(magic)) {
		if err := l.sections(text); err != nil {
			return nil, fmt.Errorf("key revocation list: %w", err)
		}
		return l, nil
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		key, _, _, _, err := ssh.ParseAuthorizedKey(line)
		if err != nil {
			return nil, fmt.Errorf("line %d is no public key", n)
		}
		l.keys[string(plain(key).Marshal())] = struct{}{}
	}
	return l, lines.Err()
}

// Revoked reports whether a key or certificate is revoked, as sshd decides it: a certificate is where it, the key in it or the
// key that signed it is.
func (l *List) Revoked(key ssh.PublicKey) bool {
	if l.named(plain(key)) {
		return true
	}
	cert, ok := key.(*ssh.Certificate)
	if !ok {
		return false
	}
	return l.named(cert.SignatureKey) || l.by[""].have(cert) || l.by[string(cert.SignatureKey.Marshal())].have(cert)
}

// plain is the key in a certificate, or key itself.
func plain(key ssh.PublicKey) ssh.PublicKey {
	if cert, ok := key.(*ssh.Certificate); ok {
		return cert.Key
	}
	return key
}

// named reports whether the list has the key itself.
func (l *List) named(key ssh.PublicKey) bool {
	wire := key.Marshal()
	_, whole := l.keys[string(wire)]
	_, old := l.sha1s[sha1.Sum(wire)]
	_, hashed := l.sha256s[sha256.Sum256(wire)]
	return whole || old || hashed
}

// have reports whether cert is one of them. A serial number of zero is what authorities that give none write: it can't be
// revoked.
func (c *certificates) have(cert *ssh.Certificate) bool {
	if c == nil {
		return false
	}
	if _, ok := c.ids[cert.KeyId]; ok {
		return true
	}
	if cert.Serial == 0 {
		return false
	}
	if _, ok := c.serials[cert.Serial]; ok {
		return true
	}
	for _, s := range c.spans {
		if s.first <= cert.Serial && cert.Serial <= s.last {
			return true
		}
	}
	for _, b := range c.bitmaps {
		if b.has(cert.Serial) {
			return true
		}
	}
	return false
}

func (b bitmap) has(serial uint64) bool {
	if serial < b.first || (serial-b.first)/8 >= uint64(len(b.bits)) {
		return false
	}
	n := serial - b.first
	return b.bits[uint64(len(b.bits))-1-n/8]&(1<<(n%8)) != 0
}
