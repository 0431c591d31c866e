package ssh

import (
	"net"
	"net/netip"
	"sync/atomic"

	"github.com/gatefold/gatefold/protocols"
)

// maxHello is what a client may send until it has proved who it is. x/crypto keeps up to 16 packets of 256 KiB for whoever
// sends them; a login takes 5 KiB, and with a certificate that names a thousand principals 30.
const maxHello = 128 << 10 // 128 KiB

// inbound is a client's connection. Until proved is called it reads no more than maxHello.
type inbound struct {
	net.Conn
	addr  net.Addr
	left  int         // bytes; only the reader looks at it
	known atomic.Bool // the client is proved
}

func newInbound(nc net.Conn, client netip.AddrPort) *inbound {
	in := &inbound{Conn: nc, addr: nc.RemoteAddr(), left: maxHello}
	if client.IsValid() {
		in.addr = net.TCPAddrFromAddrPort(client) // what a certificate's source-address is held against
	}
	return in
}

var errTooMuch = &protocols.Error{Class: protocols.ClassBadRequest, Message: "the client sent too much before it was logged in"}

func (in *inbound) Read(p []byte) (int, error) {
	if in.known.Load() {
		return in.Conn.Read(p)
	}
	if in.left <= 0 {
		return 0, errTooMuch
	}
	n, err := in.Conn.Read(p[:min(len(p), in.left)])
	in.left -= n
	return n, err
}

// RemoteAddr is the client's, not that of a load balancer before it.
func (in *inbound) RemoteAddr() net.Addr { return in.addr }

// proved ends the bound.
func (in *inbound) proved() { in.known.Store(true) }
