package postgres

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/gatefold/gatefold/internal/scram"
	"github.com/gatefold/gatefold/protocols/protocoltest"
)

func TestWrongUserLooksLikeWrongPassword(t *testing.T) {
	g := nowhere(t, nil)
	refusal := func(user, password string) pgproto3.ErrorResponse {
		c := dialRaw(t, g)
		c.send(packet(version30, startupBody("user", user)))
		c.login(password)
		got := *c.refused()
		got.Message = strings.ReplaceAll(got.Message, user, "USER")
		return got
	}
	wrongPassword := refusal("alice", "wrong")
	wrongUser := refusal("mallory", protocoltest.Password)
	if wrongPassword.Code != "28P01" || wrongPassword.Message != `password authentication failed for user "USER"` {
		t.Errorf("wrong password: %+v", wrongPassword)
	}
	if wrongUser.Message != wrongPassword.Message || wrongUser.Code != wrongPassword.Code || wrongUser.Detail != wrongPassword.Detail || wrongUser.Hint != wrongPassword.Hint {
		t.Errorf("wrong user %+v\nwrong password %+v", wrongUser, wrongPassword)
	}
	if !errors.Is(g.Err(t, 0), scram.ErrProof) {
		t.Error("the log is not told the cause")
	}
}

func TestNothingIsSaidOfTheTargetBeforeTheProof(t *testing.T) {
	g := nowhere(t, nil)
	c := dialRaw(t, g)
	c.send(packet(version30, startupBody("user", "bob@nosuch")))
	c.login("wrong")
	if got := c.refused(); got.Code != "28P01" || strings.Contains(got.Message, "unknown target") {
		t.Errorf("before the proof: %+v", got)
	}
	c = dialRaw(t, g)
	c.send(packet(version30, startupBody("user", "bob@nosuch")))
	c.login(protocoltest.Password)
	c.message('R')
	if got := c.refused(); got.Code != "57P03" || got.Message != "unknown target" {
		t.Errorf("after the proof: %+v", got)
	}
}

// Pins the kin of CVE-2026-6664: malformed SASL messages are refused, each, and nothing panics.
func TestMalformedSASL(t *testing.T) {
	g := nowhere(t, nil)
	initial := func(mechanism, data string) []byte {
		return encode(&pgproto3.SASLInitialResponse{AuthMechanism: mechanism, Data: []byte(data)})
	}
	for name, message := range map[string][]byte{
		"empty":                 {'p', 0, 0, 0, 4},
		"no length":             {'p', 0, 0, 0, 6, 'x', 0},
		"length over the end":   {'p', 0, 0, 0, 10, 'x', 0, 0, 0, 0, 9},
		"length minus one":      {'p', 0, 0, 0, 10, 'x', 0, 255, 255, 255, 255},
		"length under four":     {'p', 0, 0, 0, 3},
		"length that wraps":     {'p', 255, 255, 255, 255},
		"a GB":                  {'p', 64, 0, 0, 0},
		"another message":       {'Q', 0, 0, 0, 13, 'S', 'E', 'L', 'E', 'C', 'T', ' ', '1', 0},
		"unknown mechanism":     initial("SCRAM-SHA-1", "n,,n=,r=abc"),
		"plus without TLS":      initial(scram.SHA256Plus, "p=tls-server-end-point,,n=,r=abc"),
		"not SCRAM":             initial(scram.SHA256, "hello"),
		"NUL":                   initial(scram.SHA256, "n,,n=,r=\x00"),
		"a plain password":      {'p', 0, 0, 0, 12, 'h', 'u', 'n', 't', 'e', 'r', '2', 0},
		"client-first too long": initial(scram.SHA256, "n,,n=,r="+strings.Repeat("a", 3000)),
	} {
		t.Run(name, func(t *testing.T) {
			c := dialRaw(t, g)
			c.send(aliceStarts)
			c.message('R')
			c.send(message)
			if got := c.refused(); got.Code != "08P01" || got.Severity != "FATAL" {
				t.Errorf("%+v", got)
			}
		})
	}
}
