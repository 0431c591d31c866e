package screen

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/testenv"
)

// step is one thing that a person does: wait for something to stand before the cursor, then type.
type step struct {
	wait string
	send string
}

// record runs a program at a terminal and writes down the conversation.
func record(tb testing.TB, c conversation) []piece {
	tb.Helper()
	m, s := testenv.Terminal(tb, uint16(c.rows), uint16(c.cols))
	home := tb.TempDir()
	cmd := exec.Command(c.program[0], c.program[1:]...)
	cmd.Dir = home
	cmd.Env = append([]string{"HOME=" + home, "TERM=xterm-256color", "LANG=C.UTF-8", "PATH=" + os.Getenv("PATH"), "LESSHISTFILE=-"}, c.env...)
	for name, text := range c.files {
		if err := os.WriteFile(home+"/"+name, []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s, s, s
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	s.Close()
	pieces := converse(tb, m, c)
	m.Close()
	cmd.Process.Kill()
	cmd.Wait()
	return pieces
}

// converse plays the person. A step's text is sent when what it waits for has come and nothing more does for a moment.
func converse(tb testing.TB, m *os.File, c conversation) []piece {
	tb.Helper()
	read := make(chan string)
	go func() {
		defer close(read)
		for b := make([]byte, 4096); ; {
			n, err := m.Read(b)
			if err != nil {
				return
			}
			read <- string(b[:n])
		}
	}()
	begun := time.Now()
	var pieces []piece
	seen := ""
	out := func(s string) {
		pieces = append(pieces, piece{time.Since(begun), 'o', s})
		seen += s
	}
	for _, st := range append(c.steps, step{}) {
		for late := time.After(8 * time.Second); ; {
			quiet := 120 * time.Millisecond
			if !strings.Contains(seen, st.wait) {
				quiet = time.Hour
			}
			select {
			case s, ok := <-read:
				if !ok {
					return pieces
				}
				out(s)
				continue
			case <-time.After(quiet):
			case <-late:
				tb.Fatalf("waited for %q, saw %q", st.wait, seen)
			}
			break
		}
		if st.send != "" {
			seen = ""
			pieces = append(pieces, piece{time.Since(begun), 'i', st.send})
			m.WriteString(st.send)
		}
	}
	return pieces
}
