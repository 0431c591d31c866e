package postgres

import (
	"crypto/sha256"
	"fmt"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/relay"
)

// COPY (section 55.2.6). While the server reads COPY content it ignores Flush and Sync and takes any other message as
// the content's failure; once it has failed it passes over content, and a Sync counts again. So that it is never unclear
// how the server reads a message, nothing follows a statement that may begin a COPY until the server has said whether
// it does; and while it does, only content and its end go on.

// copyGate says what COPY makes of a message of this type. gone: it is dealt with here; else it is judged as usual.
func (m *machine) copyGate(kind byte, out *relay.Out) (taken, gone bool, err error) {
	switch {
	case kind == typeTerminate:
		return false, false, nil
	case !m.copyIn && m.queue.copies > 0:
		return m.awaitServer(m.settledCopies, out), true, nil
	case kind == typeCopyDone || kind == typeCopyFail:
		if !m.copyIn {
			return true, true, nil // too late: the server would pass it over
		}
		m.copyEnds()
		return false, false, nil
	case !m.copyIn:
		return false, false, nil
	case kind == typeSync || kind == typeFlush:
		return true, true, nil
	}
	return true, true, m.failCopy(kind, out)
}

// copyData takes the head of a CopyData; the body follows in modeCopy.
func (m *machine) copyData(head []byte, size int, out *relay.Out) bool {
	if !m.copyIn {
		if m.queue.copies > 0 {
			return m.awaitServer(m.settledCopies, out)
		}
		m.client.start(modeDrop, size)
		return true
	}
	out.ToServer.Forward(head)
	m.client.start(modeCopy, size)
	return true
}

// failCopy ends a COPY in place of a message that has no place in it, as the server would have.
func (m *machine) failCopy(kind byte, out *relay.Out) error {
	why := fmt.Sprintf("unexpected message type 0x%02X during COPY from stdin", kind)
	out.ToServer.Append(message(nil, typeCopyFail, []byte(why), []byte{0}))
	m.copyEnds()
	rec := record.Record{Kind: record.KindNotice, Code: []byte("08P01"), Message: []byte(why + ": it was not passed on")}
	if e := m.queue.first(); e != nil {
		rec.Of = e.seq
	}
	return m.s.Tell(rec)
}

// copyEnds follows the end of content. An Execute runs one statement; a Query may go on to another COPY.
func (m *machine) copyEnds() {
	m.copyIn = false
	if e := m.queue.first(); e != nil && e.kind == typeExecute {
		m.queue.uncopy(e)
		m.unflushed = true
	}
}

// copyBegins follows a CopyInResponse or CopyOutResponse.
func (m *machine) copyBegins(kind byte) error {
	e := m.queue.first()
	if e == nil || e.refused != nil || e.kind != typeQuery && e.kind != typeExecute || e.marks&marksCopy == 0 {
		return outOfStep(kind)
	}
	m.copyIn, m.copyOut = kind == typeCopyInResponse, kind == typeCopyOutResponse
	if e.kind == typeExecute && m.copyOut {
		m.queue.uncopy(e)
	}
	if m.run.hash == nil {
		m.run.hash = sha256.New()
	}
	return nil
}

// copied counts COPY content.
func (m *machine) copied(p []byte) {
	m.run.bytes += uint64(len(p))
	if m.run.hash != nil {
		m.run.hash.Write(p)
	}
}
