package postgres

import (
	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/protocols"
)

// machineConfig is what a relay needs to know of its session.
type machineConfig struct {
	MaxText  int               // bytes of a statement that is held whole; over it is refused. 0: 16 MiB
	Settings map[string]string // ParameterStatus as the target reported it at login
}

// machine is one session after login (protocol chapter 55.2): bytes in, bytes and records out.
type machine struct {
	s protocols.Session
}

func newMachine(cfg machineConfig, s protocols.Session) *machine { return &machine{s: s} }

func (m *machine) Client(p []byte, out *relay.Out) (int, error) { out.ToServer.Forward(p); return len(p), nil }
func (m *machine) Server(p []byte, out *relay.Out) error        { out.ToClient.Forward(p); return nil }
func (m *machine) End(cause error, out *relay.Out) error        { return cause }

// askCancel proposes to pass a cancel request on, under the driver's lock. The answer's Seq goes to toldCancel.
func (m *machine) askCancel() protocols.Answer { return protocols.Answer{} }

// toldCancel records what came of a cancel request that was allowed: nil when the target took it.
func (m *machine) toldCancel(seq uint64, err error) error { return nil }
