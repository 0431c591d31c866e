package protocoltest

import (
	"slices"

	"github.com/gatefold/gatefold/internal/relay"
)

// Talk is a machine between a client and a server that a test speaks for.
type Talk struct {
	Machine relay.Machine
	Cut     func([]byte) [][]byte // how the input arrives; nil: whole
	Forward func([]byte)          // is given what the server is sent; nil: nobody is

	Sent []byte // to the server
	Seen []byte // by the client
	Err  error

	pending []byte // from the client, not yet taken
}

// Pieces is b as it arrives.
func (k *Talk) Pieces(b []byte) [][]byte {
	if k.Cut == nil {
		return [][]byte{b}
	}
	return k.Cut(b)
}

// Client gives the machine what the client sends, and goes on with what had to wait.
func (k *Talk) Client(b []byte) {
	for _, piece := range append(k.Pieces(b), nil) {
		k.pending = append(k.pending, piece...)
		for len(k.pending) > 0 && k.Err == nil {
			var out relay.Out
			p := slices.Clone(k.pending)
			done, err := k.Machine.Client(p, &out)
			k.release(&out)
			clear(p) // what was released is written by now
			k.Err = err
			k.pending = k.pending[done:]
			if out.Wait != nil {
				out.Wait(nil)
			} else if len(k.pending) > 0 {
				break
			}
		}
	}
}

// Serve gives the machine one piece of what the server sends.
func (k *Talk) Serve(piece []byte) {
	if k.Err != nil {
		return
	}
	var out relay.Out
	p := slices.Clone(piece)
	k.Err = k.Machine.Server(p, &out)
	k.release(&out)
	clear(p)
}

// End ends the session, and returns what with.
func (k *Talk) End() error {
	var out relay.Out
	err := k.Machine.End(k.Err, &out)
	k.release(&out)
	return err
}

func (k *Talk) release(out *relay.Out) {
	to := out.ToServer.Bytes(nil)
	k.Sent = append(k.Sent, to...)
	if len(to) > 0 && k.Forward != nil {
		k.Forward(slices.Clone(to))
	}
	k.Seen = append(k.Seen, out.ToClient.Bytes(nil)...)
}
