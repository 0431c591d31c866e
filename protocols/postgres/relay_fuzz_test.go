package postgres

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/protocols/protocoltest"
)

// fuzzTalk is a machine under arbitrary bytes from both sides. It has the names s1 and a settled start, as in a conversation.
type fuzzTalk struct {
	*talk
	toServer, toClient int // bytes that went in
}

// feed gives one side's bytes to the machine and checks what must hold whatever they are.
func (f *fuzzTalk) feed(server bool, p []byte) {
	if f.Err != nil {
		return
	}
	if server {
		f.toClient += len(p)
		f.server(p)
	} else {
		f.toServer += len(p)
		f.Client(p)
	}
	m := f.m
	if held := cap(m.client.held) + cap(m.client.spare); held > 4*(m.maxText+headSize)+keptHeld {
		f.t.Fatalf("%d bytes are held of the client's", held)
	}
	if held := cap(m.server.held) + cap(m.server.spare); held > 4*(maxHeld+headSize)+keptHeld {
		f.t.Fatalf("%d bytes are held of the server's", held)
	}
	if m.queue.len() > maxQueue {
		f.t.Fatalf("%d messages are outstanding", m.queue.len())
	}
}

// wellFramed checks that the server never gets the start of a message of unknown type or impossible length, and returns
// whether it ends with a whole one.
func wellFramed(t *testing.T, sent []byte) bool {
	messages, rest := cutMessages(sent)
	for _, msg := range messages {
		if err := checkHead(msg[0], len(msg)-headSize, true); err != nil {
			t.Fatalf("the server got: %v", err)
		}
	}
	return len(rest) == 0
}

func seedTurns(f *testing.F) {
	paths, err := filepath.Glob("testdata/conversations/*.txt")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no conversations to begin with: %v", err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		_, script, _ := strings.Cut(string(data), "-- script --\n")
		script, _, _ = strings.Cut(script, "-- ")
		var client []byte
		for _, line := range strings.Split(script, "\n") {
			if strings.TrimSpace(line) == "" {
				continue
			}
			if msg, err := clientMessage(line); err == nil { // else it is not a message but "until", "cancel"
				client = append(client, msg...)
			}
		}
		f.Add(protocoltest.AsTurns(false, client))
	}
	for _, x := range exchanges(f) {
		f.Add(append(protocoltest.AsTurns(false, x.client), protocoltest.AsTurns(true, x.server)...))
	}
}

// FuzzMachine gives a machine arbitrary bytes from both sides: no panic, bounded memory, only framed messages for the
// server, one Result for each action, and the same however the bytes are cut.
func FuzzMachine(f *testing.F) {
	seedTurns(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<14 {
			return
		}
		whole := playTurns(t, data, nil)
		cut := playTurns(t, data, everyByte)
		if !bytes.Equal(whole.Sent, cut.Sent) {
			t.Errorf("the server gets\n%q\nand, byte by byte,\n%q", whole.Sent, cut.Sent)
		}
		if !slices.Equal(whole.tape.Lines, cut.tape.Lines) {
			t.Errorf("recorded:\n%s\nand, byte by byte:\n%s", strings.Join(whole.tape.Lines, "\n"), strings.Join(cut.tape.Lines, "\n"))
		}
	})
}

func playTurns(t *testing.T, data []byte, cut func([]byte) [][]byte) *fuzzTalk {
	f := &fuzzTalk{talk: newTalk(t)}
	f.m.bogus = []byte("gatefold_refused") // the same in each run
	f.m.nothing = message(nil, typeDescribe, []byte{ofStatement}, f.m.bogus, []byte{0})
	f.Cut = cut
	protocoltest.Turns(data, f.feed)
	wellFramed(t, f.Sent)
	f.end()
	return f
}

// FuzzServer gives the server's side arbitrary bytes while all kinds of answers are outstanding. The client gets no more
// than came in, but for what stands in a refusal's place.
func FuzzServer(f *testing.F) {
	for _, x := range exchanges(f) {
		f.Add(x.server)
	}
	f.Add(serverMessages(message(nil, typeErrorResponse, []byte("SERROR\x00VERROR\x00C42601\x00Mno\x00\x00")),
		message(nil, typeReadyForQuery, []byte{'I'})))
	f.Add(message(nil, typeParameterStatus, []byte("client_encoding\x00SJIS\x00")))
	f.Add(message(nil, typeNotification, []byte("\x00\x00\x00\x01c\x00payload\x00")))
	f.Add(message(nil, typeParameterDescription, []byte{0, 1, 0, 0, 0, 23}))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, script := range [][]string{
			{`Query "SELECT 1"`, `Query "COPY t TO STDOUT"`},
			{`Query "COPY t FROM STDIN"`},
			{`Query "SELECT 'forbidden'"`, `Query "SELECT 1"`},
			{`Parse s1 "SELECT 1"`, `Describe S s1`, `Bind - s1`, `Describe P -`, `Execute - 0`, `Close S s1`, `Sync`},
			{`FunctionCall 1`, `Parse - "SELECT 'forbidden'"`, `Bind - -`, `Sync`},
			{},
		} {
			m := newMachine(machineConfig{}, protocoltest.NewWords())
			var out relay.Out
			if _, err := m.Client(lines(t, script...), &out); err != nil {
				t.Fatal(err)
			}
			out.Reset()
			err := m.Server(data, &out)
			if n := out.ToClient.Len(); n > len(data)+2*len(errorResponse(violation("refused by policy"), severityError))+200 {
				t.Fatalf("the client got %d bytes of %d", n, len(data))
			}
			out.Reset()
			_ = m.End(err, &out)
		}
	})
}
