package relay

import (
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// wait holds the client's goroutine until what the machine waits for is there: ready when it is set, else the server's
// next bytes. Nothing is read from the client meanwhile; that it hung up is noticed all the same where an answer is
// awaited: nobody is left to want what was asked about. (The server answers soon or is busy with what the client sent
// before it hung up, which the client may well do.) It reports whether the session goes on.
func (d *Driver) wait(ready func(stop <-chan struct{})) bool {
	if ready == nil {
		select {
		case <-d.came:
		case <-d.stopped:
		}
		return !d.ending.Load()
	}
	watched := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(watched)
		if d.client.watch(done, d.stopped) {
			d.stop(errClientGone)
		}
	}()
	ready(d.stopped)
	close(done)
	<-watched
	return !d.ending.Load()
}

// hangUpPoll is how often a client that nothing is read from is looked at: a bound on how long an action that waits for
// an approval outlives the person who asked for it.
const hangUpPoll = 100 * time.Millisecond

// watch returns true when the client hung up, false when done or stopped is closed first.
func (s *side) watch(done, stopped <-chan struct{}) bool {
	raw := rawConn(s.conn)
	tick := time.NewTicker(hangUpPoll)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return false
		case <-stopped:
			return false
		case <-tick.C:
			if raw != nil && hungUp(raw) {
				return true
			}
		}
	}
}

// rawConn finds the socket below conn (and below TLS); nil: there is none to look at.
func rawConn(conn net.Conn) syscall.RawConn {
	if inner, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = inner.NetConn()
	}
	if socket, ok := conn.(syscall.Conn); ok {
		if raw, err := socket.SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}

// hungUp asks the system whether the other end closed, even where bytes that it sent before still wait to be read.
func hungUp(raw syscall.RawConn) bool {
	gone := false
	err := raw.Control(func(fd uintptr) {
		polled := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		n, err := unix.Poll(polled, 0)
		gone = err == nil && n > 0 && polled[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
	})
	return gone || err != nil
}
