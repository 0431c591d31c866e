package mysql

import (
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/protocols"
)

// A command that is too long to be held is refused in its place: it is asked about as one that wasn't read, so that it is
// on record, its packets are passed over, and the refusal follows the last of them.

// skipHeld begins to pass over a command: what was held of it, then p.
func (m *machine) skipHeld(p []byte, out *relay.Out) (int, error) {
	m.in.kept = 0
	held := m.in.held
	m.in.held = held[:0]
	for len(held) > 0 {
		n, _, _ := m.skip.next(held)
		held = held[n:]
	}
	return m.skipPiece(p, out)
}

// skipPiece passes over a part of a command. With the last of them it is refused.
func (m *machine) skipPiece(p []byte, out *relay.Out) (int, error) {
	before := m.skip
	for done := 0; done < len(p); {
		n, _, end := m.skip.next(p[done:])
		done += n
		if !end {
			continue
		}
		taken, err := m.refuseLong(out)
		if !taken {
			m.skip = before
			return 0, err
		}
		m.mode = modeCommand
		return done, err
	}
	return len(p), nil
}

// refuseLong asks about a command that was passed over, and refuses it whatever the answer.
func (m *machine) refuseLong(out *relay.Out) (bool, error) {
	rec := record.Record{Kind: record.KindCommand, Name: []byte(commandName(m.stream.kind)), Flags: record.FlagUnread}
	switch m.stream.kind {
	case comQuery:
		rec.Kind, rec.Name = record.KindQuery, nil
	case comStmtPrepare:
		rec.Kind, rec.Name = record.KindParse, nil
	}
	answer, ok := m.ask(protocols.Action{Record: rec, Reading: m.reading, Unsure: "it is longer than what is read of a statement"}, out)
	if !ok {
		return false, nil
	}
	refuse(&answer, &protocols.Error{Class: protocols.ClassTooLong, Message: "statement is too long",
		Hint: "Send long values as parameters: they are not limited, the statement's text is."})
	return true, m.refused(m.skip.seq, answer, out)
}
