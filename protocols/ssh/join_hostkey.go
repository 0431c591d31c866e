package ssh

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/protocols"
)

// pins are the host keys that a target may have, and the authorities whose host certificates are believed.
type pins struct {
	route   *protocols.SSHRoute
	refused error // what check said; set once, by the goroutine that then ends the key exchange
}

// algorithms are those that a key that will do can sign by; a server with several keys is so asked for one of them.
func (p *pins) algorithms() (list []string) {
	for _, a := range p.route.Authorities {
		if len(a) > 0 {
			list = append(list, ssh.CertAlgoED25519v01, ssh.CertAlgoECDSA256v01, ssh.CertAlgoECDSA384v01, ssh.CertAlgoECDSA521v01,
				ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01)
			break
		}
	}
	for _, wire := range p.route.HostKeys {
		key, err := ssh.ParsePublicKey(wire)
		if err != nil {
			continue
		}
		algorithms := []string{key.Type()}
		if key.Type() == ssh.KeyAlgoRSA {
			algorithms = rsaSignatures
		}
		for _, a := range algorithms {
			if !slices.Contains(list, a) {
				list = append(list, a)
			}
		}
	}
	return list
}

// check is ssh.HostKeyCallback.
func (p *pins) check(_ string, _ net.Addr, key ssh.PublicKey) error {
	if cert, ok := key.(*ssh.Certificate); ok {
		if err := p.certified(cert); err != nil && !p.pinned(cert.Key) {
			p.refused = p.refusal(fmt.Sprintf("the target's host certificate of %s does not prove it", ssh.FingerprintSHA256(cert.Key)), err)
		}
		return p.refused
	}
	if p.pinned(key) {
		return nil
	}
	p.refused = p.refusal(fmt.Sprintf("the target's host key is %s %s, and it may only have %s", key.Type(), ssh.FingerprintSHA256(key), p), nil)
	return p.refused
}

func (p *pins) pinned(key ssh.PublicKey) bool {
	wire := key.Marshal()
	return slices.ContainsFunc(p.route.HostKeys, func(pin []byte) bool { return bytes.Equal(pin, wire) })
}

// certified reports why a host certificate is not believed.
func (p *pins) certified(cert *ssh.Certificate) error {
	authority := cert.SignatureKey.Marshal()
	switch {
	case cert.CertType != ssh.HostCert:
		return fmt.Errorf("it is no host's")
	case !slices.ContainsFunc(p.route.Authorities, func(k []byte) bool { return bytes.Equal(k, authority) }):
		return fmt.Errorf("its authority is %s", ssh.FingerprintSHA256(cert.SignatureKey))
	case !slices.Contains(authorityKeys, cert.Signature.Format):
		return fmt.Errorf("it is signed by %s", cert.Signature.Format)
	case len(cert.ValidPrincipals) == 0:
		return fmt.Errorf("it names no host")
	case tooShort(cert.Key) || tooShort(cert.SignatureKey):
		return fmt.Errorf("its RSA key is shorter than %d bits", minRSA)
	}
	return new(ssh.CertChecker).CheckCert(p.route.HostName, cert)
}

// refusal is told to the client and is on record: somebody stands between, or the server was made anew.
func (p *pins) refusal(message string, cause error) error {
	return &protocols.Error{Class: protocols.ClassTarget, Message: message, Cause: cause,
		Hint: "another server answers, or its key was changed: compare it on the server itself, then have host_keys of the target changed"}
}

// otherTypes is for a server that has no key of a type that is pinned.
func (p *pins) otherTypes(cause error) error {
	return p.refusal("the target has no host key of the types that it may have: "+p.String(), cause)
}

// String lists the keys by type and fingerprint.
func (p *pins) String() string {
	var list []string
	for _, wire := range p.route.HostKeys {
		if key, err := ssh.ParsePublicKey(wire); err == nil {
			list = append(list, key.Type()+" "+ssh.FingerprintSHA256(key))
		}
	}
	for _, wire := range p.route.Authorities {
		if key, err := ssh.ParsePublicKey(wire); err == nil {
			list = append(list, "one certified by "+ssh.FingerprintSHA256(key))
		}
	}
	return strings.Join(list, ", ")
}
