package replay_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/screen"
	"github.com/gatefold/gatefold/internal/store/storetest"
	"github.com/gatefold/gatefold/replay"
)

// shellSession is an SSH session as the gateway records it: a shell at a terminal, a command, files.
type shellSession struct {
	*storetest.Maker
	id     record.ID
	term   *screen.Terminal
	blocks []storetest.Sealed
}

func newShellSession(rows, cols int) *shellSession {
	m := storetest.NewMaker()
	s := &shellSession{Maker: m, id: record.ID{0: 1, 6: 0x70, 8: 0x80, 15: 9}, term: screen.New(rows, cols)}
	s.Add(s.id, record.Record{Kind: record.KindOpen, User: "alice", Account: "root", Target: "web1", Protocol: "ssh", Client: "192.0.2.7:5022", App: "SSH-2.0-OpenSSH_9.2"})
	s.Add(s.id, record.Record{Kind: record.KindJoin, Peer: "192.0.2.80:22", Version: "SSH-2.0-OpenSSH_9.2"})
	s.Add(s.id, record.Record{Kind: record.KindResize, Stream: 1, Name: []byte("xterm"), Rows: uint64(rows), Bytes: uint64(cols)})
	s.Add(s.id, record.Record{Kind: record.KindExec, Stream: 1, Name: []byte("shell"), Verdict: record.VerdictAllow})
	return s
}

// shows is output and what is derived from it.
func (s *shellSession) shows(text string) {
	s.Add(s.id, record.Record{Kind: record.KindOutput, Stream: 1, Text: []byte(text)})
	at := s.Now.UnixNano()
	for _, e := range s.term.Output(at, []byte(text)) {
		switch e.Kind {
		case screen.Lines:
			s.Add(s.id, record.Record{Kind: record.KindScreen, Stream: 1, Name: []byte(record.ScreenText), Text: bytes.Clone(e.Text)})
		case screen.Command:
			s.Add(s.id, record.Record{Kind: record.KindLine, Stream: 1, Text: bytes.Clone(e.Text), Verdict: record.VerdictAllow, Rule: "shells"})
		}
	}
	if s.term.FrameDue() {
		rows, cols := s.term.Size()
		s.Add(s.id, record.Record{Kind: record.KindScreen, Stream: 1, Name: []byte(record.ScreenFrame), Text: s.term.Frame(nil), Rows: uint64(rows), Bytes: uint64(cols)})
	}
}

// types is input; the target echoes it where echo says so.
func (s *shellSession) types(text string, echo bool) {
	of := s.Add(s.id, record.Record{Kind: record.KindInput, Stream: 1, Bytes: uint64(len(text))})
	s.term.Input(s.Now.UnixNano(), of, []byte(text))
	if echo {
		s.shows(strings.ReplaceAll(text, "\r", "\r\n"))
		return
	}
	s.Add(s.id, record.Record{Kind: record.KindInput, Stream: 1, Of: of, Bytes: uint64(len(text)), Message: fmt.Appendf(nil, "%d bytes not echoed", len(text))})
}

func (s *shellSession) seal() {
	b, raw := s.Seal()
	s.blocks = append(s.blocks, storetest.Sealed{Block: b, Raw: raw})
}

// small is a session of some seconds.
func small() *shellSession {
	s := newShellSession(24, 80)
	s.Now = s.Now.Add(time.Second)
	s.shows("web1:~$ ")
	s.types("uname -a\r", true)
	s.shows("Linux web1 6.1.0 \x1b[31mred\x1b[0m\r\nweb1:~$ ")
	s.Now = s.Now.Add(20 * time.Second)
	s.types("sudo -s\r", true)
	s.shows("[sudo] password for root: ")
	s.types("hunter2\r", false)
	s.shows("\r\nweb1:~# ")
	s.Add(s.id, record.Record{Kind: record.KindResize, Stream: 1, Rows: 30, Bytes: 100})
	run := s.Add(s.id, record.Record{Kind: record.KindExec, Stream: 2, Name: []byte("exec"), Text: []byte("cat /etc/motd"), Verdict: record.VerdictAllow})
	s.Add(s.id, record.Record{Kind: record.KindOutput, Stream: 2, Text: []byte("welcome\n")})
	s.Add(s.id, record.Record{Kind: record.KindOutput, Stream: 2, Text: []byte("cat: \x1b]0;evil\x07 no\n"), Flags: record.FlagStderr})
	s.Add(s.id, record.Record{Kind: record.KindResult, Of: run, Stream: 2, Outcome: record.OutcomeFailed, Code: []byte("1"), Bytes: 8, Took: 3e6})
	file := s.Add(s.id, record.Record{Kind: record.KindFile, Stream: 3, Name: []byte("open-read"), Text: []byte("/etc/passwd"), Verdict: record.VerdictAllow})
	s.Add(s.id, record.Record{Kind: record.KindResult, Of: file, Stream: 3, Outcome: record.OutcomeDone, Bytes: 2048, Hash: bytes.Repeat([]byte{0xab}, 32), Took: 5e6})
	no := s.Add(s.id, record.Record{Kind: record.KindFile, Stream: 3, Name: []byte("rename"), Text: []byte("/tmp/a"), Params: []record.Param{{Value: []byte("/etc/shadow")}}, Verdict: record.VerdictDeny, Rule: "no_shadow"})
	s.Add(s.id, record.Record{Kind: record.KindResult, Of: no, Stream: 3, Outcome: record.OutcomeRefused})
	fwd := s.Add(s.id, record.Record{Kind: record.KindForward, Name: []byte("direct-tcpip"), Text: []byte("db1:5432"), Verdict: record.VerdictDeny})
	s.Add(s.id, record.Record{Kind: record.KindResult, Of: fwd, Outcome: record.OutcomeRefused, Message: []byte("gatefold carries no forwards")})
	s.Add(s.id, record.Record{Kind: record.KindSignal, Stream: 2, Name: []byte("TERM")})
	s.shows("exit\r\n")
	s.Add(s.id, record.Record{Kind: record.KindResult, Of: 3, Stream: 1, Outcome: record.OutcomeDone, Code: []byte("0"), Bytes: 300, Took: 21e9})
	s.Add(s.id, record.Record{Kind: record.KindClose, Outcome: record.OutcomeDone})
	s.seal()
	return s
}

func TestTranscriptOfShell(t *testing.T) {
	s := small()
	src := read(t, put(t, s.blocks))
	got := transcript(t, src, s.id, replay.Options{})
	if strings.ContainsAny(got, "\x1b\x07") {
		t.Error("a terminal would obey what is in the transcript")
	}
	golden(t, "shell.transcript", got)
}

// A player shows the screen as it was at any time, whatever it showed before.
func TestPlayer(t *testing.T) {
	s := small()
	src := read(t, put(t, s.blocks))
	session, _, _ := src.Session(t.Context(), s.id)
	p, err := replay.NewPlayer(t.Context(), src, session, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	at := func(after time.Duration, want string) {
		t.Helper()
		if err := p.To(session.Opened + int64(after)); err != nil {
			t.Fatal(err)
		}
		if got := textOf(p.Screen); got != want {
			t.Errorf("after %v it shows\n%s\nnot\n%s", after, got, want)
		}
	}
	first := "web1:~$ uname -a\nLinux web1 6.1.0 red\nweb1:~$"
	last := first + " sudo -s\n[sudo] password for root:\nweb1:~# exit"
	at(0, "")
	at(10*time.Second, first)
	at(time.Minute, last)
	at(10*time.Second, first)
	if rows, cols := p.Screen.Size(); rows != 24 || cols != 80 {
		t.Errorf("%d times %d", rows, cols)
	}
	at(time.Minute, last)
	if rows, cols := p.Screen.Size(); rows != 30 || cols != 100 {
		t.Errorf("%d times %d", rows, cols)
	}
	if _, err := replay.NewPlayer(t.Context(), src, session, 2); err == nil {
		t.Error("a channel without a terminal is played")
	}
	found, ok, err := p.Find("SUDO", session.Opened)
	if !ok || err != nil || found < session.Opened+int64(20*time.Second) {
		t.Errorf("found at %v, %v, %v", time.Duration(found-session.Opened), ok, err)
	}
	if _, ok, _ := p.Find("hunter2", session.Opened); ok {
		t.Error("a password is found")
	}
}

// textOf is what a screen shows, as text.
func textOf(s *screen.Terminal) string {
	rows, cols := s.Size()
	var lines []string
	for y := range rows {
		plain := screen.New(1, cols)
		plain.Output(0, s.AppendRow(nil, y, cols))
		text := ""
		for _, e := range plain.Close(0) {
			text += string(e.Text)
		}
		lines = append(lines, text)
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// person plays a session with keys, at a clock of its own, and sees what is painted.
type person struct {
	t    *testing.T
	keys chan byte
	tick chan time.Time
	mu   sync.Mutex // guards at and eyes
	at   time.Time
	eyes *screen.Terminal
	out  *io.PipeReader
	done chan error
}

func play(t *testing.T, src replay.Source, session record.Session, o replay.PlayOptions) *person {
	p := &person{t: t, keys: make(chan byte), tick: make(chan time.Time), at: time.Unix(0, 0), eyes: screen.New(20, 70), done: make(chan error, 1)}
	out, w := io.Pipe()
	p.out = out
	o.Keys, o.Tick, o.Now = p.keys, p.tick, p.now
	o.Size = func() (int, int) { return 20, 70 }
	go func() {
		p.done <- replay.Play(t.Context(), w, src, session, o)
		w.Close()
	}()
	go func() {
		for b := make([]byte, 4096); ; {
			n, err := out.Read(b)
			p.mu.Lock()
			p.eyes.Output(0, b[:n])
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return p
}

func (p *person) now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at
}

func (p *person) waits(d time.Duration) {
	for d > 0 {
		step := min(d, time.Second/30)
		d -= step
		p.mu.Lock()
		p.at = p.at.Add(step)
		p.mu.Unlock()
		p.tick <- p.now()
	}
}

// sees is what the person's terminal shows when all that was done is painted.
func (p *person) sees() string {
	for range 3 { // each is taken when what was painted before has been read
		p.tick <- p.now()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return textOf(p.eyes)
}

func (p *person) types(keys string) {
	for i := range len(keys) {
		p.keys <- keys[i]
	}
}

// The player's keys: what a person sees after each.
func TestPlayKeys(t *testing.T) {
	s := small()
	src := read(t, put(t, s.blocks))
	session, _, _ := src.Session(t.Context(), s.id)
	p := play(t, src, session, replay.PlayOptions{Idle: 2 * time.Second})
	sees := func(what string) {
		t.Helper()
		if got := p.sees(); !strings.Contains(got, what) {
			t.Fatalf("it shows\n%s\nnot %q", got, what)
		}
	}
	p.waits(1500 * time.Millisecond)
	sees("Linux web1 6.1.0 red")
	sees("▶ 0:19 / 0:21 1x pauses cut to 2s") // of a pause the last two seconds are played
	p.waits(3 * time.Second)                  // twenty seconds were two
	sees("password for root")
	p.types("g")
	sees("‖ 0:00 / 0:21")
	p.types("/password\r")
	sees("password for root")
	p.types("n")
	sees(`"password" is not shown any more`)
	p.types("\x1b[D")
	sees("0:16 / 0:21")
	p.types("]]")
	sees("4x")
	p.types("?")
	sees("space pause")
	p.types("i")
	if strings.Contains(p.sees(), "hunter2") {
		t.Error("a password is shown")
	}
	p.types("q")
	if err := <-p.done; err != nil {
		t.Error(err)
	}
}

// A cast is asciicast v3, with nothing in it that reaches beyond a screen.
func TestCast(t *testing.T) {
	s := newShellSession(24, 80)
	s.shows("web1:~$ ")
	s.types("echo ünï\r", true)
	s.shows("\xe6\xbc")
	s.shows("\xa2 \xff\x1b]52;c;aGk=\x07\x1b[6n\r\n")
	s.Now = s.Now.Add(1500 * time.Millisecond)
	s.Add(s.id, record.Record{Kind: record.KindResize, Stream: 1, Rows: 30, Bytes: 100})
	s.Add(s.id, record.Record{Kind: record.KindResult, Of: 3, Stream: 1, Outcome: record.OutcomeFailed, Code: []byte("3")})
	s.Add(s.id, record.Record{Kind: record.KindClose, Outcome: record.OutcomeDone})
	s.seal()
	src := read(t, put(t, s.blocks))
	session, _, _ := src.Session(t.Context(), s.id)
	var out bytes.Buffer
	if err := replay.Cast(t.Context(), &out, src, session, 0); err != nil {
		t.Fatal(err)
	}
	golden(t, "shell.cast", out.String())
	if err := replay.Cast(t.Context(), &out, src, session, 7); err == nil {
		t.Error("a channel that there is not is exported")
	}
}

// A hit in what a screen showed is shown by the line that has it.
func TestHitOnScreen(t *testing.T) {
	s := newShellSession(24, 80)
	s.shows("alpha\r\nbravo charlie\r\n\x1b[1mdelta\x1b[0m\r\n")
	s.Add(s.id, record.Record{Kind: record.KindClose, Outcome: record.OutcomeDone})
	s.seal()
	src := read(t, put(t, s.blocks))
	q := parse(t, "charlie kind:screen")
	brief := replay.Brief{Width: 80, Zone: time.UTC, Query: q}
	for h, err := range replay.Search(t.Context(), src, q) {
		if err != nil {
			t.Fatal(err)
		}
		if got := brief.Text(&h); !strings.HasSuffix(got, "\n    bravo charlie\n") {
			t.Errorf("the hit is shown as\n%s", got)
		}
		return
	}
	t.Error("nothing is found")
}
