// Package relay moves bytes between two connections through a sans-I/O machine. It knows no protocol; a machine
// knows no socket. The driver here is goroutines, one for each direction, under one lock.
package relay

// Machine is one relayed connection's state. It does no I/O and takes no locks: one caller at a time. Client and Server
// take bytes that one side sent, in any portions whatever, and put what is to be released into out. What is put there
// may alias p: the driver writes it before it calls with the next bytes of that side.
type Machine interface {
	// Client takes bytes from the client. done < len(p) means that the machine waits (for out.Wait when it is set,
	// else for the server's next bytes): the driver then calls again with p[done:] and reads nothing more from the
	// client until all is taken. An error ends the session; what was released before it still goes out.
	Client(p []byte, out *Out) (done int, err error)
	// Server takes all of the bytes from the server. An error ends the session; what was released before it still
	// goes out.
	Server(p []byte, out *Out) error
	// HalfClosed says that the client sends nothing more, and reports whether it may still be answered. false: it is gone,
	// and the session ends.
	HalfClosed() bool
	// End says that the session is over and why (nil: the client closed its connection; ErrServerClosed: the server
	// did). It tells what came of all that is still open, and may put last words for the client into out, if the
	// stream stands at a message's end. It returns what the session ended with: nil where both sides ended as
	// they should, else an error that wraps cause. It is called once, and nothing after it.
	End(cause error, out *Out) error
}
