package ssh

import (
	"bytes"
	"crypto/rsa"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Critical options of certificates (OpenSSH's PROTOCOL.certkeys). One that isn't here refuses its certificate:
// verify-required among them, since x/crypto doesn't tell whether a security key asked for a PIN.
const (
	sourceAddress = "source-address" // x/crypto holds the client's address to it
	forceCommand  = "force-command"
	permitPTY     = "permit-pty" // an extension: without it there is no terminal
)

const minRSA = 2048 // bits

// grant is what the user's certificate lets them do. The zero value is of who has none: no more than policy says.
type grant struct {
	forced  bool
	command string // the only one that runs, whatever the client asks for
	noPTY   bool
}

// certificate checks a user's certificate. The key in it signs, as a plain one would.
func (a *asker) certificate(user string, cert *ssh.Certificate) (by string, g grant, err error) {
	if err := a.believe(user, cert); err != nil {
		return "", g, fmt.Errorf("certificate %q: %w", shortID(cert.KeyId), err)
	}
	g.command, g.forced = cert.CriticalOptions[forceCommand]
	_, terminal := cert.Extensions[permitPTY]
	g.noPTY = !terminal
	return fmt.Sprintf("certificate %q serial %d of %s, key %s", shortID(cert.KeyId), cert.Serial,
		ssh.FingerprintSHA256(cert.SignatureKey), ssh.FingerprintSHA256(cert.Key)), g, nil
}

// believe reports why a certificate doesn't prove user.
func (a *asker) believe(user string, cert *ssh.Certificate) error {
	authority := cert.SignatureKey.Marshal()
	switch {
	case cert.CertType != ssh.UserCert:
		return fmt.Errorf("it is no user's")
	case !slices.ContainsFunc(a.auth.Authorities(), func(k []byte) bool { return bytes.Equal(k, authority) }):
		return fmt.Errorf("its authority %s is not one that this listener believes", ssh.FingerprintSHA256(cert.SignatureKey))
	case !slices.Contains(authorityKeys, cert.Signature.Format):
		return fmt.Errorf("it is signed by %s", cert.Signature.Format)
	case len(cert.ValidPrincipals) == 0: // as sshd: a certificate for everybody is a mistake
		return fmt.Errorf("it names nobody")
	case tooShort(cert.Key) || tooShort(cert.SignatureKey):
		return fmt.Errorf("its RSA key is shorter than %d bits", minRSA)
	}
	checker := ssh.CertChecker{SupportedCriticalOptions: []string{sourceAddress, forceCommand}}
	return checker.CheckCert(user, cert)
}

func tooShort(key ssh.PublicKey) bool {
	c, ok := key.(ssh.CryptoPublicKey)
	if !ok {
		return false
	}
	r, ok := c.CryptoPublicKey().(*rsa.PublicKey)
	return ok && r.N.BitLen() < minRSA
}

// shortID is a key id fit for a record and a log: whoever signed it may have written anything.
func shortID(id string) string {
	const longest = 128 // bytes
	id = strings.ToValidUTF8(id[:min(len(id), longest)], "?")
	return id
}
