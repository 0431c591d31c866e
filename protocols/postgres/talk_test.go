package postgres

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/protocols/protocoltest"
)

// answer is what the server sent in one go, and how much it had been sent before.
type answer struct {
	after int
	bytes []byte
}

// talk is one run of a conversation.
type talk struct {
	t       *testing.T
	m       *machine
	tape    *protocoltest.Words
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
	tape := protocoltest.NewWords()
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
			k.t.Fatalf("no %s comes (%v); seen: %v; recorded:\n%s", name, k.err, describeAll(k.seen), strings.Join(k.tape.Lines, "\n"))
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
	if len(k.tape.Open) > 0 {
		k.t.Errorf("actions without a Result: %v", k.tape.Open)
	}
	if k.tape.Fault != "" {
		k.t.Error(k.tape.Fault)
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
	records = strings.Join(k.tape.Lines, "\n") + "\n"
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
