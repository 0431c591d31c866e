package protocols

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// What every protocol's connection does alike.

const (
	refuseTime  = 2 * time.Second // for the last words to a client that is refused, and for it to hang up
	refuseDrain = 256 << 10       // 256 KiB read from such a client, so that a reset doesn't overtake the words
)

// AsError is what of err may be shown: a *Error as it is, of anything else only that it happened.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Class: ClassInternal, Message: "internal error in the gateway",
		Hint: "The gateway's log names the cause.", Cause: err}
}

// LoginError turns an error of a connection that logs in into what the client is told; late is what it is told where the
// deadline of ctx was over. io.EOF stays in the chain: the client left by itself, as psql does to ask for a password.
func LoginError(ctx context.Context, err error, late string) error {
	var e *Error
	switch {
	case err == nil, errors.As(err, &e), errors.Is(err, ErrServed):
		return err
	case context.Cause(ctx) != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded):
		return context.Cause(ctx)
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return &Error{Class: ClassTime, Message: late, Cause: err}
	}
	return err
}

// Guard bounds reads and writes of nc by ctx until release is called.
func Guard(ctx context.Context, nc net.Conn) (release func()) {
	if deadline, ok := ctx.Deadline(); ok {
		nc.SetDeadline(deadline)
	}
	stop := context.AfterFunc(ctx, func() { nc.SetDeadline(time.Unix(1, 0)) })
	return func() {
		if stop() {
			nc.SetDeadline(time.Time{})
		}
	}
}

// LastWords tells a client why it goes no further. socket is what client is, below its TLS. It waits a moment for the
// client to hang up: closing a socket with unread bytes in it resets the connection, and the client would never read why.
func LastWords(socket, client net.Conn, words []byte) {
	socket.SetDeadline(time.Now().Add(refuseTime))
	if _, err := client.Write(words); err != nil {
		return
	}
	if half, ok := client.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
		return
	}
	buf := make([]byte, 4<<10) // 4 KiB
	for n := 0; n < refuseDrain; {
		k, err := client.Read(buf)
		if err != nil {
			return
		}
		n += k
	}
}

// TLSName names a connection's TLS: "TLS1.3 TLS_AES_128_GCM_SHA256". Empty: it is plaintext.
func TLSName(nc net.Conn) string {
	t, ok := nc.(*tls.Conn)
	if !ok {
		return ""
	}
	state := t.ConnectionState()
	version := tls.VersionName(state.Version)
	if len(version) == len("TLS 1.3") {
		version = version[:3] + version[4:]
	}
	return version + " " + tls.CipherSuiteName(state.CipherSuite)
}

// Bounded is a connection of which only Left bytes are read until Release: what a client may send in a TLS handshake.
type Bounded struct {
	net.Conn
	Left int
	free bool
}

func (b *Bounded) Read(p []byte) (int, error) {
	if b.free {
		return b.Conn.Read(p)
	}
	if b.Left == 0 {
		return 0, fmt.Errorf("read handshake: it is longer than it may be")
	}
	n, err := b.Conn.Read(p[:min(len(p), b.Left)])
	b.Left -= n
	return n, err
}

// Release ends the bound.
func (b *Bounded) Release() { b.free = true }
