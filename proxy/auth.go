package proxy

import (
	"crypto/x509"
	"log/slog"
	"strings"
	"time"

	"github.com/gatefold/gatefold/internal/identity"
	"github.com/gatefold/gatefold/internal/scram"
	"github.com/gatefold/gatefold/protocols"
)

// authenticator answers one connection's login. It remembers who was claimed, for the record of a failure.
type authenticator struct {
	world        func() *World // now
	own          string        // the listener's target
	logins       bool          // the login alone names the target: the protocol has no database
	certificates bool          // the listener takes client certificates for a proof
	authorities  func() [][]byte
	revoked      func([]byte) bool
	log          *slog.Logger
	claimed      protocols.Login
}

func (a *authenticator) Resolve(login, database string) (protocols.Login, error) {
	isTarget := func(name string) bool { return a.world().Targets[name] != nil }
	l, err := identity.Split(login, database, a.own, isTarget)
	if err != nil {
		a.claimed = protocols.Login{User: login, Database: database}
		if a.logins {
			a.claimed.User = a.mistyped(l, login).User
		}
		return a.claimed, &protocols.Error{Class: protocols.ClassBadRequest, Message: err.Error(),
			Hint: "a login is identity[=account][@target]; without @target the database name is target/database"}
	}
	a.claimed = protocols.Login{User: l.User, Account: l.Account, Target: l.Target, Database: l.Database}
	return a.claimed, nil
}

// mistyped takes what follows the last @ for a target's name that is wrong, where what comes before it is a user and the whole
// is none: they are told so once they have proved who they are.
func (a *authenticator) mistyped(whole identity.Login, login string) identity.Login {
	at := strings.LastIndex(login, "@")
	if _, known := a.world().Users.Lookup(whole.User); known || at < 0 {
		return whole
	}
	l, err := identity.Split(login[:at], "", "any", func(string) bool { return false })
	if _, known := a.world().Users.Lookup(l.User); err != nil || !known {
		return whole
	}
	return l
}

func (a *authenticator) Verifier(user string) scram.Verifier { return a.world().Users.Verifier(user) }

func (a *authenticator) Native(user string) []byte { return a.world().Users.Native(user) }

// Certified: the certificate's common name is the user's, in its normal spelling.
func (a *authenticator) Certified(user string, chains [][]*x509.Certificate) bool {
	if !a.certificates || len(chains) == 0 || len(chains[0]) == 0 {
		return false
	}
	named, err := identity.NormalName(chains[0][0].Subject.CommonName)
	if err != nil {
		return false
	}
	claimed, err := identity.NormalName(user)
	return err == nil && named == claimed
}

func (a *authenticator) Keys(user string) [][]byte { return a.world().Users.Keys(user) }

func (a *authenticator) Authorities() [][]byte {
	if a.authorities == nil {
		return nil
	}
	return a.authorities()
}

func (a *authenticator) Revoked(key []byte) bool { return a.revoked != nil && a.revoked(key) }

func (a *authenticator) Factor(user string) bool { return a.world().Users.Factor(user) }

func (a *authenticator) Code(user, code string) bool {
	world := a.world()
	if world.Factors == nil {
		return false
	}
	good, err := world.Factors.Check(world.Users, user, code, time.Now())
	if err != nil {
		a.log.Error("a second factor can't be checked", "user", user, "err", err)
	}
	return good && err == nil
}
