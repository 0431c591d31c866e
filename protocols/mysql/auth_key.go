package mysql

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/pem"
	"sync"
)

// rsaKey is the key that clients without TLS encrypt their password for.
type rsaKey struct {
	private *rsa.PrivateKey
	public  []byte // PEM
}

// loginKey is made when it is first asked for, and lives as long as the process: no client is meant to know it before.
var loginKey = sync.OnceValue(func() *rsaKey {
	private, err := rsa.GenerateKey(rand.Reader, minRSA)
	if err != nil {
		panic("make a key of the gateway's own: " + err.Error())
	}
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		panic("encode a key of the gateway's own: " + err.Error())
	}
	return &rsaKey{private: private, public: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})}
})

// decrypt returns the password, which ends with NUL, that a client XORed with the scramble and encrypted. nil: it is none.
func (k *rsaKey) decrypt(sent, scramble []byte) []byte {
	password, err := rsa.DecryptOAEP(sha1.New(), nil, k.private, sent, nil)
	if err != nil {
		return nil
	}
	xorScramble(password, scramble)
	return password
}
