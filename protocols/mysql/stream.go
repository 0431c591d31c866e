package mysql

import (
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/protocols"
)

// streamed reports whether a command that is longer than a chunk is taken chunk by chunk.
func streamed(kind byte) bool {
	return kind == comStmtExecute || kind == comStmtBulkExecute || kind == comStmtSendLongData
}

// stream is an execution or long data that is longer than a chunk. It is recorded and released chunk by chunk: the first
// in the action's own record, the others in Data records. Chunks are cut at fixed places of the payload, however it
// arrives; what is cut within a number or a length waits for the next chunk, unreleased.
type stream struct {
	kind   byte
	walker walker
	raw    []byte // bytes that aren't released yet, heads of packets among them
	view   []byte // the same without the heads
	headAt int    // where in view a head stands in raw, after the first; -1: nowhere
	want   int    // bytes of view before the chunk is dealt with
	end    bool   // the command's last byte is here

	begun    bool             // the first chunk was dealt with
	drop     bool             // it was refused: what follows is passed over
	answered bool             // the server has answered before it had all
	refusal  protocols.Answer // what is told at the end of an execution that was refused; Refusal is nil: it is malformed
	stmt     *statement       // nil: there is none of id
	id       uint32           //
	cursor   bool             // rows are asked for behind a cursor
	long     bool             // long data went ahead of the execution
	param    int              // long data: of this parameter
	seq      uint64           // of the action's record
	values   values
}

// begin takes over what was held of the command.
func (s *stream) begin(kind byte, in *inbound, chunk int) {
	*s = stream{kind: kind, raw: s.raw[:0], view: s.view[:0], headAt: -1, want: chunk}
	s.fill(in.held)
	in.held = in.held[:0]
}

// fill takes bytes up to the chunk's end, and returns how many.
func (s *stream) fill(p []byte) (done int) {
	for done < len(p) && !s.end && len(s.view) < s.want {
		room := p[done:]
		if s.walker.left > 0 {
			room = room[:min(len(room), s.want-len(s.view))]
		}
		n, payload, end := s.walker.next(room)
		if payload == nil && len(s.raw) > headSize && s.walker.have == 0 {
			s.headAt = len(s.view)
		}
		s.raw = append(s.raw, room[:n]...)
		s.view = append(s.view, payload...)
		s.end = end
		done += n
	}
	return done
}

// release gives up the first n bytes of view, and returns them with the heads between them.
func (s *stream) release(n int, out *relay.Out) {
	size := len(s.raw) - (len(s.view) - n)
	if s.headAt > n {
		size -= headSize
		s.headAt -= n
	} else {
		s.headAt = -1
	}
	if !s.drop {
		out.ToServer.Append(s.raw[:size])
	}
	s.raw = s.raw[:copy(s.raw, s.raw[size:])]
	s.view = s.view[:copy(s.view, s.view[n:])]
}

// streamPiece takes the next part of a long command.
func (m *machine) streamPiece(p []byte, out *relay.Out) (int, error) {
	s := &m.stream
	walker, raw, view, head, end := s.walker, len(s.raw), len(s.view), s.headAt, s.end
	n := s.fill(p)
	if len(s.view) < s.want && !s.end {
		return n, nil
	}
	taken, err := m.chunkFull(out)
	if !taken { // not even the bytes: the driver would read on
		s.walker, s.raw, s.view, s.headAt, s.end = walker, s.raw[:raw], s.view[:view], head, end
		return 0, err
	}
	if err == nil && s.end {
		m.mode = modeCommand
		err = m.streamEnds(out)
	}
	return n, err
}

// chunkFull deals with a chunk that is full, or is the last one.
func (m *machine) chunkFull(out *relay.Out) (taken bool, err error) {
	s := &m.stream
	switch {
	case s.drop:
		s.release(len(s.view), out)
		return true, nil
	case !s.begun:
		return m.firstChunk(out)
	case s.kind == comStmtSendLongData:
		return m.nextLong(out)
	}
	return m.nextChunk(out)
}

// firstChunk takes the first chunk, as command takes a whole command.
func (m *machine) firstChunk(out *relay.Out) (taken bool, err error) {
	s := &m.stream
	m.cmd = command{kind: s.kind, last: s.walker.seq}
	b := s.view[1:]
	if s.kind == comStmtSendLongData {
		return m.firstLong(b, out)
	}
	h, short, ok := m.executeHead(b)
	if short && h.stmt != nil && !s.end && len(s.view) < maxHeadChunks*m.chunk {
		s.want += m.chunk
		return true, nil
	}
	s.begun, s.stmt, s.id, s.cursor = true, h.stmt, h.id, h.cursor
	var params []record.Param
	used := 0
	if ok {
		used, _, params, ok = s.values.feed(b[h.size:], s.end, m.params[:0])
		m.keepParams(params)
	}
	if !ok {
		m.dropStream(protocols.Answer{}, out)
		return true, nil
	}
	rec := record.Record{Params: params, Length: s.missing()}
	if !s.end {
		rec.Flags = record.FlagMore
	}
	answer, there := m.askExecute(h, rec, out)
	if !there {
		s.begun = false
		return false, nil
	}
	s.long = h.stmt.long != nil
	h.stmt.long, h.stmt.refused = nil, nil
	if answer.Verdict != record.VerdictAllow {
		m.dropStream(answer, out)
		return true, nil
	}
	if h.types != nil {
		h.stmt.types = append(h.stmt.types[:0], h.types...)
	}
	s.seq, s.want = answer.Seq, m.chunk
	s.values.types = h.stmt.types // its own, not the chunk's
	s.values.null = append([]byte(nil), s.values.null...)
	s.release(1+h.size+used, out)
	return true, nil
}

// dropStream passes over the rest of an execution, which is refused when it ends.
func (m *machine) dropStream(answer protocols.Answer, out *relay.Out) {
	s := &m.stream
	s.drop, s.refusal = true, answer
	s.release(len(s.view), out)
}

// streamEnds follows the last byte of a long command.
func (m *machine) streamEnds(out *relay.Out) error {
	s := &m.stream
	m.cmd = command{kind: s.kind, last: s.walker.seq}
	switch {
	case s.kind == comStmtSendLongData || s.answered:
		m.cmd = command{}
		return nil
	case s.stmt == nil:
		return m.noStatement(s.id, out)
	case s.drop && s.refusal.Refusal == nil:
		return m.badArguments(out)
	case s.drop:
		return m.refusedExecute(s.stmt, s.refusal, s.long, out)
	}
	m.cmd.stmt, m.cmd.marks, m.cmd.cursor = s.stmt, s.stmt.marks, s.cursor
	m.sent(protocols.Answer{Seq: s.seq}, phaseFirst)
	return nil
}

// nextChunk takes a later chunk. Too late to refuse in place: what can't be recorded or read ends the session, and the
// server, which has half a command, runs nothing of it.
func (m *machine) nextChunk(out *relay.Out) (bool, error) {
	s := &m.stream
	before := s.values
	used, rest, params, ok := s.values.feed(s.view, s.end, m.params[:0])
	m.keepParams(params)
	if !ok || used == 0 && !s.end { // a chunk has room for whatever isn't cut at will
		return true, violation("malformed packet")
	}
	rec := record.Record{Kind: record.KindData, Of: s.seq, Text: rest, Params: params, Length: s.missing()}
	if len(rest) > 0 {
		rec.Bytes = before.size - before.left
	}
	if !s.end {
		rec.Flags = record.FlagMore
	}
	answer, there := m.ask(protocols.Action{Record: rec}, out)
	if !there {
		s.values = before
		return false, nil
	}
	if answer.Verdict != record.VerdictAllow {
		return true, answer.Refusal
	}
	s.release(used, out)
	return true, nil
}

// missing is the size of the value that goes on in the next chunk; 0: none does.
func (s *stream) missing() uint64 {
	if s.values.left == 0 {
		return 0
	}
	return s.values.size
}

// firstLong takes the first chunk of long data.
func (m *machine) firstLong(b []byte, out *relay.Out) (bool, error) {
	s := &m.stream
	stmt, param, ok := m.longFor(b)
	if !ok {
		s.begun, s.drop = true, true
		s.release(len(s.view), out)
		return true, nil
	}
	s.stmt, s.param = stmt, param
	return m.longChunk(b[longHead:], out)
}

// nextLong takes a later chunk of long data, as a piece of its own: long data may come in pieces anyway.
func (m *machine) nextLong(out *relay.Out) (bool, error) { return m.longChunk(m.stream.view, out) }

func (m *machine) longChunk(piece []byte, out *relay.Out) (bool, error) {
	s := &m.stream
	torn := 0
	if !s.end {
		torn = tornWord(piece)
	}
	taken, allowed, err := m.askLong(s.stmt, s.param, piece[:len(piece)-torn], nil, out)
	if !taken || err != nil {
		return taken, err
	}
	if !allowed && s.begun {
		return true, s.stmt.refused // half of it is out
	}
	s.begun, s.drop = true, !allowed
	s.release(len(s.view)-torn, out)
	return true, nil
}
