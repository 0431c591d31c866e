package proxy

import (
	"container/list"
	"sync"
)

// maxWaiting bounds connections of a listener that have not proved who they are: each may take 64 KiB.
const maxWaiting = 1024

// waiting are the connections of a listener that are logging in. Where there are too many, the one that has been at it
// longest goes: silent connections can't keep out those who log in, which takes milliseconds.
type waiting struct {
	mu    sync.Mutex
	conns list.List // of func(), which drops one; oldest first
}

// enter adds a connection, which drop ends, and returns the drop of the one that has to make room for it, nil where there
// was room. proved takes the connection out again, and reports whether it was still there. It is called once.
func (w *waiting) enter(drop func()) (proved func() bool, oldest func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conns.Len() >= maxWaiting {
		oldest = w.conns.Remove(w.conns.Front()).(func())
	}
	mine := w.conns.PushBack(drop)
	return func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		before := w.conns.Len()
		w.conns.Remove(mine) // does nothing where it is gone
		return w.conns.Len() < before
	}, oldest
}
