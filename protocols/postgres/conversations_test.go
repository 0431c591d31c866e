package postgres

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/internal/testenv"
)

var update = flag.Bool("update", false, "record the conversations anew from a live PostgreSQL")

// answer is what the server sent in one go, and how much it had been sent before.
type answer struct {
	after int
	bytes []byte
}

// talk is one run of a conversation.
type talk struct {
	t       *testing.T
	m       *machine
	tape    *tape
	pending []byte // from the client, not yet taken
	sent    []byte // to the server
	seen    []byte // by the client
	err     error

	forward func([]byte)          // to a live server; nil: recorded
	answers []answer              // of the server
	cut     func([]byte) [][]byte // how the input arrives
}

var conversationSettings = map[string]string{"standard_conforming_strings": "on", "client_encoding": "UTF8"}

func newTalk(t *testing.T) *talk {
	tape := newTape()
	m := newMachine(machineConfig{Settings: conversationSettings, MaxText: 4096}, tape)
	m.chunk = 32
	return &talk{t: t, m: m, tape: tape, cut: func(b []byte) [][]byte { return [][]byte{b} }}
}

// client gives the machine what the client sends, and goes on with what had to wait.
func (k *talk) client(b []byte) {
	for _, piece := range append(k.cut(b), nil) {
		k.pending = append(k.pending, piece...)
		for len(k.pending) > 0 && k.err == nil {
			var out relay.Out
			p := slices.Clone(k.pending)
			done, err := k.m.Client(p, &out)
			k.release(&out)
			clear(p) // what was released is written by now
			k.err = err
			k.pending = k.pending[done:]
			if len(k.pending) > 0 && out.Wait == nil {
				break
			}
			if out.Wait != nil {
				out.Wait(nil)
			}
		}
	}
}

func (k *talk) server(b []byte) {
	for _, piece := range k.cut(b) {
		if k.err != nil {
			return
		}
		var out relay.Out
		p := slices.Clone(piece)
		k.err = k.m.Server(p, &out)
		k.release(&out)
		clear(p)
	}
	k.client(nil)
}

func (k *talk) release(out *relay.Out) {
	to := out.ToServer.Bytes(nil)
	k.sent = append(k.sent, to...)
	if len(to) > 0 && k.forward != nil {
		k.forward(slices.Clone(to))
	}
	k.seen = append(k.seen, out.ToClient.Bytes(nil)...)
}

// run plays a script. next gives the server's next bytes, nil when there are no more.
func (k *talk) run(script string, next func() []byte) {
	k.t.Helper()
	var toSend []byte
	told := 0 // messages that the client has waited for
	for n, line := range strings.Split(script, "\n") {
		line = strings.TrimSpace(line)
		name, isUntil := strings.CutPrefix(line, "until ")
		switch {
		case line == "" || line[0] == '#':
		case line == "send":
			k.client(toSend)
			toSend = nil
		case line == "cancel":
			k.tape.seq += 0
			answer := k.m.askCancel()
			if err := k.m.toldCancel(answer.Seq, nil); err != nil {
				k.t.Fatal(err)
			}
		case isUntil:
			k.client(toSend)
			toSend = nil
			told = k.until(name, told, next)
		default:
			msg, err := clientMessage(line)
			if err != nil {
				k.t.Fatalf("line %d: %v", n+1, err)
			}
			toSend = append(toSend, msg...)
		}
	}
	k.client(toSend)
	k.end()
}

// until takes from the server until the client has seen a message of this name that it hasn't seen before.
func (k *talk) until(name string, told int, next func() []byte) int {
	k.t.Helper()
	for {
		messages, _ := cutMessages(k.seen)
		for ; told < len(messages); told++ {
			if serverNames[messages[told][0]] == name {
				return told + 1
			}
		}
		b := next()
		if b == nil || k.err != nil {
			k.t.Fatalf("no %s comes (%v); seen: %v; recorded:\n%s", name, k.err, describeAll(k.seen), strings.Join(k.tape.lines, "\n"))
		}
		k.server(b)
	}
}

// end is the client's hanging up.
func (k *talk) end() {
	var out relay.Out
	cause := k.err
	k.err = k.m.End(cause, &out)
	k.release(&out)
	if len(k.tape.open) > 0 {
		k.t.Errorf("actions without a Result: %v", k.tape.open)
	}
	if k.tape.fault != "" {
		k.t.Error(k.tape.fault)
	}
}

// outcome is what came of a run, in words.
func (k *talk) outcome() (server, client, records string) {
	for _, msg := range describeSent(k.sent) {
		server += msg + "\n"
	}
	for _, line := range describeAll(k.seen) {
		client += line + "\n"
	}
	if k.err != nil {
		client += "end: " + k.err.Error() + "\n"
	}
	records = strings.Join(k.tape.lines, "\n") + "\n"
	return server, client, records
}

func describeAll(b []byte) []string {
	messages, rest := cutMessages(b)
	var lines []string
	for _, msg := range messages {
		lines = append(lines, describeServer(msg))
	}
	if len(rest) > 0 {
		lines = append(lines, fmt.Sprintf("and %d bytes more", len(rest)))
	}
	return lines
}

// describeSent names what the server got; what stands in a refused message's place is called Nothing.
func describeSent(b []byte) []string {
	var lines []string
	messages, rest := cutMessages(b)
	names := map[byte]string{'Q': "Query", 'P': "Parse", 'B': "Bind", 'E': "Execute", 'D': "Describe", 'C': "Close", 'S': "Sync",
		'H': "Flush", 'd': "CopyData", 'c': "CopyDone", 'f': "CopyFail", 'F': "FunctionCall", 'X': "Terminate"}
	for _, msg := range messages {
		line := names[msg[0]]
		if bytes.Contains(msg, []byte("gatefold")) || bytes.Equal(msg, callNothing) {
			line += " (nothing)"
		}
		lines = append(lines, line)
	}
	if len(rest) > 0 {
		lines = append(lines, fmt.Sprintf("and %d bytes more", len(rest)))
	}
	return lines
}

// conversation is a file taken apart.
type conversation struct {
	name, script                 string
	answers                      []answer
	sent, client, records, intro string
}

func readConversation(t *testing.T, path string) conversation {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := conversation{name: path, intro: string(archive.Comment)}
	for _, f := range archive.Files {
		switch data := string(f.Data); f.Name {
		case "script":
			c.script = data
		case "answers":
			c.answers = parseAnswers(t, data)
		case "server gets":
			c.sent = data
		case "client sees":
			c.client = data
		case "records":
			c.records = data
		}
	}
	return c
}

// parseAnswers reads lines of "after bytes: the server's bytes as Go strings".
func parseAnswers(t *testing.T, data string) (answers []answer) {
	for _, line := range strings.Split(strings.TrimSpace(data), "\n") {
		after, quoted, ok := strings.Cut(line, ": ")
		if !ok {
			continue
		}
		n, err := strconv.Atoi(after)
		if err != nil {
			t.Fatal(err)
		}
		b, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		answers = append(answers, answer{n, []byte(b)})
	}
	return answers
}

func (c *conversation) write(t *testing.T, answers []answer) {
	var recorded strings.Builder
	for _, a := range answers {
		fmt.Fprintf(&recorded, "%d: %q\n", a.after, a.bytes)
	}
	data := txtar.Format(&txtar.Archive{Comment: []byte(c.intro), Files: []txtar.File{
		{Name: "script", Data: []byte(c.script)}, {Name: "server gets", Data: []byte(c.sent)},
		{Name: "client sees", Data: []byte(c.client)}, {Name: "records", Data: []byte(c.records)},
		{Name: "answers", Data: []byte(recorded.String())}}})
	if err := os.WriteFile(c.name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// replay gives the recorded answers, each when as much was sent as the server had been sent then.
func (k *talk) replay(answers []answer) func() []byte {
	return func() []byte {
		if len(answers) == 0 || answers[0].after > len(k.sent) {
			return nil
		}
		b := answers[0].bytes
		answers = answers[1:]
		return b
	}
}

// live reads from a real server.
func (k *talk) live(conn *pgconn.HijackedConn) func() []byte {
	k.forward = func(b []byte) {
		if _, err := conn.Conn.Write(b); err != nil {
			k.t.Errorf("write to the server: %v", err)
		}
	}
	return func() []byte {
		b := make([]byte, 64<<10)
		n, err := conn.Conn.Read(b)
		if err != nil {
			k.t.Errorf("read from the server: %v", err)
			return nil
		}
		if last := len(k.answers) - 1; last >= 0 && k.answers[last].after == len(k.sent) {
			k.answers[last].bytes = append(k.answers[last].bytes, b[:n]...)
		} else {
			k.answers = append(k.answers, answer{len(k.sent), slices.Clone(b[:n])})
		}
		return b[:n]
	}
}

func conversations(t *testing.T) (all []conversation) {
	paths, err := filepath.Glob("testdata/conversations/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no conversations: %v", err)
	}
	for _, path := range paths {
		all = append(all, readConversation(t, path))
	}
	return all
}

// Every conversation goes with a real server as it is written down.
func TestConversationsLive(t *testing.T) {
	server := testenv.ForTest(t)
	db := server.CreateDB(t)
	for _, c := range conversations(t) {
		t.Run(filepath.Base(c.name), func(t *testing.T) {
			server.MustExec(t, db, `DROP TABLE IF EXISTS things; CREATE TABLE things (id int PRIMARY KEY, name text);
				INSERT INTO things SELECT i, 'thing ' || i FROM generate_series(1, 20) i`)
			conn, err := pgconn.Connect(t.Context(), server.DSN(db))
			if err != nil {
				t.Fatal(err)
			}
			hijacked, err := conn.Hijack()
			if err != nil {
				t.Fatal(err)
			}
			defer hijacked.Conn.Close()
			k := newTalk(t)
			k.run(c.script, k.live(hijacked))
			if *update {
				c.sent, c.client, c.records = k.outcome()
				c.write(t, k.answers)
				return
			}
			compare(t, c, k)
		})
	}
}

func compare(t *testing.T, c conversation, k *talk) {
	t.Helper()
	sent, client, records := k.outcome()
	for _, part := range []struct{ name, got, want string }{
		{"server gets", sent, c.sent}, {"client sees", client, c.client}, {"records", records, c.records}} {
		if part.got != part.want {
			t.Fatalf("%s:\n%s\nwant:\n%s", part.name, part.got, part.want)
		}
	}
}

// Every conversation comes to the same however its bytes arrive: all at once, one by one, cut at each place in turn.
func TestConversationsCut(t *testing.T) {
	for _, c := range conversations(t) {
		t.Run(filepath.Base(c.name), func(t *testing.T) {
			longest := 0
			for _, cut := range []func([]byte) [][]byte{nil, everyByte} {
				longest = max(longest, c.again(t, cut))
			}
			for place := 1; place < longest; place++ {
				c.again(t, cutAt(place))
				if t.Failed() {
					t.Fatalf("cut at %d", place)
				}
			}
		})
	}
}

// again replays c and returns the length of the longest input.
func (c *conversation) again(t *testing.T, cut func([]byte) [][]byte) int {
	k := newTalk(t)
	longest := 0
	k.cut = func(b []byte) [][]byte {
		longest = max(longest, len(b))
		if cut == nil {
			return [][]byte{b}
		}
		return cut(b)
	}
	k.run(c.script, k.replay(c.answers))
	compare(t, *c, k)
	return longest
}

func everyByte(b []byte) (pieces [][]byte) {
	for i := range b {
		pieces = append(pieces, b[i:i+1])
	}
	return pieces
}

func cutAt(place int) func([]byte) [][]byte {
	return func(b []byte) [][]byte {
		n := min(place, len(b))
		return [][]byte{b[:n], b[n:]}
	}
}
