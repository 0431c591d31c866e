package postgres

import (
	"encoding/binary"
	"errors"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/gatefold/gatefold/protocols"
)

// body is a StartupMessage's body: names and values as they stand in it.
func startupBody(words ...string) []byte {
	return []byte(strings.Join(words, "\x00") + "\x00\x00")
}

var anySetting = allowedSettings(nil)

func TestParseStartup(t *testing.T) {
	for _, tt := range []struct {
		name string
		body []byte
		want startup
	}{
		{"psql 15", startupBody("user", "alice@orders", "database", "shop", "application_name", "psql", "client_encoding", "UTF8"),
			startup{user: "alice@orders", database: "shop", settings: map[string]string{"application_name": "psql", "client_encoding": "UTF8"}}},
		{"pgjdbc 42", startupBody("user", "alice", "database", "shop", "client_encoding", "UTF8", "DateStyle", "ISO", "TimeZone", "Europe/Berlin",
			"extra_float_digits", "2"),
			startup{user: "alice", database: "shop", settings: map[string]string{"client_encoding": "UTF8", "datestyle": "ISO",
				"timezone": "Europe/Berlin", "extra_float_digits": "2"}}},
		{"options", startupBody("user", "alice", "options", `-c statement_timeout=5s  -cGEQO=off --lock-timeout=1\ s -c application_name=a\\b`),
			startup{user: "alice", settings: map[string]string{"statement_timeout": "5s", "geqo": "off", "lock_timeout": "1 s", "application_name": `a\b`}}},
		{"a setting overrides options", startupBody("user", "alice", "timezone", "UTC", "options", "-c timezone=CET -c timezone=EET"),
			startup{user: "alice", settings: map[string]string{"timezone": "UTC"}}},
		{"replication off", startupBody("user", "alice", "replication", "false"), startup{user: "alice", settings: map[string]string{}}},
		{"protocol options", startupBody("user", "alice", "_pq_.command_tag_format", "1"),
			startup{user: "alice", settings: map[string]string{}, unknown: []string{"_pq_.command_tag_format"}}},
		{"an empty value", startupBody("user", "alice", "database", "", "options", ""), startup{user: "alice", settings: map[string]string{}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.version = version30
			got, err := parseStartup(version30, tt.body, anySetting)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(*got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", *got, tt.want)
			}
		})
	}
}

// Refused by name, each with what to do (pins CVE-2025-12819: a search_path in the startup packet ran SQL).
func TestParseStartupRefuses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		body  []byte
		class protocols.Class
		says  string
	}{
		{"nothing", nil, protocols.ClassBadRequest, "expected terminator"},
		{"no user", startupBody("database", "shop"), protocols.ClassDenied, "no PostgreSQL user name"},
		{"empty user", startupBody("user", ""), protocols.ClassDenied, "no PostgreSQL user name"},
		{"no terminator", []byte("user\x00alice\x00"), protocols.ClassBadRequest, "expected terminator"},
		{"no value", []byte("user\x00"), protocols.ClassBadRequest, "no value"},
		{"name cut", []byte("user"), protocols.ClassBadRequest, "expected terminator"},
		{"bytes behind", append(startupBody("user", "alice"), "user\x00root\x00\x00"...), protocols.ClassBadRequest, "after the terminator"},
		{"user twice", startupBody("user", "alice", "user", "root"), protocols.ClassBadRequest, `"user" is given twice`},
		{"setting twice, in two cases", startupBody("user", "alice", "TimeZone", "UTC", "timezone", "CET"), protocols.ClassBadRequest, "given twice"},
		{"NUL in a value", startupBody("user", "alice", "application_name", "x\x00role\x00postgres"), protocols.ClassUnsupported, `"role"`},
		{"user in capitals", startupBody("USER", "root", "database", "x"), protocols.ClassUnsupported, `"USER"`},
		{"role", startupBody("user", "alice", "role", "postgres"), protocols.ClassUnsupported, `"role"`},
		{"role in options", startupBody("user", "alice", "options", "-c role=postgres"), protocols.ClassUnsupported, `"role"`},
		{"role in options, long", startupBody("user", "alice", "options", "--ROLE=postgres"), protocols.ClassUnsupported, `"ROLE"`},
		{"role behind a backslash", startupBody("user", "alice", "options", `-c ro\le=postgres`), protocols.ClassUnsupported, `"role"`},
		{"session_authorization", startupBody("user", "alice", "session-authorization", "postgres"), protocols.ClassUnsupported, "session-authorization"},
		{"session_authorization in options", startupBody("user", "alice", "options", "--session-authorization=x"), protocols.ClassUnsupported, "session_authorization"},
		{"search_path", startupBody("user", "alice", "search_path", "evil"), protocols.ClassUnsupported, `"search_path"`},
		{"session_preload_libraries", startupBody("user", "alice", "session_preload_libraries", "evil"), protocols.ClassUnsupported, "session_preload_libraries"},
		{"local_preload_libraries", startupBody("user", "alice", "options", "-clocal_preload_libraries=evil"), protocols.ClassUnsupported, "local_preload_libraries"},
		{"unknown setting", startupBody("user", "alice", "my.setting", "1"), protocols.ClassUnsupported, `"my.setting"`},
		{"server switch", startupBody("user", "alice", "options", "-d 5"), protocols.ClassUnsupported, `"-d"`},
		{"lone -c", startupBody("user", "alice", "options", "-c"), protocols.ClassUnsupported, `"-c"`},
		{"setting without value", startupBody("user", "alice", "options", "-c geqo"), protocols.ClassBadRequest, `"geqo" has no value`},
		{"replication", startupBody("user", "alice", "replication", "database"), protocols.ClassUnsupported, "replication"},
		{"replication=true", startupBody("user", "alice", "replication", "true"), protocols.ClassUnsupported, "replication"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseStartup(version30, tt.body, anySetting)
			var e *protocols.Error
			if !errors.As(err, &e) {
				t.Fatalf("accepted: %+v, %v", got, err)
			}
			if e.Class != tt.class || !strings.Contains(e.Message, tt.says) {
				t.Errorf("class %d, %q; want %d, ...%s...", e.Class, e.Message, tt.class, tt.says)
			}
			if tt.class == protocols.ClassUnsupported && e.Hint == "" {
				t.Error("no hint says what to do")
			}
		})
	}
	for _, version := range []uint32{0, 2 << 16, 4 << 16, codeTLS, codeGSS, codeCancel, 1<<32 - 1} {
		if _, err := parseStartup(version, startupBody("user", "alice"), anySetting); err == nil {
			t.Errorf("version %#x accepted", version)
		}
	}
}

func TestMoreSettingsMayBePassedOn(t *testing.T) {
	got, err := parseStartup(version30, startupBody("user", "a", "search_path", "app"), allowedSettings([]string{"Search_Path"}))
	if err != nil || got.settings["search_path"] != "app" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAppIsPrintable(t *testing.T) {
	s := &startup{settings: map[string]string{"application_name": "a\x1b[2Jé\n"}}
	if got := s.app(); got != "a?[2J??" {
		t.Errorf("app %q", got)
	}
}

// FuzzParseStartup: no panic; what we take, pgproto3 reads the same; and no setting gets through that isn't allowed.
func FuzzParseStartup(f *testing.F) {
	f.Add(uint32(version30), startupBody("user", "alice", "options", `-c geqo=off --timezone=a\ b`))
	f.Add(uint32(version32), startupBody("user", "alice", "database", "d", "DateStyle", "ISO"))
	f.Add(uint32(version32+1), startupBody("user", "alice", "_pq_.x", ""))
	f.Fuzz(func(t *testing.T, version uint32, body []byte) {
		if len(body) > maxStartup {
			return
		}
		s, err := parseStartup(version, body, anySetting)
		if err != nil {
			return
		}
		if s.user == "" || version>>16 != 3 {
			t.Fatalf("took version %#x, user %q", version, s.user)
		}
		for name := range s.settings {
			if !anySetting(name) {
				t.Fatalf("setting %q got through", name)
			}
		}
		var oracle pgproto3.StartupMessage
		if err := oracle.Decode(binary.BigEndian.AppendUint32(nil, version30)); err == nil {
			t.Fatal("pgproto3 takes a message without parameters")
		}
		if err := oracle.Decode(append(binary.BigEndian.AppendUint32(nil, version30), body...)); err != nil {
			t.Fatalf("pgproto3 does not take it: %v", err)
		}
		if oracle.Parameters["user"] != s.user || oracle.Parameters["database"] != s.database {
			t.Fatalf("pgproto3 reads %v", maps.Collect(maps.All(oracle.Parameters)))
		}
	})
}
