package mysql

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/protocols"
	"github.com/gatefold/gatefold/protocols/protocoltest"
)

// talk is a machine between a client and a server that a test speaks for.
type talk struct {
	protocoltest.Talk
	m     *machine
	tape  *protocoltest.Words
	early bool // the server began what nobody had asked for yet: what that is depends on whether a command came before its end
}

// newTalk has the machine see cut bytes at once; 0: all.
func newTalk(caps capabilities, cut int) *talk {
	k := &talk{tape: protocoltest.NewWords()}
	k.m = newMachine(machineConfig{Caps: caps, MaxText: 256, State: sessionState{dialect: protocols.DialectMariaDB, version: 101119, charset: []byte("utf8mb4"),
		status: statusAutocommit}, Find: func(id uint64) (uint64, bool) { return 70 + id, id == 7 }}, k.tape)
	k.m.chunk = 64
	k.Machine = k.m
	if cut > 0 {
		k.Cut = func(b []byte) [][]byte { return slices.Collect(slices.Chunk(b, cut)) }
	}
	return k
}

func (k *talk) server(b []byte) {
	for _, piece := range k.Pieces(b) {
		k.Serve(piece)
		k.early = k.early || k.m.answer.quiet
		k.Client(nil)
	}
}

// end ends the session and says all that came of it.
func (k *talk) end() string {
	err := k.End()
	return fmt.Sprintf("%s\nsent %q\nseen %q\nerr %v", k.tape.Text(), k.Sent, k.Seen, err)
}

// packetsOf cuts b into its packets.
func packetsOf(b []byte) (all [][]byte) {
	for len(b) > 0 {
		size, _ := packetHead(b)
		all = append(all, b[:headSize+size])
		b = b[headSize+size:]
	}
	return all
}

// FuzzMachine gives the machine arbitrary bytes of both sides. Whatever they are, memory stays bounded, each action has a
// Result, no statement reaches the server that wasn't allowed on the tape, and how the bytes were cut makes no
// difference.
func FuzzMachine(f *testing.F) {
	for _, all := range []map[string]traffic{exchanges, others} {
		for _, x := range all {
			data := append(protocoltest.AsTurns(false, preparing.client), protocoltest.AsTurns(true, preparing.server)...)
			data = append(data, protocoltest.AsTurns(false, x.client)...)
			for _, p := range packetsOf(x.server) {
				data = append(data, protocoltest.AsTurns(true, p)...)
			}
			f.Add(uint8(0), data)
			f.Add(uint8(1), data)
		}
	}
	f.Fuzz(func(t *testing.T, flags uint8, data []byte) {
		var first string
		early := false
		for _, cut := range []int{0, 1, 5} {
			k := newTalk(fuzzCaps(flags), cut)
			protocoltest.Turns(data, func(server bool, p []byte) {
				if server {
					k.server(p)
				} else {
					k.Client(p)
				}
				k.bounded(t)
			})
			got := k.end()
			if k.tape.Fault != "" || len(k.tape.Open) > 0 && k.m.mode != modeStream {
				t.Fatalf("%s; open %v\n%s", k.tape.Fault, k.tape.Open, got)
			}
			k.onlyWhatWasAllowed(t)
			early = early || k.early
			if cut == 0 {
				first = got
			} else if k.Err == nil && !early && got != first && !strings.Contains(first, "err read from target") {
				t.Fatalf("cut %d:\n%s\nwhole:\n%s", cut, got, first)
			}
		}
	})
}

func fuzzCaps(flags uint8) capabilities {
	caps := clientProtocol41 | mariadbBulk
	for i, c := range []capabilities{clientDeprecateEOF, clientQueryAttributes, mariadbCacheMetadata, mariadbProgress, clientSessionTrack} {
		if flags&(1<<i) != 0 {
			caps |= c
		}
	}
	return caps
}

func (k *talk) bounded(t *testing.T) {
	m := k.m
	if n := cap(m.in.held) + cap(m.in.spare); n > 4*(2*maxSmall+256)+keptHeld {
		t.Fatalf("%d bytes are held of the client's", n)
	}
	if n := cap(m.answer.held); n > 2*maxAnswer+256 {
		t.Fatalf("%d bytes are held of the server's", n)
	}
	if n := cap(m.stream.raw) + cap(m.stream.view); n > 64*m.chunk {
		t.Fatalf("%d bytes are held of a long command", n)
	}
}

// onlyWhatWasAllowed looks at each statement that the server got.
func (k *talk) onlyWhatWasAllowed(t *testing.T) {
	if k.m.caps.has(clientQueryAttributes) {
		return
	}
	for sent := k.Sent; len(sent) > headSize; {
		size, seq := packetHead(sent)
		if len(sent) < headSize+size {
			return
		}
		p := sent[headSize : headSize+size]
		sent = sent[headSize+size:]
		if seq != 0 || len(p) < 2 || p[0] != comQuery || string(p[1:]) == stateQuery || bytes.HasPrefix(p[1:], []byte("KILL ")) {
			continue
		}
		if !strings.Contains(k.tape.Text(), fmt.Sprintf("allow query %q", protocoltest.Brief(p[1:]))) {
			t.Fatalf("the server got %q, which the tape did not allow:\n%s", p, k.tape.Text())
		}
	}
}

// What a session has now and then comes out as written here.
func TestExchanges(t *testing.T) {
	for name, want := range map[string]string{
		"forbidden":  "deny query \"SELECT forbidden\"|result of=3 refused code=1142 message=\"refused by policy\"",
		"long value": "execute of=2 name=1 $252=\"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv\" length=128 more|allow data of=3 \"vvvv",
		"long words": "wo seven wo \" length=128 more|seven wo seven wo \" bytes=45 length=128 more|\"seven wo seven wo rd\" bytes=108",
		"bulk":       "execute of=2 name=1 portal=bulk $8=\"\\x05\\x00\\x00\\x00\\x00\\x00\\x00\\x00\" $8=null $8=\"\\x06",
		"cursor":     "result of=3 done suspended|5 allow execute of=2 name=1 portal=cursor|result of=5 done rows=1 bytes=4",
		"kill":       "allow cancel \"KILL QUERY 77\" message=\"asked: KILL QUERY 7\"|result of=3 done rows=1",
		"local":      "notice of=3 message=\"the target asks for file f\"|done rows=1 bytes=4 hash=",
		"too long":   "deny query unread unsure=",
		"long data":  "allow bind of=2 name=1 portal=0 $252=\"long\"|allow execute of=3 name=1 $252=\"\"",
		"unknown":    "deny command name=command 0x1d unread",
		"gone":       "notice code=1243",
		"settings":   "state name=character_set_client \"latin1\"",
		"error late": "failed rows=1 bytes=2 code=1096",
	} {
		t.Run(name, func(t *testing.T) {
			k := newTalk(clientProtocol41|mariadbBulk, 0)
			k.Client(preparing.client)
			k.server(preparing.server)
			k.Client(others[name].client)
			for _, p := range packetsOf(others[name].server) {
				k.server(p)
			}
			got := k.end()
			for _, part := range strings.Split(want, "|") {
				if !strings.Contains(got, part) {
					t.Errorf("no %s in\n%s", part, got)
				}
			}
		})
	}
}

// No allocation for a statement in the steady state.
func TestNoAllocations(t *testing.T) {
	for name, x := range exchanges {
		t.Run(name, func(t *testing.T) {
			m := newMachine(machineConfig{Caps: clientProtocol41, State: sessionState{dialect: protocols.DialectMariaDB, charset: []byte("utf8mb4"), status: statusAutocommit}}, &protocoltest.Silent{})
			var out relay.Out
			run := func(x traffic) {
				out.Reset()
				if done, err := m.Client(x.client, &out); err != nil || done != len(x.client) {
					t.Fatalf("%d of %d bytes, %v", done, len(x.client), err)
				}
				out.Reset()
				if err := m.Server(x.server, &out); err != nil || m.cmd.phase != phaseIdle {
					t.Fatalf("phase %d, %v", m.cmd.phase, err)
				}
			}
			run(preparing)
			run(x)
			if n := testing.AllocsPerRun(100, func() { run(x) }); n != 0 {
				t.Errorf("%g allocations", n)
			}
		})
	}
}

func TestKillText(t *testing.T) {
	for text, want := range map[string]string{
		"KILL 7":                       "KILL |7",
		" kill query 7 ;":              "KILL QUERY |7",
		"KILL HARD CONNECTION 7":       "KILL HARD CONNECTION |7",
		"KILL QUERY -2127101319":       "KILL QUERY |2167865977", // Connector/J keeps the greeting's id in a signed number
		"KILL QUERY ID 7":              "",
		"KILL USER alice":              "",
		"KILL 7 OR 8":                  "",
		"KILL":                         "",
		"KILL QUERY -9223372036854775": "",
	} {
		id, form, ok := killText([]byte(text))
		got := ""
		if ok {
			got = fmt.Sprintf("%s|%d", form, id)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

// A hostile server gets no file but the one that the statement names behind INFILE.
func TestNamesFile(t *testing.T) {
	for text, want := range map[string]bool{
		"LOAD DATA LOCAL INFILE '/tmp/x' INTO TABLE t":                true,
		"load data local infile\n\"/tmp/x\" into table t":             true,
		"LOAD DATA LOCAL INFILE '/tmp/xy' INTO TABLE t":               false,
		"INSERT INTO t VALUES ('local /tmp/x')":                       false,
		"LOAD DATA LOCAL INFILE '/tmp/y' INTO TABLE t SET a='/tmp/x'": false,
		"LOAD DATA LOCAL INFILE 'x' INTO TABLE t /* infile /tmp/x */": false,
	} {
		if got := namesFile([]byte(text), []byte("/tmp/x")); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestMarks(t *testing.T) {
	for text, want := range map[string]marks{
		"SELECT a FROM t USE INDEX (i)":              0,
		"SELECT CHAR(65), CHAR (66), DATABASE()":     0,
		"CREATE TABLE t (a char(10), b varchar(10))": 0,
		"SELECT user, used FROM users":               0,
		"USE hr":                                     marksState,
		"/*!50000use hr*/":                           marksState,
		"SET CHAR SET gbk":                           marksState,
		"SET character_set_client=gbk":               marksState,
		"DROP DATABASE hr":                           marksState,
		"LOAD DATA LOCAL INFILE 'x'":                 marksLocal,
		"SELECT 'é'":                                 marksWide,
		"SET `sql_modé`=''":                          marksWide | marksState,
	} {
		if got := markText([]byte(text)); got != want {
			t.Errorf("%s: %b, want %b", text, got, want)
		}
	}
}
