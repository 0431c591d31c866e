package ssh

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/protocols"
)

// typist is a person at a shell behind the gateway: a real sshd's, with a terminal.
type typist struct {
	t    *testing.T
	g    *relayGate
	s    *ssh.Session
	in   io.Writer
	out  io.Reader
	seen string
	err  bytes.Buffer // what the gateway itself says
}

func newTypist(t *testing.T, change func(*relayGate), command string) *typist {
	t.Helper()
	g, _ := newRelayGate(t, change)
	s, err := g.client(t).NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RequestPty("xterm", 24, 80, ssh.TerminalModes{ssh.ECHO: 1}); err != nil {
		t.Fatal(err)
	}
	p := &typist{t: t, g: g, s: s}
	s.Stderr = &p.err
	p.out, _ = s.StdoutPipe()
	p.in, _ = s.StdinPipe()
	if err := s.Start(command); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(20*time.Second, func() { s.Close() })
	t.Cleanup(func() { late.Stop() })
	return p
}

// sees waits for something on the screen.
func (p *typist) sees(what string) {
	p.t.Helper()
	for buf := make([]byte, 1024); !strings.Contains(p.seen, what); {
		n, err := p.out.Read(buf)
		p.seen += string(buf[:n])
		if err != nil {
			p.t.Fatalf("waited for %q, saw %q: %v", what, p.seen, err)
		}
	}
	_, p.seen, _ = strings.Cut(p.seen, what)
}

func (p *typist) types(text string) { io.WriteString(p.in, text) }

func (p *typist) tape() *tape { return p.g.tape(p.t, 0) }

const bashAt = `env PS1='web1:~> ' TERM=xterm bash --norc --noprofile -i`

// linesOf are the command lines that were asked about.
func linesOf(t *tape) (lines []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.records {
		if r.Kind == record.KindLine {
			lines = append(lines, string(r.Text))
		}
	}
	return lines
}

// A command line is on record as the screen showed it, however it was typed, and before the target sees its Enter.
func TestCommandLines(t *testing.T) {
	p := newTypist(t, nil, bashAt)
	p.sees("> ")
	p.types("echo one")
	p.sees("one")
	p.types("\r")
	p.sees("one\r\n")
	p.sees("> ")
	p.types("\x1b[A\r") // history and Enter in one
	p.sees("one\r\n")
	p.sees("> ")
	p.types("exho\x7f\x7f\x7fcho two\r")
	p.sees("two\r\n")
	p.sees("> ")
	p.types("exit 3\r")
	if err := p.s.Wait(); err == nil || !strings.Contains(err.Error(), "status 3") {
		t.Errorf("it ends with %v", err)
	}
	if got := strings.Join(linesOf(p.tape()), "|"); got != "echo one|echo one|echo two|exit 3" {
		t.Errorf("command lines: %s", got)
	}
	shown := p.tape().text(record.KindScreen, 1, 0)
	for _, line := range []string{"web1:~> echo one", "two", "exit"} {
		if !strings.Contains(shown, line) {
			t.Errorf("the screen's text has no %q:\n%s", line, shown)
		}
	}
}

// A line that is refused never has its Enter.
func TestForbiddenLine(t *testing.T) {
	p := newTypist(t, nil, bashAt)
	p.sees("> ")
	p.types("touch forbidden")
	p.sees("forbidden")
	p.types("\r")
	if err := p.g.ended(t, 0); err == nil {
		t.Error("the session goes on")
	}
	p.s.Wait()
	if !strings.Contains(p.err.String(), "refused by policy") {
		t.Errorf("the client reads %q", &p.err)
	}
	if got := linesOf(p.tape()); len(got) != 1 || got[0] != "touch forbidden" {
		t.Errorf("command lines: %q", got)
	}
}

// What isn't echoed is on record as a count, whatever the mode, and nowhere as text.
func TestPasswordAtTerminal(t *testing.T) {
	for _, mode := range []protocols.InputMode{protocols.InputEchoed, protocols.InputNever} {
		t.Run(fmt.Sprint(mode), func(t *testing.T) {
			p := newTypist(t, func(g *relayGate) { g.route.Input = mode }, bashAt)
			p.sees("> ")
			p.types("read -s -p 'Password: ' x; echo; echo ${#x}\r")
			p.sees("\rPassword: ")
			p.types("hunter2")
			p.types("\r")
			p.sees("7\r\n")
			p.sees("> ")
			p.types("exit\r")
			p.s.Wait()
			lines := strings.Join(p.tape().lines(), "\n")
			if strings.Contains(lines, "hunter") || strings.Contains(lines, "unter2") {
				t.Errorf("the password is on the tape:\n%s", lines)
			}
			echoed := strings.Contains(lines, "8 bytes not echoed")
			if echoed != (mode == protocols.InputEchoed) {
				t.Errorf("with mode %v:\n%s", mode, lines)
			}
			if got := linesOf(p.tape()); len(got) != 2 {
				t.Errorf("command lines: %q", got)
			}
		})
	}
}

// Each byte of input is on record twice: counted before it goes on, and told of as echoed or not.
func TestInputAddsUp(t *testing.T) {
	p := newTypist(t, nil, "cat")
	p.types("some text\rmore\x7f\x7f\r\x1b[A")
	p.sees("more")
	p.types("\x04\x04")
	p.s.Wait()
	var counted, told uint64
	tape := p.tape()
	tape.mu.Lock()
	defer tape.mu.Unlock()
	for _, r := range tape.records {
		switch {
		case r.Kind != record.KindInput:
		case r.Of == 0:
			counted += r.Bytes
		default:
			told += r.Bytes
		}
	}
	if counted != told || counted == 0 {
		t.Errorf("%d bytes counted, %d told of", counted, told)
	}
}

// Sealed input is all that was typed, and only the key that isn't here opens it.
func TestSealedInput(t *testing.T) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	p := newTypist(t, func(g *relayGate) {
		g.route.Input, g.route.Recipient = protocols.InputSealed, key.Recipient().String()
	}, "stty -echo; echo ready; read x; read y; echo ${#x} ${#y}")
	p.sees("ready")
	sealed := func(n int) func() bool {
		return func() bool {
			return strings.Count(strings.Join(p.tape().lines(record.KindInput), "\n"), "sealed to") == n
		}
	}
	p.types("hunter2\r")
	testenv.Eventually(t, "a line is sealed", sealed(1))
	p.types("s3")
	testenv.Eventually(t, "what has no Enter is sealed when a second has gone", sealed(2))
	p.types("cret\r")
	p.sees("7 6")
	p.s.Wait()
	tape := p.tape()
	var opened []string
	tape.mu.Lock()
	defer tape.mu.Unlock()
	for _, r := range tape.records {
		if r.Kind != record.KindInput || r.Of == 0 {
			continue
		}
		if bytes.Contains(r.Text, []byte("hunter")) || !strings.HasPrefix(string(r.Message), "sealed to age1") {
			t.Errorf("on the tape: %q, %q", r.Text, r.Message)
		}
		clear, err := age.Decrypt(bytes.NewReader(r.Text), key)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(clear)
		opened = append(opened, string(text))
	}
	if got := strings.Join(opened, ""); got != "hunter2\rs3cret\r" {
		t.Errorf("sealed was %q", opened)
	}
}

// A full-screen program gives no command lines; its screen's text is on record all the same.
func TestEditorGivesNoLines(t *testing.T) {
	p := newTypist(t, nil, "vi -u NONE -N")
	p.sees("~")
	p.types("irm -rf /\r$ text\x1b")
	p.sees("text")
	p.types(":q!\r")
	p.s.Wait()
	if got := linesOf(p.tape()); len(got) != 0 {
		t.Errorf("command lines: %q", got)
	}
	if shown := p.tape().text(record.KindScreen, 1, 0); !strings.Contains(shown, "rm -rf /") {
		t.Errorf("the screen's text: %q", shown)
	}
}

// Much output gives frames, at which a player begins.
func TestFramesAreKept(t *testing.T) {
	p := newTypist(t, nil, "seq 100000; echo the end")
	p.sees("the end")
	p.s.Wait()
	frames := 0
	tape := p.tape()
	tape.mu.Lock()
	defer tape.mu.Unlock()
	for _, r := range tape.records {
		if r.Kind == record.KindScreen && string(r.Name) == record.ScreenFrame {
			if frames++; r.Rows != 24 || r.Bytes != 80 || len(r.Text) == 0 {
				t.Errorf("a frame of %d times %d, %d bytes", r.Rows, r.Bytes, len(r.Text))
			}
		}
	}
	if frames < 2 || frames > 4 {
		t.Errorf("%d frames in 700 kB of output", frames)
	}
}
