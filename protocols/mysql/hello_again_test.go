package mysql

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/protocols"
	"github.com/gatefold/gatefold/protocols/protocoltest"
)

// changes is a COM_CHANGE_USER.
func changes(user, database, plugin string) []byte {
	b := append(append([]byte{comChangeUser}, user...), 0)
	b = appendLenencText(b, proveNative([]byte(protocoltest.Password), make([]byte, scrambleSize)))
	b = append(append(b, database...), 0, collationUTF8MB4, 0)
	b = append(append(b, plugin...), 0)
	return appendLenencText(b, []byte("\x0cprogram_name\x05again"))
}

func TestChangeUser(t *testing.T) {
	g, _ := mariaGate(t, "", nil)
	again := func(c *rawClient, user, database, plugin string) {
		t.Helper()
		c.seq = 0
		c.put(changes(user, database, plugin))
	}
	c := in(t, g, clientDeprecateEOF)
	c.want(allIsWell...)
	first := g.Joined(t, 0).PID
	c.query("SELECT @a := 1")
	t.Run("as who it was", func(t *testing.T) {
		again(c, "alice@elsewhere", "mysql", pluginNative)
		c.switched(pluginSHA2)
		c.put(proveSHA2(wrong, c.scramble))
		c.want(answerAuth, sha2AskClear)
		c.put([]byte(protocoltest.Password + "\x00"))
		c.want(allIsWell...)
		if got := c.query("SELECT CONCAT(DATABASE(), IFNULL(@a, 'none'))"); string(got) != "mysqlnone" {
			t.Errorf("the session is still the old one: %s", got)
		}
		if r := g.Request(); r.App != "again" || r.Target != "elsewhere" || g.Joined(t, 1).PID == first {
			t.Errorf("%+v", r)
		}
	})
	t.Run("again, by what is remembered", func(t *testing.T) {
		again(c, "alice", "", pluginSHA2)
		c.switched(pluginSHA2)
		c.put(proveSHA2([]byte(protocoltest.Password), c.scramble))
		c.want(answerAuth, sha2FastOK)
		c.want(allIsWell...)
	})
	t.Run("in clear", func(t *testing.T) {
		again(c, "alice", "", pluginClear)
		c.switched(pluginClear)
		c.put([]byte(protocoltest.Password + "\x00"))
		c.want(allIsWell...)
	})
	t.Run("in the shortest form there is", func(t *testing.T) {
		c.seq = 0
		c.put([]byte("\x11alice\x00\x00\x00"))
		c.switched(pluginClear) // which it began with
		c.put([]byte(protocoltest.Password + "\x00"))
		c.want(allIsWell...)
	})
	t.Run("as somebody who is unknown", func(t *testing.T) {
		again(c, "mallory", "", pluginNative)
		c.switched(pluginSHA2)
		c.put(proveSHA2(wrong, c.scramble))
		c.want(answerAuth, sha2AskClear)
		c.put([]byte("wrong\x00"))
		c.denied("YES")
	})
}

// libmariadb answers the scramble that it was sent last in the COM_CHANGE_USER itself, and ignores another that it is sent
// then: asked anew, it was refused.
func TestChangeUserByTheScrambleBefore(t *testing.T) {
	g, _ := mariaGate(t, "", func(g *testGate) { g.Auth.KeepsNative = true })
	for _, tt := range []struct {
		password []byte
		in       bool
	}{{[]byte(protocoltest.Password), true}, {wrong, false}} {
		c := in(t, g, clientDeprecateEOF)
		c.want(allIsWell...)
		c.seq = 0
		c.put(append(appendLenencText([]byte("\x11alice\x00"), proveNative(tt.password, c.scramble)), "\x00\x2d\x00mysql_native_password\x00\x00"...))
		if tt.in {
			c.want(allIsWell...)
		} else {
			c.denied("YES")
		}
	}
}

func TestMalformedChangeUser(t *testing.T) {
	for name, payload := range map[string][]byte{
		"nothing":              {},
		"a user without end":   []byte("alice"),
		"a length that lies":   []byte("alice\x00\xc8x"),
		"attributes that lie":  []byte("alice\x00\x00\x00\x2d\x00x\x00\xc8x"),
		"a name of 600 bytes":  append(bytes.Repeat([]byte{'a'}, 600), 0, 0, 0, 45, 0, 'x', 0),
		"a name that no UTF-8": []byte("al\xffice\x00\x00\x00\x2d\x00x\x00"),
	} {
		_, err := parseChangeUser(payload, &hello{caps: always})
		var e *protocols.Error
		if !errors.As(err, &e) || e.Class != protocols.ClassBadRequest || strings.Contains(e.Message, "alice") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
