package mysql

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
)

// ownID is set in each connection id that the gateway gives out: no target's thread has it (MariaDB and MySQL count up from
// 1), so that a KILL of one can't hit a stranger's thread.
const ownID = 1 << 31

// live are the connections of this gateway, by the id that their client was given, and by their thread at the target.
type live struct {
	mu       sync.Mutex
	byID     map[uint32]*liveEntry
	byThread map[targetThread]*liveEntry
}

// targetThread is what a target calls a session.
type targetThread struct {
	place
	thread uint64
}

// liveEntry is one connection's place there, from its greeting to its end.
type liveEntry struct {
	in     *live
	id     uint32
	user   string // of the gateway; empty: no session is open
	thread targetThread
}

// issue makes an id that no other live connection has and nobody can foresee.
func (l *live) issue() *liveEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byID == nil {
		l.byID, l.byThread = map[uint32]*liveEntry{}, map[targetThread]*liveEntry{}
	}
	for {
		var b [4]byte
		rand.Read(b[:])
		id := binary.LittleEndian.Uint32(b[:]) | ownID
		if l.byID[id] == nil {
			e := &liveEntry{in: l, id: id}
			l.byID[id] = e
			return e
		}
	}
}

// find returns the target's thread of a session that id names: the id that its client was given, or the target's own. Only
// the user's own sessions at that place are found.
func (l *live) find(user string, at place, id uint64) (thread uint64, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var e *liveEntry
	if id&ownID != 0 && id>>32 == 0 {
		e = l.byID[uint32(id)]
	}
	if e == nil {
		e = l.byThread[targetThread{at, id}]
	}
	if e == nil || user == "" || e.user != user || e.thread.place != at {
		return 0, false
	}
	return e.thread.thread, true
}

// join says whose the connection's session is, and what its target calls it.
func (e *liveEntry) join(user string, at place, thread uint64) {
	e.in.mu.Lock()
	defer e.in.mu.Unlock()
	if e.in.byID[e.id] != e { // closed meanwhile
		return
	}
	e.user, e.thread = user, targetThread{at, thread}
	e.in.byThread[e.thread] = e
}

// leave ends the session; the connection keeps its id. e may be nil.
func (e *liveEntry) leave() {
	if e == nil {
		return
	}
	e.in.mu.Lock()
	defer e.in.mu.Unlock()
	if e.in.byThread[e.thread] == e {
		delete(e.in.byThread, e.thread)
	}
	e.user, e.thread = "", targetThread{}
}

// close ends the entry. e may be nil.
func (e *liveEntry) close() {
	if e == nil {
		return
	}
	e.leave()
	e.in.mu.Lock()
	defer e.in.mu.Unlock()
	if e.in.byID[e.id] == e {
		delete(e.in.byID, e.id)
	}
}
