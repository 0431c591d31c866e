package sftp

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Server takes the first n bytes of p, as Client does.
func (m *SFTP) Server(p []byte, out *Out) (n int, err error) {
	for n < len(p) {
		k, err := m.serverPiece(p[n:], out)
		n += k
		if k == 0 || err != nil {
			return n, err
		}
	}
	return n, nil
}

func (m *SFTP) serverPiece(p []byte, out *Out) (int, error) {
	if m.down.left > 0 {
		piece := m.down.next(p, &m.budget)
		out.ToClient = pass(out.ToClient, piece)
		m.answered(out)
		return len(piece), nil
	}
	if len(p) < headSize {
		return 0, nil
	}
	size, kind := binary.BigEndian.Uint32(p), p[4]
	switch {
	case size < 1+idSize || size > maxPacket:
		return 0, m.server(fmt.Sprintf("sent a packet of %d bytes", size))
	case m.state == stateInit:
		return 0, m.server("sent something before it was asked")
	case m.state == stateVersion:
		return m.version(p, size, kind, out)
	case m.state == stateHome:
		return m.atHome(p, size, kind, out)
	case len(p) < headSize+idSize:
		return 0, nil
	}
	return m.answerTo(p, size, kind, out)
}

// answerTo takes an answer, or the head of one whose rest is passed on as it comes.
func (m *SFTP) answerTo(p []byte, size uint32, kind byte, out *Out) (int, error) {
	id := binary.BigEndian.Uint32(p[headSize:])
	at, there := m.table.ids[id]
	if !there || m.table.slots[at].own != nil {
		return 0, m.server(fmt.Sprintf("answered a request %d that nobody made", id))
	}
	s := &m.table.slots[at]
	if kind != fxpStatus && kind != answerTypes[s.answer] {
		return 0, m.server(fmt.Sprintf("answered a request of type %d with a packet of type %d", s.kind, kind))
	}
	head := headSize + idSize
	switch kind {
	case fxpStatus, fxpHandle:
		return m.short(p, size, kind, at, out)
	case fxpData:
		if head += 4; len(p) < head {
			return 0, nil
		}
		n := binary.BigEndian.Uint32(p[head-4:])
		if size-9 != n || n > s.length {
			return 0, m.server(fmt.Sprintf("answered a READ of %d bytes with %d", s.length, n))
		}
		m.down = body{content: &s.file.read, offset: s.offset}
		s.file.read.bytes += uint64(n)
	default:
		m.down = body{}
	}
	m.down.left = size - uint32(head-4)
	m.down.at, m.down.answers = at, true
	out.ToClient = pass(out.ToClient, p[:head])
	m.answered(out)
	return head, nil
}

// answered ends the answer whose last byte has passed.
func (m *SFTP) answered(out *Out) {
	if m.down.left > 0 || !m.down.answers {
		return
	}
	m.down.answers = false
	m.done(m.down.at, 0, "", out)
	m.sayDue(out)
}

// short takes a status or a handle, when it is whole.
func (m *SFTP) short(p []byte, size uint32, kind byte, at int32, out *Out) (int, error) {
	if size > MinBuffer-4 {
		return 0, m.server(fmt.Sprintf("sent a packet of type %d and %d bytes", kind, size))
	}
	if uint32(len(p)-4) < size {
		return 0, nil
	}
	c := cursor{p: p[headSize+idSize : 4+size]}
	if kind == fxpHandle {
		h := c.str()
		if !c.whole() || len(h) > maxHandle {
			return 0, m.server("sent a malformed handle")
		}
		if err := m.opened(at, string(h), out); err != nil {
			return 0, err
		}
	} else {
		code := status(c.u32())
		if c.bad {
			return 0, m.server("sent a malformed status")
		}
		if s := &m.table.slots[at]; code == fxOK && s.answer != answerStatus {
			return 0, m.server(fmt.Sprintf("answered a request of type %d with a status that says it is well", s.kind))
		}
		message := ""
		if code != fxOK {
			message = words(c.p)
		}
		m.done(at, code, message, out)
	}
	out.ToClient = pass(out.ToClient, p[:4+size])
	m.sayDue(out)
	return int(4 + size), nil
}

// words reads a status' message, which some servers leave out.
func words(p []byte) string {
	c := cursor{p: p}
	s := c.str()
	return strings.ToValidUTF8(string(s[:min(len(s), maxWords)]), "")
}

// opened notes the handle of what the request at at opened.
func (m *SFTP) opened(at int32, handle string, out *Out) error {
	f := m.table.slots[at].file
	if _, there := m.handles[handle]; there {
		return m.server("gave a handle that is in use")
	}
	f.handle = handle
	m.handles[handle] = f
	m.opening--
	m.actions--
	if f.dir() && f.token != 0 {
		out.Results = append(out.Results, Result{Token: f.token})
	}
	m.table.remove(at)
	return nil
}

// done ends the request at at.
func (m *SFTP) done(at int32, code status, message string, out *Out) {
	s := m.table.slots[at]
	m.table.remove(at)
	if s.asked {
		m.actions--
	}
	r := Result{Token: s.token}
	if code != fxOK {
		r.Failed, r.Code, r.Message = true, code.String(), message
	}
	switch s.kind {
	case fxpRead:
		s.file.inFlight--
	case fxpWrite:
		s.file.inFlight--
		if r.Failed {
			s.file.written.fail(&m.budget, "a write failed")
		} else {
			s.file.written.bytes += uint64(s.length)
		}
	case fxpClose:
		if !s.file.dir() && s.file.token != 0 {
			m.finish(s.file, r, out)
		}
		return
	case fxpOpen, fxpOpendir:
		m.opening--
	}
	if s.token != 0 {
		out.Results = append(out.Results, r)
	}
}

// sayDue puts our own answers that nothing is before any more between two of the server's.
func (m *SFTP) sayDue(out *Out) {
	m.due()
	if len(m.replies) > 0 && m.down.left == 0 {
		out.ToClient = append(out.ToClient, out.own(m.replies))
		m.replies, m.owed = m.replies[:0], 0
	}
}
