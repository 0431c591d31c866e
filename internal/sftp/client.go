package sftp

import (
	"encoding/binary"
	"fmt"
)

// Client takes the first n bytes of p, which begins where the call before ended. It takes less than all where out.Ask or
// out.Wait is set, or where p ends within a request: then it is to be called with more behind the same bytes.
func (m *SFTP) Client(p []byte, out *Out) (n int, err error) {
	defer m.sayDue(out)
	for n < len(p) {
		k, err := m.clientPiece(p[n:], out)
		n += k
		if k == 0 || err != nil {
			return n, err
		}
	}
	return n, nil
}

func (m *SFTP) clientPiece(p []byte, out *Out) (int, error) {
	if m.up.left > 0 {
		return m.clientBody(p, out), nil
	}
	if len(p) < headSize {
		return 0, nil
	}
	size, kind := binary.BigEndian.Uint32(p), p[4]
	switch {
	case m.state == stateInit:
		return m.init(p, size, kind, out)
	case size < 1+idSize:
		return 0, m.client(fmt.Sprintf("sent a request of %d bytes, which has no id", size))
	case m.state != stateOpen || m.table.len()+m.owed >= m.limits.InFlight:
		out.Wait = true
		return 0, nil
	case kind == fxpWrite:
		return m.write(p, size, out)
	case size > MinBuffer-4:
		return 0, m.client(fmt.Sprintf("sent a request of %d bytes: only a WRITE may be longer than %d", size, MinBuffer-4))
	case uint32(len(p)-4) < size:
		return 0, nil
	case kind == fxpRead:
		return m.read(p[:4+size], out)
	}
	return m.request(p[:4+size], out)
}

// init takes SSH_FXP_INIT (section 4). We speak version 3 to both.
func (m *SFTP) init(p []byte, size uint32, kind byte, out *Out) (int, error) {
	switch {
	case kind != fxpInit:
		return 0, m.client(fmt.Sprintf("sent a packet of type %d before it said which version it speaks", kind))
	case size < 5 || size > MinBuffer-4:
		return 0, m.client(fmt.Sprintf("sent an INIT of %d bytes", size))
	case uint32(len(p)-4) < size:
		return 0, nil
	}
	if v := binary.BigEndian.Uint32(p[headSize:]); v < version {
		return 0, m.client(fmt.Sprintf("speaks version %d: only version %d is carried", v, version))
	}
	m.state = stateVersion
	out.ToServer = pass(out.ToServer, out.own([]byte{0, 0, 0, 5, fxpInit, 0, 0, 0, version}))
	return int(4 + size), nil
}

// write takes the head of an SSH_FXP_WRITE (section 6.4); its content follows piece by piece.
func (m *SFTP) write(p []byte, size uint32, out *Out) (int, error) {
	if size > maxPacket {
		return 0, m.client(fmt.Sprintf("sent a WRITE of %d bytes: the longest is %d", size, maxPacket))
	}
	whole := min(len(p)-4, int(size))
	c := cursor{p: p[headSize : 4+whole]}
	id, handle, offset, length := c.u32(), c.str(), c.u64(), c.u32()
	if c.bad && whole < int(size) && whole < 1+4+4+maxHandle+8+4 {
		return 0, nil
	}
	head := 4 + 1 + 4 + 4 + len(handle) + 8 + 4
	if c.bad || len(handle) > maxHandle || uint64(head-4)+uint64(length) != uint64(size) {
		return 0, m.client("sent a malformed WRITE")
	}
	if err := m.fresh(id); err != nil {
		return 0, err
	}
	f := m.handles[string(handle)]
	stray := f == nil || !f.writes()
	m.up = body{left: length, drop: stray}
	if stray {
		m.reply(id, fxFailure, notOpen)
		return head, nil
	}
	f.written.begin(offset)
	f.inFlight++
	m.up.content, m.up.offset = &f.written, offset
	m.table.add(slot{id: id, kind: fxpWrite, file: f, offset: offset, length: length})
	out.ToServer = pass(out.ToServer, p[:head])
	return head, nil
}

// read takes a whole SSH_FXP_READ (section 6.4).
func (m *SFTP) read(p []byte, out *Out) (int, error) {
	c := cursor{p: p[headSize:]}
	id, handle, offset, length := c.u32(), c.str(), c.u64(), c.u32()
	if !c.whole() {
		return 0, m.client("sent a malformed READ")
	}
	if err := m.fresh(id); err != nil {
		return 0, err
	}
	f := m.handles[string(handle)]
	if f == nil || !f.reads() {
		m.reply(id, fxFailure, notOpen)
		return len(p), nil
	}
	f.read.begin(offset)
	f.inFlight++
	m.table.add(slot{id: id, kind: fxpRead, answer: answerData, file: f, offset: offset, length: length})
	out.ToServer = pass(out.ToServer, p)
	return len(p), nil
}

// clientBody takes content.
func (m *SFTP) clientBody(p []byte, out *Out) int {
	p = m.up.next(p, &m.budget)
	if !m.up.drop {
		out.ToServer = pass(out.ToServer, p)
	}
	return len(p)
}

// next takes the part of p that is of b.
func (b *body) next(p []byte, budget *int) []byte {
	p = p[:min(len(p), int(b.left))]
	b.left -= uint32(len(p))
	if b.content != nil {
		b.content.add(budget, b.offset, p)
		b.offset += uint64(len(p))
	}
	return p
}

// fresh refuses an id that is in flight: which of the two an answer is of could not be told.
func (m *SFTP) fresh(id uint32) error {
	if _, there := m.table.ids[id]; there {
		return m.client(fmt.Sprintf("used the request id %d again before it was answered", id))
	}
	return nil
}

// reply answers a request ourselves. It leaves when all before it are answered.
func (m *SFTP) reply(id uint32, code status, message string) {
	m.table.add(slot{id: id, own: putStatus(nil, id, code, message)})
	m.due()
}

// due moves our own answers that nothing is before to where they are written from.
func (m *SFTP) due() {
	for s := m.table.head(); s != nil && s.own != nil; s = m.table.head() {
		m.replies = append(m.replies, s.own...)
		m.owed++
		m.table.remove(m.table.first)
	}
}
