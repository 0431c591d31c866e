package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
)

// errOpen is all that AES-GCM can say: the key or a bit of the text is wrong.
var errOpen = errors.New("it does not open")

// seal encrypts plain under key and binds it to what the parts say. The nonce stands before the text.
func seal(key, plain []byte, parts ...string) []byte {
	gcm := aead(key)
	sealed := make([]byte, gcm.NonceSize(), gcm.NonceSize()+len(plain)+gcm.Overhead())
	rand.Read(sealed) // 96 random bits: safe for 2^32 seals under one key, NIST SP 800-38D, section 8.3
	return gcm.Seal(sealed, sealed, plain, bind(parts))
}

// open undoes seal. The caller wipes what it gets.
func open(key, sealed []byte, parts ...string) ([]byte, error) {
	gcm := aead(key)
	if len(sealed) < gcm.NonceSize()+gcm.Overhead() {
		return nil, errOpen
	}
	nonce, text := sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():]
	plain, err := gcm.Open(make([]byte, 0, len(text)), nonce, text, bind(parts))
	if err != nil {
		return nil, errOpen
	}
	return plain, nil
}

func aead(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("vault: a key of a wrong size: " + err.Error())
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic("vault: " + err.Error())
	}
	return gcm
}

// bind joins parts so that no two lists of them give the same bytes: each with its length before it.
func bind(parts []string) []byte {
	var b []byte
	for _, p := range parts {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return b
}
