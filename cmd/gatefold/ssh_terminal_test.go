package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/record"
	terminal "github.com/gatefold/gatefold/internal/screen"
	"github.com/gatefold/gatefold/internal/testenv"
)

// shell is a person at a terminal behind the gateway.
type shell struct {
	t    *testing.T
	s    *ssh.Session
	in   io.Writer
	out  io.Reader
	seen string
}

func (g *gate) shell() *shell {
	g.t.Helper()
	s, err := g.dialSSH().NewSession()
	if err != nil {
		g.t.Fatal(err)
	}
	if err := s.RequestPty("xterm", 24, 80, ssh.TerminalModes{ssh.ECHO: 1}); err != nil {
		g.t.Fatal(err)
	}
	p := &shell{t: g.t.(*testing.T), s: s}
	p.out, _ = s.StdoutPipe()
	p.in, _ = s.StdinPipe()
	if err := s.Start(`env PS1='web1:~> ' HISTFILE= TERM=xterm bash --norc --noprofile -i`); err != nil {
		g.t.Fatal(err)
	}
	late := time.AfterFunc(30*time.Second, func() { s.Close() })
	g.t.Cleanup(func() { late.Stop() })
	return p
}

// types waits for something on the screen, then types.
func (p *shell) types(sees, text string) {
	p.t.Helper()
	for buf := make([]byte, 1024); !strings.Contains(p.seen, sees); {
		n, err := p.out.Read(buf)
		if p.seen += string(buf[:n]); err != nil {
			p.t.Fatalf("waited for %q, saw %q: %v", sees, p.seen, err)
		}
	}
	_, p.seen, _ = strings.Cut(p.seen, sees)
	io.WriteString(p.in, text)
}

// A command is found however it was typed, a password nowhere, and what was seen is seen again.
func TestSSHTerminalFromKeyToInvestigator(t *testing.T) {
	g := newGate(t, gateOptions{ssh: true})
	p := g.shell()
	p.types("> ", "echo giraffe")
	p.types("giraffe", "\r")
	p.types("giraffe\r\n", "")
	p.types("> ", "\x1b[A\x7f\x7f\x7fes\r") // from history, and changed
	p.types("giraes\r\n", "")
	p.types("> ", "read -s -p 'Password: ' x; echo ${#x}\r")
	p.types("\rPassword: ", "okapi-and-zebra\r")
	p.types("15\r\n", "")
	p.types("> ", "exit\r")
	p.s.Wait()
	g.poll("the command line is found as it was shown", func() bool {
		out, _, _ := g.try("", "search", `command:"echo giraes"`)
		return strings.Contains(out, "$ echo giraes")
	})
	session := ""
	for line := range strings.Lines(g.run("", "search", `command:"echo giraes"`)) {
		if f := strings.Fields(line); len(f) > 2 && strings.HasPrefix(f[0], "20") {
			session = f[2]
		}
	}
	text := g.run("", "replay", session)
	for _, want := range []string{"$ echo giraffe", "$ echo giraes", "web1:~> echo giraffe", "window of 24 lines, 80 columns", "16 bytes not echoed", "done"} {
		if !strings.Contains(text, want) {
			t.Errorf("the transcript lacks %q:\n%s", want, text)
		}
	}
	cast := g.run("", "export", "--format", "cast", session)
	checkCast(t, cast, "giraes\r\n", "echo giraes")
	played := g.play(session)
	if !strings.Contains(played, "web1:~> exit") {
		t.Errorf("played, it shows\n%s", played)
	}
	for name, said := range map[string]string{"transcript": text, "cast": cast, "player": played, "export": g.run("", "export", session)} {
		if strings.Contains(said, "okapi") {
			t.Errorf("the password is in the %s", name)
		}
	}
	g.closeAndVerify()
	g.eachSSHRecord(func(r *record.Record) {
		if strings.Contains(fmt.Sprintf("%s", []any{r.Text, r.Name, r.Message}), "okapi") {
			t.Errorf("the password is in record #%d, %v", r.Seq, r.Kind)
		}
	})
}

// checkCast holds that each line is asciicast v3, that the output has a text, and that there is a marker.
func checkCast(t *testing.T, cast, output, marker string) {
	t.Helper()
	var header struct {
		Version int
		Term    struct{ Cols, Rows int }
	}
	head, rest, _ := strings.Cut(cast, "\n")
	if err := json.Unmarshal([]byte(head), &header); err != nil || header.Version != 3 || header.Term.Cols != 80 || header.Term.Rows != 24 {
		t.Errorf("the cast begins %s: %v", head, err)
	}
	shown, marked, ended := "", false, false
	for line := range strings.Lines(rest) {
		var since float64
		var kind, data string
		if err := json.Unmarshal([]byte(line), &[]any{&since, &kind, &data}); err != nil || since < 0 {
			t.Fatalf("%s: %v", line, err)
		}
		switch kind {
		case "o":
			shown += data
		case "m":
			marked = marked || data == marker
		case "x":
			ended = data == "0"
		}
	}
	if !strings.Contains(shown, output) || !marked || !ended {
		t.Errorf("marked %v, ended %v, shown %q", marked, ended, shown)
	}
}

// play plays a session to its end on a real terminal, and returns what that shows.
func (g *gate) play(session string) string {
	g.t.Helper()
	master, slave := testenv.Terminal(g.t, 24, 80)
	m := &Main{Stdin: slave, Stdout: slave, Stderr: io.Discard, Getenv: func(string) string { return "" }}
	done := make(chan int, 1)
	go func() {
		done <- m.Run(g.t.Context(), []string{"-c", filepath.Join(g.dir, "gatefold.yaml"), "replay", session})
	}()
	pieces := make(chan string)
	go func() {
		defer close(pieces)
		for buf := make([]byte, 4096); ; {
			n, err := master.Read(buf)
			if err != nil {
				return
			}
			pieces <- string(buf[:n])
		}
	}()
	defer func() {
		slave.Close()
		master.Close()
		for range pieces { // until its reader has ended
		}
	}()
	eyes, last, seen := terminal.New(24, 80), "", ""
	for {
		select {
		case code := <-done:
			if code != exitOK {
				g.t.Errorf("replay: exit %d, saw %q", code, seen)
			}
			return last
		case piece := <-pieces:
			seen += piece
			eyes.Output(0, []byte(piece))
		}
		switch {
		case strings.Contains(seen, "? help") && last == "":
			last = "the player runs"
			io.WriteString(master, "G")
		case strings.Contains(seen, "‖") && last == "the player runs":
			last = shownOn(eyes)
			io.WriteString(master, "q")
		}
	}
}

// shownOn is what a screen shows.
func shownOn(eyes *terminal.Terminal) string {
	var b []byte
	rows, cols := eyes.Size()
	for y := range rows {
		b = append(eyes.AppendRow(b, y, cols), '\n')
	}
	return string(b)
}
