package protocoltest

import (
	"crypto/sha1"
	"crypto/x509"
	"strings"
	"sync"

	"github.com/gatefold/gatefold/internal/scram"
	"github.com/gatefold/gatefold/protocols"
)

// The user that a gate lets in.
const (
	User     = "alice"
	Password = "correct horse"
)

// Auth knows alice, and bob, whose target is unknown.
type Auth struct {
	KeepsNative bool   // a verifier for mysql_native_password is kept of alice
	ByCert      string // who may come by certificate
}

// Verifier is alice's.
var Verifier = sync.OnceValue(func() scram.Verifier {
	v, err := scram.NewVerifier([]byte(Password), 0)
	if err != nil {
		panic(err)
	}
	return v
})

func (Auth) Resolve(login, database string) (protocols.Login, error) {
	user, target, _ := strings.Cut(login, "@")
	l := protocols.Login{User: user, Target: target, Database: database}
	if user == "bob" {
		return l, &protocols.Error{Class: protocols.ClassTarget, Message: "unknown target"}
	}
	return l, nil
}

func (Auth) Verifier(user string) scram.Verifier {
	v := Verifier()
	if user != User && user != "bob" {
		v.StoredKey[0] ^= 1 // invented: as a real one but that nothing fits
	}
	return v
}

func (a Auth) Native(user string) []byte {
	if !a.KeepsNative || user != User {
		return nil
	}
	once := sha1.Sum([]byte(Password))
	twice := sha1.Sum(once[:])
	return twice[:]
}

func (a Auth) Certified(user string, _ [][]*x509.Certificate) bool {
	return user != "" && user == a.ByCert
}

func (Auth) Keys(string) [][]byte     { return nil }
func (Auth) Authorities() [][]byte    { return nil }
func (Auth) Revoked([]byte) bool      { return false }
func (Auth) Factor(string) bool       { return false }
func (Auth) Code(string, string) bool { return false }
