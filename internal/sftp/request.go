package sftp

import (
	"fmt"
	"strings"
)

const (
	notOpen  = "gatefold: no such handle is open for that"
	maxWords = 1 << 10 // 1 KiB: of a refusal's message
)

// request takes a whole request that is no READ or WRITE.
func (m *SFTP) request(p []byte, out *Out) (int, error) {
	if m.asked.waits {
		return m.decided(p, out), nil
	}
	q, r, err := m.decode(p)
	if err == nil {
		err = m.fresh(q.id)
	}
	switch {
	case err != nil:
		return 0, err
	case q.stray:
		m.reply(q.id, fxFailure, notOpen)
		return len(p), nil
	case !q.asks:
		m.send(p, &q, nil, out)
		return len(p), nil
	case m.actions >= m.limits.Asked:
		out.Wait = true
		return 0, nil
	}
	m.limit(&r)
	if r.As == r.Path {
		r.As = ""
	}
	if r.As2 == r.Path2 {
		r.As2 = ""
	}
	m.asked = pending{request: r, parsed: q, waits: true}
	return m.decided(p, out), nil
}

// limit refuses what would open more than may be open.
func (m *SFTP) limit(r *Request) {
	switch r.Op {
	case OpenRead, OpenWrite, OpenReadWrite, Opendir:
		if len(m.handles)+m.opening >= m.limits.Open {
			r.Refuse = fmt.Sprintf("%d files are open: close some", m.limits.Open)
		}
	}
}

// decided goes on with the request that was asked about, if its verdict is there.
func (m *SFTP) decided(p []byte, out *Out) int {
	a := &m.asked
	switch {
	case !a.decided:
		out.Ask = &a.request
		return 0
	case a.request.Op == Extended:
		m.reply(a.parsed.id, fxUnsupported, a.words())
	case !a.allow || a.request.Refuse != "":
		m.reply(a.parsed.id, fxPermissionDenied, a.words())
	default:
		m.send(p, &a.parsed, a, out)
	}
	m.asked = pending{}
	return len(p)
}

// words are what the client is told of a refusal.
func (a *pending) words() string {
	words := a.message
	if words == "" {
		words = a.request.Refuse
	}
	return strings.ToValidUTF8(words[:min(len(words), maxWords)], "")
}

// send passes a request on and notes what its answer will be of. a is nil where it needed no verdict.
func (m *SFTP) send(p []byte, q *parsed, a *pending, out *Out) {
	s := slot{id: q.id, kind: q.kind, answer: q.answer, file: q.file}
	if a != nil {
		s.asked, s.token = true, a.token
		m.actions++
	}
	switch q.kind {
	case fxpOpen, fxpOpendir:
		m.opening++
		s.file = &file{op: a.request.Op, path: a.request.Path, token: a.token}
		s.file.written.ordered = q.append
	case fxpClose:
		delete(m.handles, q.file.handle)
	}
	if q.resize && q.file != nil {
		m.resize(q.file, q.size)
	}
	if q.to != nil {
		q.to.written.begin(0)
		q.to.written.fail(&m.budget, "a part of it was copied at the server")
	}
	m.table.add(s)
	if edited := q.edited(p); edited != nil {
		p = out.own(edited)
	}
	out.ToServer = pass(out.ToServer, p)
}
