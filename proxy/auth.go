package proxy

import (
	"errors"

	"github.com/gatefold/gatefold/internal/identity"
	"github.com/gatefold/gatefold/internal/scram"
	"github.com/gatefold/gatefold/protocols"
)

// authenticator answers one connection's login. It remembers who was claimed, for the record of a failure.
type authenticator struct {
	world   *World
	own     string // the listener's target
	claimed protocols.Login
}

func (a *authenticator) Resolve(login, database string) (protocols.Login, error) {
	isTarget := func(name string) bool { return a.world.Targets[name] != nil }
	l, err := identity.Split(login, database, a.own, isTarget)
	if err != nil {
		a.claimed = protocols.Login{User: login, Database: database}
		return a.claimed, &protocols.Error{Class: protocols.ClassBadRequest, Message: err.Error(),
			Hint: "a login is identity[=account][@target]; without @target the database name is target/database"}
	}
	a.claimed = protocols.Login{User: l.User, Account: l.Account, Target: l.Target, Database: l.Database}
	return a.claimed, nil
}

func (a *authenticator) Verifier(user string) scram.Verifier { return a.world.Users.Verifier(user) }

// asError is what of err may be shown: a *protocols.Error as it is, of anything else only that it happened.
func asError(err error) *protocols.Error {
	var e *protocols.Error
	if errors.As(err, &e) {
		return e
	}
	return &protocols.Error{Class: protocols.ClassInternal, Message: "internal error in the gateway", Hint: "the gateway's log names the cause", Cause: err}
}
