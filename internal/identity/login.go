package identity

import (
	"errors"
	"fmt"
	"strings"
)

// What Split can't make a login of. It tells who asked all the same, so that they can be asked for their proof first.
var (
	ErrNoTarget      = errors.New("the login names no target")
	ErrUnknownTarget = errors.New("unknown target")
	ErrOtherTarget   = errors.New("this address leads to another target")
	ErrNoAccount     = errors.New("the login has an = and no account after it")
)

// Login is who wants to go where, as which account. Empty: not given.
type Login struct {
	User, Account, Target, Database string
}

// Split takes a login name and a database name apart:
//
//	(a) a listener with a target of its own (own): identity[=account], with @own tolerated and any other target refused
//	(b) else, if what follows the last @ is a target: identity[=account]@target
//	(c) else the whole login is identity[=account], and the database name is target or target/database
//
// What follows the last = is the account. In (a) and (b) the database name goes through. User is set even with an error, in its
// normal spelling where it has one.
func Split(login, database, own string, isTarget func(string) bool) (Login, error) {
	name, suffix, at := cutLast(login, "@")
	var l Login
	var err error
	switch {
	case own != "" && at && suffix == own:
		l, err = split(name)
		l.Target, l.Database = own, database
	case own != "" && at && isTarget(suffix):
		if l, err = split(name); err == nil {
			err = fmt.Errorf("%w: it is for %s, not for %s", ErrOtherTarget, own, suffix)
		}
	case own != "":
		l, err = split(login)
		l.Target, l.Database = own, database
	case at && isTarget(suffix):
		l, err = split(name)
		l.Target, l.Database = suffix, database
	default:
		if l, err = split(login); err == nil {
			err = l.fromDatabase(database, isTarget)
		}
	}
	return l, err
}

// split parts identity[=account].
func split(s string) (Login, error) {
	user, account, ok := cutLast(s, "=")
	l := Login{User: user, Account: account}
	normal, err := NormalName(user)
	if err != nil {
		return l, err
	}
	l.User = normal
	if ok && account == "" {
		return l, ErrNoAccount
	}
	return l, nil
}

// fromDatabase reads target[/database].
func (l *Login) fromDatabase(database string, isTarget func(string) bool) error {
	target, db, _ := strings.Cut(database, "/")
	if !isTarget(target) {
		if target == "" {
			return fmt.Errorf("%w: log in as user@target, or name the target where the database's name goes", ErrNoTarget)
		}
		return fmt.Errorf("%w %q", ErrUnknownTarget, target)
	}
	l.Target, l.Database = target, db
	return nil
}

// cutLast is strings.Cut at the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// Compose writes the login and database names that Split takes apart into l. It names the target only where that is
// needed, and fails where no login can say l.
func (l Login) Compose(own string, isTarget func(string) bool) (login, database string, err error) {
	login = l.User
	if l.Account != "" {
		login += "=" + l.Account
	}
	if _, suffix, at := cutLast(login, "@"); own == "" || at && isTarget(suffix) || login == l.Database {
		login += "@" + l.Target
	}
	back, err := Split(login, l.Database, own, isTarget)
	if err != nil {
		return "", "", err
	}
	if back != l || login == l.Database { // clients of Postgres send the login where they were given no database
		return "", "", fmt.Errorf("no login can say user %q, account %q, target %q, database %q", l.User, l.Account, l.Target, l.Database)
	}
	return login, l.Database, nil
}
