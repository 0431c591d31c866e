package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/gatefold/gatefold/internal/testenv"
)

func echoes(t *testing.T, f *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// typist types a line at each prompt, when echo is off as it should be by then.
type typist struct {
	t        *testing.T
	terminal *os.File // ours
	theirs   *os.File
	lines    []string
	shown    bytes.Buffer
}

func (p *typist) Write(b []byte) (int, error) {
	p.shown.Write(b)
	if bytes.HasSuffix(b, []byte(": ")) && len(p.lines) > 0 {
		line := p.lines[0]
		p.lines = p.lines[1:]
		go func() {
			for echoes(p.t, p.theirs) {
			}
			io.WriteString(p.terminal, line+"\n")
		}()
	}
	return len(b), nil
}

func TestAPasswordIsTypedTwiceAndNotShown(t *testing.T) {
	for _, c := range []struct {
		name         string
		lines        []string
		want, reason string
	}{
		{"the same twice", []string{"correct horse", "correct horse"}, "correct horse", ""},
		{"two that differ", []string{"correct horse", "correct house"}, "", "not the same"},
		{"nothing", []string{"", ""}, "", "empty"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ours, theirs := testenv.Terminal(t, 24, 80)
			p := &typist{t: t, terminal: ours, theirs: theirs, lines: c.lines}
			m := &Main{Stdin: theirs, Stderr: p}
			tty, ok := m.terminal()
			if !ok {
				t.Fatal("a terminal is none")
			}
			got, err := m.typedPassword(t.Context(), tty, "password for alice")
			if string(got) != c.want || (err == nil) != (c.reason == "") || err != nil && !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %q, %v; want %q, %q", got, err, c.want, c.reason)
			}
			if !strings.HasPrefix(p.shown.String(), "password for alice: ") || strings.Contains(p.shown.String(), "horse") {
				t.Errorf("the screen shows %q", p.shown.String())
			}
			if !echoes(t, theirs) {
				t.Error("the terminal stays silent")
			}
			io.WriteString(theirs, "end") // what the terminal echoed comes before it
			screen := make([]byte, 256)
			n, err := ours.Read(screen)
			if err != nil || strings.Contains(string(screen[:n]), "horse") {
				t.Errorf("the terminal echoed %q, %v", screen[:n], err)
			}
		})
	}
}

func TestAnInterruptBringsTheEchoBack(t *testing.T) {
	_, theirs := testenv.Terminal(t, 24, 80)
	ctx, cancel := context.WithCancel(context.Background())
	m := &Main{Stdin: theirs, Stderr: io.Discard}
	go func() {
		for echoes(t, theirs) {
		}
		cancel()
	}()
	if _, err := m.ask(ctx, theirs, "password"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if !echoes(t, theirs) {
		t.Error("the terminal stays silent")
	}
}

func TestAPipedPasswordIsOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"correct horse\n": "correct horse", "correct horse\r\n": "correct horse", "correct horse": "correct horse", " spaced \n": " spaced ",
		strings.Repeat("x", maxPassword) + "\n": strings.Repeat("x", maxPassword),
	} {
		m := &Main{Stdin: strings.NewReader(in)}
		if got, err := m.pipedPassword(); err != nil || string(got) != want {
			t.Errorf("%.20q is read as %.20q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "\n", "a\nb\n", "a\rb", "a\x00b", strings.Repeat("x", maxPassword+1) + "\n", strings.Repeat("x", 2*maxPassword)} {
		m := &Main{Stdin: strings.NewReader(in)}
		got, err := m.pipedPassword()
		var usage usageError
		if !errors.As(err, &usage) || got != nil {
			t.Errorf("%.20q is read as %.20q, %v", in, got, err)
		}
	}
}

func TestANewPasswordIsLongAndNew(t *testing.T) {
	a, b := newPassword(), newPassword()
	if len(a) != 43 || bytes.Equal(a, b) {
		t.Errorf("made %s and %s", a, b)
	}
}
