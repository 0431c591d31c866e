package replay

import (
	"fmt"
	"strings"

	"github.com/gatefold/gatefold/internal/record"
)

const sshProtocol = "ssh"

// ofSSH reports whether only SSH has records of r's kind.
func ofSSH(r *record.Record) bool {
	switch r.Kind {
	case record.KindExec, record.KindInput, record.KindOutput, record.KindResize, record.KindFile, record.KindForward, record.KindSignal,
		record.KindLine, record.KindScreen:
		return true
	}
	return false
}

// worthSSH leaves out of a transcript what is told in another way: each read of input is counted, and a frame is the screen
// once more.
func worthSSH(r *record.Record) bool {
	switch r.Kind {
	case record.KindInput:
		return len(r.Message) > 0 || len(r.Text) > 0 && r.Of == 0 // what was echoed is on the screen
	case record.KindScreen:
		return string(r.Name) == record.ScreenText
	}
	return true
}

// skips notes which channels have a terminal. Their output is told as the lines that the screen came to show.
func (t *transcript) skips(r *record.Record) bool {
	switch {
	case r.Kind == record.KindResize && len(r.Name) > 0:
		if t.terminals == nil {
			t.terminals = map[uint32]bool{}
		}
		t.terminals[r.Stream] = true
	case r.Kind == record.KindOutput:
		return t.terminals[r.Stream] && r.Flags&record.FlagStderr == 0
	}
	return false
}

// headlineSSH is what was done or shown on a channel.
func headlineSSH(h *Hit) string {
	r := &h.Record
	text := showText(h.Text())
	if len(r.Erased) > 0 {
		text = erasedNote
	}
	name := Safe(string(r.Name))
	return channelOf(r) + strings.TrimSpace(wordsSSH(r, name, text))
}

func wordsSSH(r *record.Record, name, text string) string {
	switch r.Kind {
	case record.KindExec:
		if name == "exec" {
			name = "run"
		}
		return name + with(" ", text)
	case record.KindLine:
		return "$ " + text
	case record.KindScreen:
		return text
	case record.KindOutput:
		switch {
		case len(r.Text) == 0 && len(r.Message) > 0:
			return fmt.Sprintf("output: %s %s%s", quantity(r.Bytes, "byte", "bytes"), Safe(string(r.Message)), hashNote(r))
		case r.Flags&record.FlagStderr != 0:
			return "stderr: " + text
		}
		return text
	case record.KindInput:
		switch {
		case len(r.Text) > 0 && len(r.Message) == 0:
			return "input: " + text
		case len(r.Text) > 0: // sealed: only a program can read it
			return fmt.Sprintf("typed: %s, %s", quantity(r.Bytes, "byte", "bytes"), Safe(string(r.Message)))
		case r.Hash != nil:
			return fmt.Sprintf("input: %s %s%s", quantity(r.Bytes, "byte", "bytes"), Safe(string(r.Message)), hashNote(r))
		}
		return "typed: " + Safe(string(r.Message))
	case record.KindResize:
		return strings.TrimSpace(fmt.Sprintf("window of %d lines, %d columns %s", r.Rows, r.Bytes, with("on a ", name)))
	case record.KindSignal:
		return "signal " + name
	case record.KindFile:
		second := ""
		for i := range r.Params {
			if p := showParam(&r.Params[i]); len(r.Params[i].Value) > 0 {
				second += " " + p
			}
		}
		return strings.ReplaceAll(name, "-", " ") + " " + text + second
	}
	return name + " " + text // a forward
}

func hashNote(r *record.Record) string {
	if len(r.Hash) == 0 {
		return ""
	}
	return fmt.Sprintf(", SHA-256 %.12x...", r.Hash)
}

// channelOf tells channels apart where a connection has several.
func channelOf(r *record.Record) string {
	if r.Stream <= 1 {
		return ""
	}
	return fmt.Sprintf("[%d] ", r.Stream)
}

// exitStatus is how a program ended; empty: it tells of none.
func exitStatus(r *record.Record) string {
	if len(r.Code) == 0 || r.Outcome == record.OutcomeDone {
		return ""
	}
	if r.Code[0] >= '0' && r.Code[0] <= '9' {
		return ", exit status " + Safe(string(r.Code)) + with(": ", Safe(string(r.Message)))
	}
	return ", " + message(r)
}

// transferred is what a file operation or a program moved.
func transferred(h *Hit) string {
	r := h.answer()
	if h.Result == nil || !ofSSH(&h.Record) || r.Bytes == 0 {
		return ""
	}
	return quantity(r.Bytes, "byte", "bytes") + hashNote(r)
}
