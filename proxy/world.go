package proxy

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/gatefold/gatefold/internal/identity"
	"github.com/gatefold/gatefold/internal/policy"
	"github.com/gatefold/gatefold/internal/vault"
	"github.com/gatefold/gatefold/protocols"
)

// World is what the gateway goes by at one moment: who may do what where. It is never changed, only replaced as a
// whole, so that a session sees either all of a reload or nothing of it.
type World struct {
	Users   *identity.Snapshot
	Factors *identity.Factors   // nil: no code is ever right
	Groups  map[string][]string // user -> groups
	Policy  *policy.Set
	Targets map[string]*Target
	Vault   vault.Source
	Limits  Limits
	Config  string // hash of the configuration

	epoch uint32 // set by Swap; counts from 1
}

// Target is a server that people reach through the gateway.
type Target struct {
	Name           string
	Protocol       string
	Network        string            // tcp or unix
	Address        string            // host:port, or the socket's path
	Database       string            // where the client names none; empty: the protocol's default
	TLS            *tls.Config       // nil: plaintext is configured
	Floor          string            // the weakest authentication method that may be answered
	Accounts       map[string]string // account -> name of its secret in the vault
	DefaultAccount string
	BestEffort     bool // what can't be recorded may run; a gap record says how much was lost
	Limits         TargetLimits
	SSH            protocols.SSHRoute // of an SSH server only, but for User
}

// TargetLimits bound what clients can take of one target, beside the gateway's own Limits. Zero means those alone.
type TargetLimits struct {
	MaxSessions        int
	MaxSessionsPerUser int
	IdleTimeout        time.Duration // in place of the gateway's
	MaxSession         time.Duration // in place of the gateway's
}

func (t *Target) dial(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, t.Network, t.Address)
}

// limitsOf returns a target's own limits; none for a target that is no longer configured.
func (w *World) limitsOf(target string) TargetLimits {
	if t := w.Targets[target]; t != nil {
		return t.Limits
	}
	return TargetLimits{}
}

// timeouts are those of sessions on a target: its own, else the gateway's.
func (w *World) timeouts(target string) (idle, whole time.Duration) {
	own := w.limitsOf(target)
	return cmp.Or(own.IdleTimeout, w.Limits.IdleTimeout), cmp.Or(own.MaxSession, w.Limits.MaxSession)
}

// Limits bound what clients can take. Zero means no limit, but for the two timeouts of a login.
type Limits struct {
	MaxSessions        int
	MaxSessionsPerUser int
	HelloTimeout       time.Duration
	LoginGrace         time.Duration // in place of HelloTimeout where people type their password meanwhile
	JoinTimeout        time.Duration
	IdleTimeout        time.Duration // without a statement running or asked
	MaxSession         time.Duration
	MaxStatement       int           // bytes
	MaxParse           int           // bytes
	RecordingWait      time.Duration // how long an action waits for room in the journal
	DrainTimeout       time.Duration
}
