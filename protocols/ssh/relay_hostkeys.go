package ssh

import (
	"bytes"
	"crypto/rand"
	"slices"

	"golang.org/x/crypto/ssh"
)

// A client that knows the gateway by one of its host keys learns the others and keeps them (OpenSSH's UpdateHostKeys, PROTOCOL
// section 2.5): so keys can be changed without anybody being asked whether to believe the new one.
const (
	hostKeysAre   = "hostkeys-00@openssh.com"
	hostKeysProve = "hostkeys-prove-00@openssh.com"
)

// tellHostKeys names the gateway's host keys to the client.
func (r *relay) tellHostKeys() {
	var keys []byte
	for _, k := range r.plainHostKeys() {
		keys = append(keys, ssh.Marshal(stringField{string(k.PublicKey().Marshal())})...)
	}
	if len(keys) > 0 {
		r.client.SendRequest(hostKeysAre, false, keys)
	}
}

// proveHostKeys signs with each host key that the client asks about; nil: one isn't ours.
func (r *relay) proveHostKeys(asked []byte) (signatures []byte) {
	keys := r.plainHostKeys()
	for n := 0; len(asked) > 0; n++ {
		var one struct {
			Key  string
			Rest []byte `ssh:"rest"`
		}
		if n == len(keys) || ssh.Unmarshal(asked, &one) != nil {
			return nil
		}
		at := slices.IndexFunc(keys, func(k ssh.Signer) bool { return bytes.Equal(k.PublicKey().Marshal(), []byte(one.Key)) })
		if at < 0 {
			return nil
		}
		signed := ssh.Marshal(struct{ Name, Session, Key string }{hostKeysProve, string(r.client.SessionID()), one.Key})
		signature, err := r.signed(keys[at], signed)
		if err != nil {
			r.Log.Error("prove a host key", "err", err)
			return nil
		}
		signatures = append(signatures, ssh.Marshal(stringField{string(ssh.Marshal(signature))})...)
		asked = one.Rest
	}
	return signatures
}

// signed signs as the key exchange was, where that was with an RSA key, too: clients insist on it.
func (r *relay) signed(key ssh.Signer, data []byte) (*ssh.Signature, error) {
	if key.PublicKey().Type() != ssh.KeyAlgoRSA {
		return key.Sign(rand.Reader, data)
	}
	algorithm := rsaSignatures[0]
	if a, ok := r.client.Conn.(ssh.AlgorithmsConnMetadata); ok && slices.Contains(rsaSignatures, a.Algorithms().HostKey) {
		algorithm = a.Algorithms().HostKey
	}
	return key.(ssh.AlgorithmSigner).SignWithAlgorithm(rand.Reader, data, algorithm)
}

// plainHostKeys are those that aren't certificates.
func (r *relay) plainHostKeys() (keys []ssh.Signer) {
	if r.HostKeys == nil {
		return nil
	}
	for _, k := range r.HostKeys() {
		if _, certificate := k.PublicKey().(*ssh.Certificate); certificate {
			continue
		}
		if k, err := modern(k); err == nil {
			keys = append(keys, k)
		}
	}
	return keys
}
