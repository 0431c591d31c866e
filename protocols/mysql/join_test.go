package mysql

import (
	"crypto/tls"
	"fmt"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/protocols"
	"github.com/gatefold/gatefold/protocols/protocoltest"
)

const targetSecret = "hunter2 of the target"

// in logs alice in at the gate and returns her connection.
func in(t *testing.T, g *testGate, more capabilities) *rawClient {
	t.Helper()
	c := dialGate(t, g).greeted()
	c.caps |= more & c.greeting.caps
	c.startTLS(g.Trusted(t))
	c.put(response{caps: c.caps, user: "alice", plugin: pluginClear, auth: []byte(protocoltest.Password + "\x00")}.bytes())
	return c
}

// query asks something and returns the first row.
func (c *rawClient) query(text string) []byte {
	c.t.Helper()
	c.seq = 0
	c.put(append([]byte{comQuery}, text...))
	if first := c.get(); first[0] != 1 {
		c.t.Fatalf("%s: %q", text, first)
	}
	c.get()
	if !c.caps.has(clientDeprecateEOF) {
		c.want(answerEOF)
	}
	row := body{b: c.get()}
	c.want(answerEOF)
	return row.lenencText()
}

func TestJoinMariaDB(t *testing.T) {
	for _, tt := range []struct {
		name, via, floor string
		change           func(*testGate, *testenv.MariaDBServer)
		tls              string
	}{
		{name: "native", tls: "TLS1.3"},
		{name: "native, floor by name", floor: pluginNative, tls: "TLS1.3"},
		{name: "ed25519", via: "ed25519", floor: pluginEd25519, tls: "TLS1.3"},
		{name: "ed25519, floor caching_sha2_password", via: "ed25519", floor: pluginSHA2, tls: "TLS1.3"},
		{name: "native in plaintext", change: func(g *testGate, _ *testenv.MariaDBServer) { g.Route.TLS = nil }},
		{name: "ed25519 in plaintext", via: "ed25519", floor: pluginEd25519,
			change: func(g *testGate, _ *testenv.MariaDBServer) { g.Route.TLS = nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := testenv.MariaDBForTest(t)
			g, _ := mariaGate(t, tt.via, func(g *testGate) {
				g.Route.Floor = tt.floor
				if tt.change != nil {
					tt.change(g, server)
				}
			})
			c := in(t, g, clientDeprecateEOF)
			c.want(allIsWell...)
			if who := string(c.query("SELECT CURRENT_USER()")); who != g.Account+"@%" {
				t.Errorf("logged in as %s", who)
			}
			joined := g.Joined(t, 0)
			if id := string(c.query("SELECT CONNECTION_ID()")); id != fmt.Sprint(joined.PID) || uint64(c.greeting.thread) == joined.PID {
				t.Errorf("thread %s, %+v, our own %d", id, joined, c.greeting.thread)
			}
			if !strings.HasPrefix(joined.TLS, tt.tls) || tt.tls == "" && joined.TLS != "" || !strings.Contains(joined.Version, "MariaDB") {
				t.Errorf("%+v", joined)
			}
		})
	}
}

func TestJoinBySocket(t *testing.T) {
	server := testenv.MariaDBForTest(t)
	user, password := server.CreateUser(t, "", "")
	g := newGate(t, server.Socket, user, password, nil)
	c := in(t, g, clientDeprecateEOF)
	c.want(allIsWell...)
	if who := string(c.query("SELECT CURRENT_USER()")); who != user+"@%" {
		t.Errorf("logged in as %s", who)
	}
}

// The greeting is the target's own but for what is the gateway's.
func TestGreetingIsTheTargets(t *testing.T) {
	g, server := mariaGate(t, "", nil)
	direct := &rawClient{t: t, packets: packets{nc: protocoltest.Dial(t, server.Address())}}
	direct.greeted()
	for n := range 3 {
		got := dialGate(t, g).greeted().greeting
		want := *direct.greeting
		want.thread, want.scramble, want.plugin = got.thread, got.scramble, pluginSHA2
		if missing := direct.greeting.caps &^ got.caps; missing != clientCompress|clientRememberOptions && missing != clientCompress {
			t.Errorf("not offered: %#x", uint64(missing))
		}
		want.caps = got.caps
		if fmt.Sprint(*got) != fmt.Sprint(want) {
			t.Errorf("%+v, want %+v", *got, want)
		}
		if dials := g.Dials.Load(); dials != 1 {
			t.Errorf("after %d connections the target was asked %d times", n+1, dials)
		}
	}
}

// What both sides agree on is the same, whatever the client has.
func TestCapabilitiesAreAgreedOn(t *testing.T) {
	g, _ := mariaGate(t, "", nil)
	for _, more := range []capabilities{0, clientDeprecateEOF, clientSessionTrack, clientSessionTrack | clientDeprecateEOF,
		clientMultiStatements | clientMultiResults | clientPSMultiResults, mariadbCacheMetadata | clientDeprecateEOF} {
		c := in(t, g, more)
		c.want(allIsWell...)
		if got := string(c.query("SELECT 'x'")); got != "x" && !more.has(mariadbCacheMetadata) {
			t.Errorf("%#x: %q", uint64(more), got)
		}
	}
}

func TestSessionState(t *testing.T) {
	server := testenv.NewMariaDBForTest(t, testenv.Options{TLS: true,
		Settings: map[string]string{"lower_case_table_names": "1", "sql_mode": "ANSI_QUOTES", "character_set_server": "latin1"}})
	server.MustExec(t, "", "CREATE DATABASE shop")
	user, password := server.CreateUser(t, "", "ALL ON *.*")
	g := newGate(t, server.Address(), user, password, func(g *testGate) { g.Route.TLS = protocoltest.TrustFile(t, server.CA) })
	for _, caps := range []capabilities{0, clientDeprecateEOF, clientDeprecateEOF | mariadbCacheMetadata} {
		l := joinAlone(t, g, caps, "SHOP")
		s := l.state
		if s.dialect != protocols.DialectMariaDB || s.version < 100000 || !s.foldNames || string(s.mode) != "ANSI_QUOTES" ||
			string(s.charset) != "utf8mb4" || string(s.schema) != "shop" || s.status&statusAutocommit == 0 {
			t.Errorf("%#x: %+v", uint64(caps), s)
		}
	}
}

// joinAlone logs in to the gate's target without a client.
func joinAlone(t *testing.T, g *testGate, caps capabilities, database string) *target {
	t.Helper()
	c := New(Options{}).Accept(protocols.Origin{Conn: protocoltest.NewScript(nil), Target: "shop"}).(*conn)
	t.Cleanup(func() { c.Close() })
	c.hello = &hello{caps: required | caps, collation: collationUTF8MB4, maxPacket: 1 << 24}
	c.offered = announceable
	c.entry = c.protocol.live.issue()
	route := g.Route
	route.Database, route.Credential = database, g.Credential()
	if _, err := c.Join(t.Context(), route); err != nil {
		t.Fatal(err)
	}
	return c.target
}

func TestTargetRefuses(t *testing.T) {
	server := testenv.NewMariaDBForTest(t, testenv.Options{TLS: true, Settings: map[string]string{"max_connections": "10"}})
	user, password := server.CreateUser(t, "", "ALL ON *.*")
	gate := func(change func(*testGate)) *testGate {
		return newGate(t, server.Address(), user, password, func(g *testGate) {
			g.Route.TLS = protocoltest.TrustFile(t, server.CA)
			if change != nil {
				change(g)
			}
		})
	}
	t.Run("an unknown database", func(t *testing.T) {
		c := dialGate(t, gate(nil)).greeted()
		c.startTLS(insecure)
		c.put(response{caps: c.caps, user: "alice", plugin: pluginClear, database: "nowhere", auth: []byte(protocoltest.Password + "\x00")}.bytes())
		if got := c.refused(); got.code != 1049 || got.state != "42000" || got.message != "Unknown database 'nowhere'" {
			t.Errorf("%v", got)
		}
	})
	t.Run("a wrong password", func(t *testing.T) {
		g := gate(func(g *testGate) { g.Secret = targetSecret })
		got := in(t, g, 0).refused()
		if got.code != 1429 || strings.Contains(got.message, user) || strings.Contains(got.message, "Access denied") {
			t.Errorf("it tells too much: %v", got)
		}
		if err := g.Err(t, 0); !strings.Contains(err.Error(), "Access denied for user '"+user) {
			t.Errorf("the log does not tell: %v", err)
		}
	})
	t.Run("an authority that is not trusted", func(t *testing.T) {
		g := gate(func(g *testGate) { g.Route.TLS = &tls.Config{ServerName: "127.0.0.1"} })
		if got := in(t, g, 0).refused(); !strings.Contains(got.message, "TLS handshake with the target failed") {
			t.Errorf("%v", got)
		}
	})
	t.Run("too many connections", func(t *testing.T) {
		g := gate(nil)
		for n := 0; ; n++ {
			c := in(t, g, 0)
			payload := c.get()
			if payload[0] == answerOK && n < 20 {
				continue
			}
			if got := parseError(payload); payload[0] != answerError || got.code != 1040 || got.message != "Too many connections" {
				t.Errorf("%q", payload)
			}
			return
		}
	})
}

// A pretender never gets more of the secret than the floor allows.
func TestPretenders(t *testing.T) {
	older := pretended
	older.plugin = pluginNative
	scramble := []byte("ABCDEFGHIJKLMNOPQRST")
	for _, tt := range []struct {
		name, floor, secret string
		script              func(*packets)
		want                string
	}{
		{"no TLS offered", "", targetSecret, func(p *packets) {
			g := pretended
			g.caps &^= clientTLS
			greets(p, g)
		}, "does not offer TLS"},
		{"clear", pluginNative, targetSecret, func(p *packets) {
			if greets(p, pretended) {
				p.write(switchTo(pluginClear, nil))
				p.read(maxHello)
			}
		}, "weaker login"},
		{"clear outside of TLS", pluginClear, targetSecret, func(p *packets) {
			if greets(p, pretended) {
				p.write(switchTo(pluginClear, nil))
				p.read(maxHello)
			}
		}, "in clear outside of TLS"},
		{"all of it at the floor of trust, outside of TLS", "trust", targetSecret, func(p *packets) {
			if greets(p, pretended) {
				p.write(switchTo(pluginClear, nil))
				p.read(maxHello)
			}
		}, "in clear outside of TLS"},
		{"native below the floor", pluginSHA2, targetSecret, func(p *packets) {
			if greets(p, older) {
				p.write(switchTo(pluginNative, scramble))
				p.read(maxHello)
			}
		}, "weaker login"},
		{"old password", "trust", targetSecret, func(p *packets) {
			if greets(p, pretended) {
				p.write([]byte{answerEOF})
			}
		}, "does not know"},
		{"an unknown plugin", "trust", targetSecret, func(p *packets) {
			if greets(p, pretended) {
				p.write(switchTo("dialog", scramble))
			}
		}, "does not know"},
		{"no end of switches", "", targetSecret, func(p *packets) {
			for ok := greets(p, older); ok; {
				_, err := p.nc.Write(appendPacket(nil, p.seq, switchTo(pluginNative, scramble)))
				p.seq++
				if _, err2 := p.read(maxHello); err != nil || err2 != nil {
					return
				}
			}
		}, "as it should"},
		{"fast OK without end", "", targetSecret, func(p *packets) {
			for ok := greets(p, pretended); ok; ok = p.write([]byte{answerAuth, sha2FastOK}) == nil {
			}
		}, "as it should"},
		{"a key that is none", "", targetSecret, func(p *packets) {
			if greets(p, pretended) {
				p.write([]byte{answerAuth, sha2AskClear})
				p.read(maxHello)
				p.write([]byte("\x01not a key"))
			}
		}, "as it should"},
		{"OK in place of a key", "", targetSecret, func(p *packets) {
			if greets(p, pretended) {
				p.write([]byte{answerAuth, sha2AskClear})
				p.read(maxHello)
				p.write(allIsWell)
			}
		}, "as it should"},
		{"in without a password", "", "", func(p *packets) {
			if greets(p, pretended) {
				p.write(allIsWell)
			}
		}, "weaker login"},
		{"a scramble of one byte", "", targetSecret, func(p *packets) {
			if greets(p, older) {
				p.write(switchTo(pluginNative, []byte{'x'}))
			}
		}, "as it should"},
		{"another protocol", "", targetSecret, func(p *packets) { p.nc.Write([]byte("SSH-2.0-OpenSSH_9.2\r\n")) }, "as it should"},
		{"a greeting of 16 MB", "", targetSecret, func(p *packets) { p.nc.Write([]byte{0xff, 0xff, 0xff, 0}) }, "as it should"},
		{"a greeting that is cut", "", targetSecret, func(p *packets) { p.write(pretended.append(nil)[:20]) }, "as it should"},
		{"protocol 9", "", targetSecret, func(p *packets) { p.write([]byte{9, 'x', 0, 1, 2, 3, 4}) }, "as it should"},
		{"a version of 1 KB", "", targetSecret, func(p *packets) {
			g := pretended
			g.version = strings.Repeat("8", 1024)
			p.write(g.append(nil))
		}, "as it should"},
		{"before plugins", "", targetSecret, func(p *packets) {
			g := pretended
			g.caps &^= clientPluginAuth
			p.write(g.append(nil))
		}, "too old"},
		{"hangs up", "", targetSecret, func(p *packets) {
			greets(p, pretended)
			p.nc.Close()
		}, "failed during login"},
		{"numbers that are wrong", "", targetSecret, func(p *packets) {
			if greets(p, pretended) {
				p.seq++
				p.write(allIsWell)
			}
		}, "as it should"},
		{"rows without end", "", targetSecret, func(p *packets) {
			if greets(p, pretended) {
				p.write(allIsWell)
				answersState(p, "8.0.36", "", "utf8mb4", "", "0", "7", "db1", "more")
			}
		}, "as it should"},
		{"a row of 16 MB", "", targetSecret, func(p *packets) {
			if greets(p, pretended) {
				p.write(allIsWell)
				p.seq = 0
				p.read(maxHello)
				p.write([]byte{7})
				p.nc.Write([]byte{0xff, 0xff, 0xff, 2})
			}
		}, "as it should"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := pretend(t, tt.script)
			g := newGate(t, p.Addr, "app", tt.secret, func(g *testGate) {
				g.Origin.Target, g.Route.Floor = "", tt.floor
				if tt.name == "no TLS offered" {
					g.Route.TLS = &tls.Config{ServerName: "127.0.0.1"}
				}
			})
			if got := in(t, g, 0).refused(); !strings.Contains(got.message, tt.want) {
				t.Errorf("%v, want %q", got, tt.want)
			}
			if strings.Contains(p.Received(), targetSecret) {
				t.Error("the secret went out")
			}
		})
	}
}

// Pins a hole that others had: a target that is down when a client is greeted and then can less than was announced.
func TestTargetCanLessThanItCould(t *testing.T) {
	p := pretend(t, func(p *packets) {
		g := pretended
		g.caps &^= clientDeprecateEOF
		greets(p, g)
	})
	g := newGate(t, p.Addr, "app", targetSecret, nil)
	g.protocol.learnt.learn("shop", &pretended)
	c := in(t, g, clientDeprecateEOF)
	if got := c.refused(); !strings.Contains(got.message, "less of the protocol") {
		t.Errorf("%v", got)
	}
	if got := dialGate(t, g).greeted().greeting; got.caps.has(clientDeprecateEOF) {
		t.Error("the next client is promised the same")
	}
}

// A target that does not tell its state is joined, and its state said to be unknown.
func TestTargetThatWontTell(t *testing.T) {
	p := pretend(t, func(p *packets) {
		if greets(p, pretended) {
			p.write(allIsWell)
			p.seq = 0
			p.read(maxHello)
			p.write([]byte("\xff\x1c\x07#HY000You must SET PASSWORD before executing this statement"))
		}
	})
	g := newGate(t, p.Addr, "app", targetSecret, nil)
	l := joinAlone(t, g, 0, "")
	if l.state.dialect != protocols.DialectMySQL || l.state.version != 80036 || len(l.state.charset) > 0 || l.thread != 7 {
		t.Errorf("%+v", l)
	}
}

func TestDialectOf(t *testing.T) {
	for version, want := range map[string]string{
		"5.5.5-10.11.19-MariaDB-0+deb12u1-log": "2 101119",
		"11.4.2-MariaDB":                       "2 110402",
		"8.0.36":                               "1 80036",
		"8.4.0-commercial":                     "1 80400",
		"5.7.44-log":                           "1 50744",
		"9.1":                                  "1 90100",
		"":                                     "1 0",
		"x.y.z":                                "1 0",
		"8.0.300":                              "1 80000",
	} {
		dialect, number := dialectOf(version, false)
		if got := fmt.Sprint(dialect, number); got != want {
			t.Errorf("%q: %s, want %s", version, got, want)
		}
	}
}

func TestParseMethod(t *testing.T) {
	for floor, want := range map[string]method{"": methodNative, "none": methodNone, "trust": methodNone, pluginClear: methodClear,
		pluginNative: methodNative, pluginSHA2: methodSHA2, pluginEd25519: methodSHA2} {
		if got, err := parseMethod(floor); err != nil || got != want {
			t.Errorf("%q: %v, %v", floor, got, err)
		}
	}
	if _, err := parseMethod("scram-sha-256"); err == nil {
		t.Error("a floor of another protocol was taken")
	}
}
