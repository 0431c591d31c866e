package identity

import (
	"errors"
	"testing"
)

func isTarget(name string) bool { return name == "orders" || name == "shop" || name == "example.com" }

// DESIGN, "Login, everywhere": the three forms, in their order, with what stands between them.
func TestSplit(t *testing.T) {
	for _, c := range []struct {
		name, login, database, own string
		want                       Login
		err                        error
	}{
		// (a) the listener has a target of its own
		{"a: user", "alice", "shopdb", "orders", Login{"alice", "", "orders", "shopdb"}, nil},
		{"a: user and account", "alice=app", "shopdb", "orders", Login{"alice", "app", "orders", "shopdb"}, nil},
		{"a: its own target is tolerated", "alice@orders", "shopdb", "orders", Login{"alice", "", "orders", "shopdb"}, nil},
		{"a: with an account", "alice=app@orders", "shopdb", "orders", Login{"alice", "app", "orders", "shopdb"}, nil},
		{"a: another target is refused", "alice@shop", "shopdb", "orders", Login{User: "alice"}, ErrOtherTarget},
		{"a: a user with an @", "alice@example.org", "shopdb", "orders", Login{"alice@example.org", "", "orders", "shopdb"}, nil},
		{"a: and an account", "alice@example.org=app", "shopdb", "orders", Login{"alice@example.org", "app", "orders", "shopdb"}, nil},
		{"a: and the target", "alice@example.org=app@orders", "", "orders", Login{"alice@example.org", "app", "orders", ""}, nil},
		{"a: the database name goes through", "alice", "shop/orders", "orders", Login{"alice", "", "orders", "shop/orders"}, nil},
		{"a: even that of another target", "alice", "shop", "orders", Login{"alice", "", "orders", "shop"}, nil},
		{"a: no database", "alice", "", "orders", Login{"alice", "", "orders", ""}, nil},
		{"a: the login as database is one", "alice=app", "alice=app", "orders", Login{"alice", "app", "orders", "alice=app"}, nil},

		// (b) what follows the last @ is a target
		{"b: user and target", "alice@orders", "shopdb", "", Login{"alice", "", "orders", "shopdb"}, nil},
		{"b: with an account", "alice=app@orders", "shopdb", "", Login{"alice", "app", "orders", "shopdb"}, nil},
		{"b: a user with an @", "alice@example.org@orders", "shopdb", "", Login{"alice@example.org", "", "orders", "shopdb"}, nil},
		{"b: the last @ counts", "alice@orders@shop", "", "", Login{"alice@orders", "", "shop", ""}, nil},
		{"b: a mail address whose domain is a target", "alice@example.com", "orders", "", Login{"alice", "", "example.com", "orders"}, nil},
		{"b: the login as database is one", "alice@orders", "alice@orders", "", Login{"alice", "", "orders", "alice@orders"}, nil},
		{"b: the target is not read from the database", "alice@orders", "shop/x", "", Login{"alice", "", "orders", "shop/x"}, nil},

		// (c) the database name says the target
		{"c: target", "alice", "orders", "", Login{"alice", "", "orders", ""}, nil},
		{"c: target and database", "alice", "orders/shopdb", "", Login{"alice", "", "orders", "shopdb"}, nil},
		{"c: a database with a slash", "alice", "orders/a/b", "", Login{"alice", "", "orders", "a/b"}, nil},
		{"c: a user with an @", "alice@example.org", "orders/shopdb", "", Login{"alice@example.org", "", "orders", "shopdb"}, nil},
		{"c: with an account", "alice@example.org=app", "orders", "", Login{"alice@example.org", "app", "orders", ""}, nil},
		{"c: a user named like a target", "orders", "orders", "", Login{"orders", "", "orders", ""}, nil},
		{"c: no database", "alice", "", "", Login{User: "alice"}, ErrNoTarget},
		{"c: the login as database is no target", "alice", "alice", "", Login{User: "alice"}, ErrUnknownTarget},
		{"c: an unknown target", "alice", "nowhere/x", "", Login{User: "alice"}, ErrUnknownTarget},
		{"c: an unknown target in the login", "alice@nowhere", "x", "", Login{User: "alice@nowhere"}, ErrUnknownTarget},

		// what is no login; it says who asked all the same
		{"no account", "alice=@orders", "", "", Login{User: "alice"}, ErrNoAccount},
		{"no account, own", "alice=", "", "orders", Login{User: "alice"}, ErrNoAccount},
		{"two accounts", "alice=a=b@orders", "", "", Login{User: "alice=a", Account: "b"}, ErrName},
		{"no user", "@orders", "", "", Login{}, ErrName},
		{"nothing", "", "", "", Login{}, ErrName},
		{"a slash", "alice/app@orders", "", "", Login{User: "alice/app"}, ErrName},
		{"a NUL", "alice\x00@orders", "", "", Login{User: "alice\x00"}, ErrName},

		// one spelling
		{"decomposed", "Zoe\u0308@orders", "", "", Login{"Zo\u00eb", "", "orders", ""}, nil},
		{"full width", "\uff41lice@orders", "", "", Login{"alice", "", "orders", ""}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Split(c.login, c.database, c.own, isTarget)
			if !errors.Is(err, c.err) {
				t.Fatalf("got error %v, want %v", err, c.err)
			}
			if err != nil && got.User != c.want.User {
				t.Errorf("the error is about %q, want %q", got.User, c.want.User)
			}
			if err == nil && got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestComposeSaysNoMoreThanNeeded(t *testing.T) {
	for _, c := range []struct {
		login    Login
		own      string
		want, db string
	}{
		{Login{"alice", "", "orders", ""}, "orders", "alice", ""},
		{Login{"alice", "app", "orders", "x"}, "orders", "alice=app", "x"},
		{Login{"alice@shop", "", "orders", "x"}, "orders", "alice@shop@orders", "x"},
		{Login{"alice", "", "orders", "alice"}, "orders", "alice@orders", "alice"},
		{Login{"alice", "app", "orders", "x"}, "", "alice=app@orders", "x"},
		{Login{"alice@example.org", "", "orders", ""}, "", "alice@example.org@orders", ""},
	} {
		login, db, err := c.login.Compose(c.own, isTarget)
		if err != nil || login != c.want || db != c.db {
			t.Errorf("%+v at %q is composed to %q, %q, %v; want %q, %q", c.login, c.own, login, db, err, c.want, c.db)
		}
	}
	for _, l := range []Login{
		{"alice", "", "nowhere", ""}, {"alice=app", "", "orders", ""}, {"alice", "", "orders", "alice@orders"}, {"", "", "orders", ""},
	} {
		if login, db, err := l.Compose("", isTarget); err == nil {
			t.Errorf("%+v is composed to %q, %q", l, login, db)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add("alice=app@orders", "shopdb", "")
	f.Add("alice@example.org", "orders/x", "")
	f.Add("alice", "alice", "orders")
	f.Add("=@", "/", "shop")
	f.Add("a=b=c@orders@shop", "orders", "shop")
	f.Fuzz(func(t *testing.T, login, database, own string) {
		if !isTarget(own) {
			own = ""
		}
		l, err := Split(login, database, own, isTarget)
		if err != nil {
			return
		}
		if normal, err := NormalName(l.User); err != nil || normal != l.User {
			t.Fatalf("the user %q is no normal name", l.User)
		}
		if !isTarget(l.Target) || own != "" && l.Target != own {
			t.Fatalf("%q, %q at %q leads to %q", login, database, own, l.Target)
		}
		again, db, err := l.Compose(own, isTarget)
		if err != nil {
			return // a database named as the login itself has no spelling
		}
		if back, err := Split(again, db, own, isTarget); err != nil || back != l {
			t.Fatalf("%+v is composed to %q, %q and split to %+v, %v", l, again, db, back, err)
		}
	})
}
