package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/internal/vault"
	"github.com/gatefold/gatefold/protocols"
)

// A session that the gateway ends leaves nothing running at the target, where it can have the credential again.
func TestWhatIsLeftRunningIsKilled(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fetch func(*testGate) func(context.Context) (*vault.Credential, error)
		want  string
	}{
		{"killed", func(g *testGate) func(context.Context) (*vault.Credential, error) {
			return func(context.Context) (*vault.Credential, error) { return g.credential(), nil }
		}, "was killed at the target"},
		{"the credential is gone", func(*testGate) func(context.Context) (*vault.Credential, error) {
			return func(context.Context) (*vault.Credential, error) { return nil, errors.New("the vault is sealed") }
		}, "could not be killed"},
		{"no credential to be had", func(*testGate) func(context.Context) (*vault.Credential, error) { return nil }, "could not be killed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, server := mariaGate(t, "", func(g *testGate) { g.route.Fetch = tt.fetch(g) })
			c := in(t, g, 0)
			c.want(allIsWell...)
			thread := g.joined(t, 0).PID
			c.seq = 0
			c.put([]byte("\x03SELECT SLEEP(20)"))
			db := server.Login().Open(t, "")
			running := func() bool {
				var n int
				text := "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = ? AND INFO LIKE '%SLEEP%'"
				if err := db.QueryRow(text, thread).Scan(&n); err != nil {
					t.Fatal(err)
				}
				return n > 0
			}
			testenv.Eventually(t, "the statement to run", running)
			g.kills[0](&protocols.Error{Class: protocols.ClassShutdown, Message: "an operator ended it"})
			if payload := readAny(t, c.nc); !strings.Contains(string(payload), "an operator ended it") {
				t.Errorf("the client was told %q", payload)
			}
			g.waitErr(t, 0)
			if notices := fmt.Sprint(g.tapes[0].notices); !strings.Contains(notices, tt.want) {
				t.Errorf("%s", notices)
			}
			if tt.name == "killed" {
				testenv.Eventually(t, "the statement to end", func() bool { return !running() })
			}
		})
	}
}
