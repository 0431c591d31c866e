package ssh

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/protocols"
)

// Output is kept whole, however much it is.
func TestAllOutput(t *testing.T) {
	g, _ := newRelayGate(t, nil)
	out, _, code := g.run(t, "", "target", "seq 1 2500000")
	g.ended(t, 0)
	if kept := g.tape(t, 0).text(record.KindOutput, 1, 0); kept != out || !strings.HasSuffix(kept, "2500000\n") || code != 0 {
		t.Errorf("%d bytes of %d are kept, exit code %d", len(kept), len(out), code)
	}
}

// Where a target's max_output says so the beginning of much output is kept, and of all of it the length and the hash.
func TestMuchOutput(t *testing.T) {
	const maxOutput = 16 << 20 // 16 MiB
	g, _ := newRelayGate(t, func(g *relayGate) { g.route.MaxOutput = maxOutput })
	out, _, code := g.run(t, "", "target", "head -c 20000000 /dev/zero")
	if len(out) != 20_000_000 || code != 0 {
		t.Errorf("%d bytes, exit code %d", len(out), code)
	}
	g.ended(t, 0)
	tape := g.tape(t, 0)
	if n := len(tape.text(record.KindOutput, 1, 0)); n != maxOutput {
		t.Errorf("%d bytes are kept", n)
	}
	sum := sha256.Sum256([]byte(out))
	lines := tape.lines(record.KindOutput)
	if want := fmt.Sprintf(`output #1 of=1 bytes=20000000 message="the first 16777216 bytes are kept" hash=%x`, sum[:4]); lines[len(lines)-1] != want {
		t.Errorf("%s\nwant %s", lines[len(lines)-1], want)
	}
}

// A script on a shell's input is kept whole, wherever the shell stands in the command.
func TestScriptIsKept(t *testing.T) {
	for _, command := range []string{"bash -s", "cd / && exec /bin/sh", ""} {
		g, _ := newRelayGate(t, nil)
		out, _, code := g.run(t, "echo from a script\nexit 3\n", "-T", "target", command)
		if !strings.HasSuffix(out, "from a script\n") || code != 3 {
			t.Errorf("%s: %q, exit code %d", command, out, code)
		}
		g.ended(t, 0)
		if text := g.tape(t, 0).text(record.KindInput, 1, 0); text != "echo from a script\nexit 3\n" {
			t.Errorf("%s: %q is on record", command, text)
		}
	}
}

// With `input: never` nothing of it is kept.
func TestScriptIsNotKept(t *testing.T) {
	g, _ := newRelayGate(t, func(g *relayGate) { g.route.Input = protocols.InputNever })
	g.run(t, "echo from a script\n", "-T", "target", "bash -s")
	g.ended(t, 0)
	if text := g.tape(t, 0).text(record.KindInput, 1, 0); text != "" {
		t.Errorf("%q is on record", text)
	}
}

// With `input: sealed` an investigator's key opens it, and nobody else's.
func TestScriptIsSealed(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	g, _ := newRelayGate(t, func(g *relayGate) {
		g.route.Input, g.route.Recipient = protocols.InputSealed, key.Recipient().String()
	})
	if out, _, _ := g.run(t, "echo from a script", "-T", "target", "bash -s"); out != "from a script\n" {
		t.Errorf("%q", out)
	}
	g.ended(t, 0)
	var opened []byte
	for _, r := range g.tape(t, 0).records {
		if r.Kind != record.KindInput || len(r.Text) == 0 {
			continue
		}
		plain, err := age.Decrypt(bytes.NewReader(r.Text), key)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(plain)
		opened = append(opened, text...)
	}
	if string(opened) != "echo from a script" {
		t.Errorf("%q was sealed", opened)
	}
}

// Input is on record for good before the target has it.
func TestInputIsRecordedFirst(t *testing.T) {
	g, _ := newRelayGate(t, nil)
	ch := session(t, g.client(t))
	request(t, ch, "exec", programRequest{"cat"})
	buf := make([]byte, 16)
	for i := range 50 {
		word := fmt.Sprintf("%03d", i)
		io.WriteString(ch, word)
		if _, err := io.ReadFull(ch, buf[:3]); err != nil || string(buf[:3]) != word {
			t.Fatalf("%q: %v", buf[:3], err)
		}
		tape := g.tape(t, 0)
		tape.mu.Lock()
		inputs := 0
		for i := range tape.records[:tape.synced] {
			if tape.records[i].Kind == record.KindInput {
				inputs++
			}
		}
		tape.mu.Unlock()
		if inputs != i+1 {
			t.Fatalf("%d reads are on record for good, the target had %d", inputs, i+1)
		}
	}
}
