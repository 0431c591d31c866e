package mysql

import (
	"errors"

	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/protocols"
)

// machine passes everything on. It stands in for the one that relays.
type machine struct {
	unfinished bool
}

func newMachine(machineConfig, protocols.Session) *machine { return &machine{} }

func (*machine) Client(p []byte, out *relay.Out) (int, error) {
	if len(p) > headSize && p[headSize] == comChangeUser && p[3] == 0 {
		size, _ := packetHead(p)
		return 0, &changeUser{payload: append([]byte(nil), p[headSize:headSize+size]...)}
	}
	out.ToServer.Forward(p)
	return len(p), nil
}

func (*machine) Server(p []byte, out *relay.Out) error {
	out.ToClient.Forward(p)
	return nil
}

func (*machine) End(cause error, _ *relay.Out) error {
	if errors.Is(cause, relay.ErrServerClosed) {
		return nil
	}
	return cause
}
