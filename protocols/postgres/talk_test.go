package postgres

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/protocols/protocoltest"
)

// answer is what the server sent in one go, and how much it had been sent before.
type answer struct {
	after int
	bytes []byte
}

// talk is one run of a conversation.
type talk struct {
	protocoltest.Talk
	t       *testing.T
	m       *machine
	tape    *protocoltest.Words
	answers []answer // of the server
}

var conversationSettings = map[string]string{"standard_conforming_strings": "on", "client_encoding": "UTF8"}

func newTalk(t *testing.T) *talk {
	tape := protocoltest.NewWords()
	m := newMachine(machineConfig{Settings: conversationSettings, MaxText: 4096}, tape)
	m.chunk = 32
	return &talk{Talk: protocoltest.Talk{Machine: m}, t: t, m: m, tape: tape}
}

func (k *talk) server(b []byte) {
	for _, piece := range k.Pieces(b) {
		k.Serve(piece)
	}
	k.Client(nil)
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
			k.Client(toSend)
			toSend = nil
		case line == "cancel":
			answer := k.m.askCancel()
			if err := k.m.toldCancel(answer.Seq, nil); err != nil {
				k.t.Fatal(err)
			}
		case isUntil:
			k.Client(toSend)
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
	k.Client(toSend)
	k.end()
}

// until takes from the server until the client has seen a message of this name that it hasn't seen before.
func (k *talk) until(name string, told int, next func() []byte) int {
	k.t.Helper()
	for {
		messages, _ := cutMessages(k.Seen)
		for ; told < len(messages); told++ {
			if serverNames[messages[told][0]] == name {
				return told + 1
			}
		}
		b := next()
		if b == nil || k.Err != nil {
			k.t.Fatalf("no %s comes (%v); seen: %v; recorded:\n%s", name, k.Err, describeAll(k.Seen), strings.Join(k.tape.Lines, "\n"))
		}
		k.server(b)
	}
}

// end is the client's hanging up.
func (k *talk) end() {
	k.Err = k.End()
	if len(k.tape.Open) > 0 {
		k.t.Errorf("actions without a Result: %v", k.tape.Open)
	}
	if k.tape.Fault != "" {
		k.t.Error(k.tape.Fault)
	}
}

// outcome is what came of a run, in words.
func (k *talk) outcome() (server, client, records string) {
	for _, msg := range describeSent(k.Sent) {
		server += msg + "\n"
	}
	for _, line := range describeAll(k.Seen) {
		client += line + "\n"
	}
	if k.Err != nil {
		client += "end: " + k.Err.Error() + "\n"
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
