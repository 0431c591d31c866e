package postgres

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/protocols"
	"github.com/gatefold/gatefold/protocols/protocoltest"
)

// step gives a machine both sides' bytes and returns what it releases.
func step(t *testing.T, m *machine, client, server []byte) (toServer, toClient string) {
	t.Helper()
	var out relay.Out
	if n, err := m.Client(client, &out); n != len(client) || err != nil {
		t.Fatalf("Client took %d of %d: %v", n, len(client), err)
	}
	toServer = string(out.ToServer.Bytes(nil))
	out.Reset()
	if err := m.Server(server, &out); err != nil {
		t.Fatal(err)
	}
	return toServer, string(out.ToClient.Bytes(nil))
}

// When the session ends, every open action has one Result that says so; what was refused says that.
func TestEndTellsWhatIsOpen(t *testing.T) {
	tape := protocoltest.NewWords()
	m := newMachine(machineConfig{Settings: conversationSettings}, tape)
	step(t, m, lines(t, `Parse s1 "SELECT 1"`, `Bind - s1`, `Execute - 0`, `Execute - 0`, `Sync`, `Query "SELECT 'forbidden'"`, `Query "SELECT 2"`),
		serverMessages(message(nil, typeParseComplete), message(nil, typeBindComplete), message(nil, typeDataRow, []byte{0, 0})))
	var out relay.Out
	cause := errors.New("the disk is full")
	if err := m.End(cause, &out); err != cause {
		t.Errorf("End returned %v", err)
	}
	want := []string{"result of=3 unknown rows=1 bytes=2", "result of=4 unknown",
		`result of=5 refused code=42501 message="refused by policy"`, "result of=6 unknown"}
	for i, line := range tape.Lines[len(tape.Lines)-len(want):] {
		if _, line, _ = strings.Cut(line, " "); line != want[i] {
			t.Errorf("told %q, want %q", line, want[i])
		}
	}
	if words := string(out.ToClient.Bytes(nil)); !strings.Contains(words, "FATAL") || strings.Contains(words, "disk") {
		t.Errorf("last words are %q", words)
	}
}

// Last words are for a client that isn't in the middle of a message.
func TestEndKeepsFraming(t *testing.T) {
	killed := &protocols.Error{Class: protocols.ClassShutdown, Message: "the session was ended by an administrator"}
	row := message(nil, typeDataRow, []byte{0, 0, 1, 2, 3})
	for cut := range row {
		m := newMachine(machineConfig{}, protocoltest.NewWords())
		_, seen := step(t, m, lines(t, `Query "SELECT 1"`), row[:cut])
		var out relay.Out
		_ = m.End(killed, &out)
		if words := out.ToClient.Len() > 0; words != (seen == "") {
			t.Errorf("cut at %d, the client saw %q: last words %v", cut, seen, words)
		}
	}
}

// How a session ended is an error unless the client said goodbye, or left.
func TestEndSaysHow(t *testing.T) {
	for _, tt := range []struct {
		client string
		cause  error
		want   error
	}{
		{"Terminate", relay.ErrServerClosed, nil},
		{"Terminate", nil, nil},
		{"Sync", nil, nil},
		{"Sync", relay.ErrServerClosed, relay.ErrServerClosed},
	} {
		m := newMachine(machineConfig{}, protocoltest.NewWords())
		var out relay.Out
		if _, err := m.Client(lines(t, tt.client), &out); err != nil {
			t.Fatal(err)
		}
		out.Reset()
		if err := m.End(tt.cause, &out); err != tt.want || out.ToClient.Len() > 0 {
			t.Errorf("%s, then %v: %v, and %d bytes of last words", tt.client, tt.cause, err, out.ToClient.Len())
		}
	}
}

// A cancel request after the end is refused: nobody would hear its Result.
func TestCancelAfterTheEnd(t *testing.T) {
	tape := protocoltest.NewWords()
	m := newMachine(machineConfig{}, tape)
	var out relay.Out
	_ = m.End(nil, &out)
	if a := m.askCancel(); a.Verdict != record.VerdictDeny || a.Refusal == nil || len(tape.Lines) != 0 {
		t.Errorf("%+v, recorded %q", a, tape.Lines)
	}
}

// A statement over the limit is refused with its own code where policy itself would let it pass, and none of it is kept.
func TestTooLong(t *testing.T) {
	m := newMachine(machineConfig{MaxText: 1000}, &protocoltest.Silent{})
	broken := message(nil, typeErrorResponse, []byte("SERROR\x00VERROR\x00C42601\x00Mno\x00\x00"))
	sent, seen := step(t, m, lines(t, fmt.Sprintf(`Query "SELECT '%s'"`, strings.Repeat("x", 1<<20))), broken)
	if sent != string(brokenQuery) {
		t.Errorf("the server got %.200q", sent)
	}
	if !strings.Contains(seen, "54000") {
		t.Errorf("the client saw %q", seen)
	}
	if n := cap(m.client.held) + cap(m.client.spare); n > 4096 {
		t.Errorf("%d bytes are held", n)
	}
}

// A client far ahead of the server waits for it; the server is told to answer.
func TestQueueIsBounded(t *testing.T) {
	m := newMachine(machineConfig{}, &protocoltest.Silent{})
	var out relay.Out
	one := lines(t, `Bind - -`)
	sent := 0
	for ; ; sent++ {
		out.Reset()
		if n, err := m.Client(one, &out); err != nil {
			t.Fatal(err)
		} else if n == 0 {
			break
		}
	}
	if sent != maxQueue || string(out.ToServer.Bytes(nil)) != string(flush) {
		t.Errorf("%d Binds went out, then %q", sent, out.ToServer.Bytes(nil))
	}
	out.Reset()
	if err := m.Server(message(nil, typeBindComplete), &out); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if n, err := m.Client(one, &out); n != len(one) || err != nil {
		t.Errorf("an answer lets %d bytes go, %v", n, err)
	}
}

// Names that cost memory are bounded, and the bound is told as a refusal.
func TestStatementsAreBounded(t *testing.T) {
	m := newMachine(machineConfig{}, &protocoltest.Silent{})
	for i := range maxStatements {
		step(t, m, lines(t, fmt.Sprintf(`Parse s%d "SELECT 1"`, i)), message(nil, typeParseComplete))
	}
	sent, seen := step(t, m, lines(t, `Parse more "SELECT 1"`), message(nil, typeErrorResponse, []byte("SERROR\x00C26000\x00Mno\x00\x00")))
	if sent != string(m.nothing) || !strings.Contains(seen, "54000") {
		t.Errorf("the server got %q, the client %q", sent, seen)
	}
}

// What a server says that nothing asked for ends the session: records would name the wrong statement from there on.
func TestServerOutOfStep(t *testing.T) {
	for name, answer := range map[string][]byte{
		"nothing asked":    message(nil, typeCommandComplete, []byte("SELECT 1\x00")),
		"not COPY":         message(nil, typeCopyInResponse, []byte{0, 0, 0}),
		"authentication":   message(nil, 'R', []byte{0, 0, 0, 0}),
		"replication":      message(nil, 'W', []byte{0, 0, 0}),
		"length too small": {typeDataRow, 0, 0, 0, 3},
		"length too large": {typeDataRow, 0x7f, 0, 0, 0},
	} {
		m := newMachine(machineConfig{}, protocoltest.NewWords())
		var out relay.Out
		if _, err := m.Client(lines(t, `Sync`), &out); err != nil {
			t.Fatal(err)
		}
		out.Reset()
		if err := m.Server(answer, &out); err == nil || out.ToClient.Len() > 0 {
			t.Errorf("%s: error %v, and %d bytes went to the client", name, err, out.ToClient.Len())
		}
	}
}

// A refused message that the server does not refuse ends the session: the client never sees the answer to something else.
func TestRefusalMustFail(t *testing.T) {
	for _, answer := range [][]byte{message(nil, typeParseComplete), message(nil, typeNoData), message(nil, typeRowDescription, []byte{0, 0})} {
		m := newMachine(machineConfig{}, protocoltest.NewWords())
		var out relay.Out
		if _, err := m.Client(lines(t, `Parse - "SELECT 'forbidden'"`), &out); err != nil {
			t.Fatal(err)
		}
		out.Reset()
		if err := m.Server(answer, &out); err == nil || out.ToClient.Len() > 0 {
			t.Errorf("%q: error %v, and %q went to the client", answer, err, out.ToClient.Bytes(nil))
		}
	}
}

// fullTape fails as a journal that is full does.
type fullTape struct{ protocoltest.Silent }

var errFull = errors.New("full")

func (*fullTape) Tell(record.Record) error { return errFull }

// A Result that can't be told ends the session before the client sees what it is of.
func TestTellFails(t *testing.T) {
	m := newMachine(machineConfig{}, &fullTape{})
	var out relay.Out
	if _, err := m.Client(lines(t, `Query "SELECT 1"`), &out); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	done := serverMessages(message(nil, typeCommandComplete, []byte("SELECT 1\x00")), message(nil, typeReadyForQuery, []byte{'I'}))
	if err := m.Server(done, &out); !errors.Is(err, errFull) {
		t.Errorf("Server returned %v", err)
	}
	if seen := string(out.ToClient.Bytes(nil)); strings.Contains(seen, "Z") {
		t.Errorf("the client saw %q", seen)
	}
}

// denyData refuses what goes on of a long Bind.
type denyData struct{ protocoltest.Silent }

func (s *denyData) Ask(a protocols.Action) protocols.Answer {
	answer := s.Silent.Ask(a)
	if a.Record.Kind == record.KindData {
		answer.Verdict = record.VerdictDeny
		answer.Refusal = &protocols.Error{Class: protocols.ClassNotRecorded, Message: "not recorded, not run"}
	}
	return answer
}

// A long value that can't be recorded to its end leaves the server with half a message, which it never runs.
func TestLongBindIsCut(t *testing.T) {
	m := newMachine(machineConfig{}, &denyData{})
	var out relay.Out
	msg := lines(t, fmt.Sprintf(`Bind - - "%s"`, strings.Repeat("v", 3*chunkSize)))
	_, err := m.Client(msg, &out)
	var refusal *protocols.Error
	if !errors.As(err, &refusal) || refusal.Class != protocols.ClassNotRecorded {
		t.Fatalf("Client returned %v", err)
	}
	if n := out.ToServer.Len(); n != headSize+chunkSize {
		t.Errorf("the server got %d bytes", n)
	}
}
