package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// dialErr connects and returns why that did not work.
func (g *gate) dialErr(dsn string) error {
	c, err := pgx.Connect(context.Background(), dsn)
	if err == nil {
		c.Close(context.Background())
	}
	return err
}

func TestMaxSessionsRefusesOneTooMany(t *testing.T) {
	g := newGate(t, gateOptions{limits: "{max_sessions: 1, drain_timeout: 1s}"})
	g.connect()
	if err := g.dialErr(g.dsn()); sqlstate(err) != "53300" {
		t.Errorf("the second of one session: %v, want SQLSTATE 53300", err)
	}
}

func TestIdleTimeoutEndsASession(t *testing.T) {
	g := newGate(t, gateOptions{limits: "{idle_timeout: 1s, drain_timeout: 1s}"})
	c := g.connect()
	_, err := c.PgConn().Conn().Read(make([]byte, 1)) // the last words come unasked
	if err != nil {
		t.Fatal(err)
	}
	g.poll("the record says why", func() bool {
		out, _, _ := g.try("", "replay", "last")
		return strings.Contains(out, "idle_timeout")
	})
}

// A target's own limits hold beside the gateway's, and its timeouts instead of them.
func TestLimitsOfATarget(t *testing.T) {
	for _, limits := range []string{"{max_sessions: 1, idle_timeout: 1s}", "{max_sessions_per_user: 1, max_session: 1s}"} {
		g := newGate(t, gateOptions{ofTarget: limits, limits: "{idle_timeout: 1h, max_session: 1h, drain_timeout: 1s}"})
		c := g.connect()
		if err := g.dialErr(g.dsn()); sqlstate(err) != "53300" || !strings.Contains(err.Error(), "target") {
			t.Errorf("%s: the second of one session: %v, want SQLSTATE 53300 that names the target", limits, err)
		}
		if _, err := c.PgConn().Conn().Read(make([]byte, 1)); err != nil { // the last words come unasked
			t.Errorf("%s: %v", limits, err)
		}
	}
}

func TestLimitsOfAMySQLTarget(t *testing.T) {
	for limits, why := range map[string]string{"{max_sessions: 1, idle_timeout: 1s}": "idle_timeout", "{max_sessions_per_user: 1, max_session: 1s}": "max_session"} {
		g := newGate(t, gateOptions{mysql: true, ofTarget: limits, limits: "{idle_timeout: 1h, max_session: 1h, drain_timeout: 1s}"})
		g.dialMySQL(nil)
		if _, err := dialMySQL(g.alice(), g.db, nil); errno(err) != 1040 || !strings.Contains(err.Error(), "target") {
			t.Errorf("%s: the second of one session: %v, want 1040 that names the target", limits, err)
		}
		g.poll("the record says why", func() bool { // of the first session, not of the one that was refused
			out, _, _ := g.try("", "search", "kind:close")
			return strings.Contains(out, why+" is over")
		})
	}
}

func TestDrainTellsOpenSessions(t *testing.T) {
	g := newGate(t, gateOptions{process: true})
	c := g.connect()
	if err := g.stop(); err != nil {
		t.Fatalf("the gateway did not stop cleanly: %v", err)
	}
	if _, err := c.Exec(context.Background(), "SELECT 1"); sqlstate(err) != "57P01" {
		t.Errorf("after the drain: %v, want SQLSTATE 57P01", err)
	}
	out := g.run("", "replay", "last")
	if !strings.Contains(out, "shutting down") {
		t.Errorf("the record does not say why the session ended:\n%s", out)
	}
}

func TestBadReloadIsRefusedAndTheOldGoesOn(t *testing.T) {
	g := newGate(t, gateOptions{})
	c := g.connect()
	g.write("policy.cedar", "permit(principal, action resource);")
	_, errs, code := g.try(alicePassword+"\n", "user", "add", "bob", "--password-stdin")
	if code == 0 || !strings.Contains(errs, "policy.cedar") {
		t.Errorf("a verb over a broken policy: exit %d, stderr without the file's name: %s", code, errs)
	}
	if _, err := c.Exec(context.Background(), "SELECT 1"); err != nil {
		t.Errorf("the old policy does not go on: %v", err)
	}
	g.try("", "user", "disable", "alice")
	if _, err := c.Exec(context.Background(), "SELECT 1"); sqlstate(err) != "42501" {
		t.Errorf("a user can't be shut out while the policy is broken: %v, want SQLSTATE 42501", err)
	}
	g.try("", "user", "enable", "alice")
	if _, err := c.Exec(context.Background(), "SELECT 1"); err != nil {
		t.Errorf("enabled again: %v", err)
	}
	g.write("policy.cedar", `@id("nothing") forbid(principal, action, resource);`)
	g.run("", "user", "remove", "bob")
	if _, err := c.Exec(context.Background(), "SELECT 1"); sqlstate(err) != "42501" {
		t.Errorf("under the new policy an open session's statement: %v, want SQLSTATE 42501", err)
	}
}

func TestTwoGatewaysOnOneStateFolder(t *testing.T) {
	g := newGate(t, gateOptions{})
	_, errs, code := g.try("", "serve")
	if code != 1 || !strings.Contains(errs, "another gateway runs on the state folder") {
		t.Errorf("the second gateway: exit %d\n%s", code, errs)
	}
	g.connect() // the first goes on
}

func TestUnknownTargetAndTargetDown(t *testing.T) {
	g := newGate(t, gateOptions{})
	dsn := strings.Replace(g.dsn(), g.addr, g.any, 1)
	if err := g.dialErr(dsn); err == nil || !strings.Contains(err.Error(), `unknown target "`+g.db+`"`) {
		t.Errorf("a target that is not configured: %v", err)
	}
	down := newGate(t, gateOptions{extra: "", stopped: true})
	conf, err := os.ReadFile(filepath.Join(down.dir, "gatefold.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	down.write("gatefold.yaml", strings.Replace(string(conf), down.pg.Address(), "127.0.0.1:1", 1))
	down.start(false)
	err = down.dialErr(down.dsn())
	if err == nil || !strings.Contains(err.Error(), "the target can't be reached") || strings.Contains(err.Error(), "refused") {
		t.Errorf("a target that is down: %v; the user is told that, not how", err)
	}
}

func TestWrongUserAndWrongPasswordLookAlike(t *testing.T) {
	g := newGate(t, gateOptions{})
	wrong := g.dialErr(strings.Replace(g.dsn(), "alice:", "alice:x", 1))
	unknown := g.dialErr(strings.Replace(g.dsn(), "alice:", "mallory:x", 1))
	if sqlstate(wrong) != "28P01" || sqlstate(unknown) != "28P01" {
		t.Fatalf("wrong password: %v; unknown user: %v; want SQLSTATE 28P01 for both", wrong, unknown)
	}
	const said = "password authentication failed for user"
	if !strings.Contains(wrong.Error(), said) || !strings.Contains(unknown.Error(), said) {
		t.Errorf("they differ: %v; %v", wrong, unknown)
	}
	g.poll("both are on record as refused", func() bool {
		out, _, _ := g.try("", "search", "kind:open verdict:deny")
		return strings.Contains(out, "mallory") && strings.Contains(out, "alice")
	})
}

// PostgreSQL goes on with a statement whose client is gone until it next writes: ending a session must end it.
func TestKillStopsWhatRuns(t *testing.T) {
	g := newGate(t, gateOptions{limits: "{max_session: 2s, drain_timeout: 1s}"})
	c := g.connect()
	_, err := c.Exec(context.Background(), "SELECT pg_sleep(100)")
	if sqlstate(err) != "57P01" {
		t.Errorf("the session was ended with %v, want SQLSTATE 57P01", err)
	}
	super := g.super()
	g.poll("the target has stopped it", func() bool {
		var n int
		err := super.QueryRow(context.Background(), "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(100)' AND state = 'active'").Scan(&n)
		return err == nil && n == 0
	})
}

func TestSessionsAndKill(t *testing.T) {
	g := newGate(t, gateOptions{})
	c := g.connect()
	out := g.run("", "sessions")
	if !strings.Contains(out, "alice as app") || !strings.Contains(out, "orders/"+g.db) {
		t.Fatalf("the open session is not listed:\n%s", out)
	}
	id := strings.Fields(strings.Split(out, "\n")[1])[0]
	g.run("", "kill", id)
	g.poll("the session is gone", func() bool {
		_, err := c.Exec(context.Background(), "SELECT 1")
		return sqlstate(err) == "57P01" || c.IsClosed()
	})
	g.poll("it can't be killed again", func() bool {
		_, errs, code := g.try("", "kill", id)
		return code == 1 && strings.Contains(errs, "no open session")
	})
}
