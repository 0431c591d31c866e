package ssh

import (
	"fmt"

	"golang.org/x/crypto/ssh"
)

// What both sides may agree on, the best first. No NIST curves for the key exchange, no plain Diffie-Hellman, no SHA-1, no
// CBC, no MAC before encryption; DESIGN.md says what each left-out one was left out for. Strict key exchange (OpenSSH's
// PROTOCOL, section 1.10) is x/crypto's own doing and can't be turned off.
var (
	keyExchanges = []string{ssh.KeyExchangeMLKEM768X25519, ssh.KeyExchangeCurve25519}
	ciphers      = []string{ssh.CipherAES128GCM, ssh.CipherAES256GCM, ssh.CipherChaCha20Poly1305, ssh.CipherAES256CTR, ssh.CipherAES128CTR}
	macs         = []string{ssh.HMACSHA256ETM, ssh.HMACSHA512ETM}

	// userKeys are the signatures that prove a user (RFC 8332 for RSA).
	userKeys = []string{ssh.KeyAlgoED25519, ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384,
		ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	// authorityKeys are the signatures on certificates that are believed; as OpenSSH's CASignatureAlgorithms.
	authorityKeys = userKeys

	rsaSignatures = []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
)

// transport is what the two sides have alike. Keys are changed after as many bytes as x/crypto finds good for the cipher.
func transport() ssh.Config {
	return ssh.Config{KeyExchanges: keyExchanges, Ciphers: ciphers, MACs: macs}
}

// modern is a host key that never signs by SHA-1.
func modern(key ssh.Signer) (ssh.Signer, error) {
	kind := key.PublicKey().Type()
	if kind != ssh.KeyAlgoRSA && kind != ssh.CertAlgoRSAv01 {
		return key, nil
	}
	signer, ok := key.(ssh.AlgorithmSigner)
	if !ok {
		return nil, fmt.Errorf("an RSA key that signs by SHA-1 only")
	}
	return ssh.NewSignerWithAlgorithms(signer, rsaSignatures)
}

// named is what a connection agreed on, for the record: "SSH2 mlkem768x25519-sha256 aes128-gcm@openssh.com".
func named(c ssh.Conn) string {
	a, ok := c.(ssh.AlgorithmsConnMetadata)
	if !ok {
		return "SSH2"
	}
	agreed := a.Algorithms()
	name := "SSH2 " + agreed.KeyExchange + " " + agreed.Write.Cipher
	if agreed.Write.MAC != "" {
		name += " " + agreed.Write.MAC
	}
	return name
}
