// Package proxy owns the life of every session: listeners, limits, the one serve, live sessions, kill and drain. It
// knows no protocol; protocols know it as protocols.Session and protocols.Authenticator.
package proxy

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatefold/gatefold/internal/identity"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/sqltext"
)

// Recorder is where sessions are written down.
type Recorder interface {
	// Start opens the record of a session. record.ErrNoRoom where the journal is full.
	Start(record.ID) (Tape, error)
	// Room is closed when, after an ErrNoRoom, there may be room again.
	Room() <-chan struct{}
}

// Tape is one session's record. One caller at a time.
type Tape interface {
	// Append numbers r, dates it where At isn't set, and puts it in the journal. For an action it keeps room for the
	// Result as well, so that only an action can meet record.ErrNoRoom; any other error means that the journal is broken.
	Append(r record.Record) (seq uint64, err error)
	// Sync returns when all that was appended would survive what `durability` names.
	Sync() error
	// Close appends r, a KindClose, for which room was kept from the start.
	Close(r record.Record) error
}

// Options are what a gateway is made of.
type Options struct {
	Name     string // in records
	Build    string // in records
	Recorder Recorder
	Facts    *sqltext.Cache
	Log      *slog.Logger
}

// Gateway serves listeners until it is drained.
type Gateway struct {
	Options
	Counters

	world    atomic.Pointer[World]
	epoch    atomic.Uint32
	throttle *identity.Throttle
	away     *turnedAway

	mu       sync.Mutex
	draining bool // no connection begins any more
	live     map[record.ID]*session
	perUser  map[string]int
	wg       sync.WaitGroup // connections and background work
}

// Counters only grow, but for Open. They are read by the metrics page.
type Counters struct {
	Open        atomic.Int64  // sessions now
	Opened      atomic.Uint64 // sessions let in
	TurnedAway  atomic.Uint64 // logins refused, of any cause
	Asked       atomic.Uint64 // actions and steps
	Denied      atomic.Uint64 // by policy
	Watched     atomic.Uint64 // allowed by a rule that watches
	NotRecorded atomic.Uint64 // refused because the journal had no room
	Lost        atomic.Uint64 // ran unrecorded on a best_effort target
	Appends     atomic.Uint64 // appends timed (one in 64)
	AppendNanos atomic.Uint64 // their sum
}

// New returns a gateway that goes by w.
func New(o Options, w *World) *Gateway {
	g := &Gateway{
		Options:  o,
		throttle: identity.NewThrottle(),
		live:     map[record.ID]*session{},
		perUser:  map[string]int{},
	}
	g.away = newTurnedAway(g)
	g.Swap(w)
	return g
}

// Swap replaces what the gateway goes by. Open sessions go by it from their next statement on.
func (g *Gateway) Swap(w *World) {
	w.epoch = g.epoch.Add(1)
	g.world.Store(w)
}

// SwapUsers replaces the users alone.
func (g *Gateway) SwapUsers(u *identity.Snapshot) {
	w := *g.world.Load()
	w.Users = u
	g.Swap(&w)
}

// Run sweeps idle and overlong sessions until ctx ends, then drains: sessions go on for DrainTimeout and are then told
// that the gateway shuts down. It returns when no connection is left. Listeners are served by Serve with the same ctx.
func (g *Gateway) Run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case now := <-tick.C:
			g.sweep(now)
			g.away.flush(now, false)
		case <-ctx.Done():
		}
	}
	g.drain(g.world.Load().Limits.DrainTimeout)
	g.away.flush(time.Now(), true)
}

// begin counts one connection more, for which drain waits; false: it is over with new ones.
func (g *Gateway) begin() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.draining {
		g.wg.Add(1)
	}
	return !g.draining
}

// drain waits for sessions to end by themselves, then ends them.
func (g *Gateway) drain(timeout time.Duration) {
	g.mu.Lock()
	g.draining = true
	g.mu.Unlock()
	done := make(chan struct{})
	go func() { g.wg.Wait(); close(done) }()
	select {
	case <-done:
		return
	case <-time.After(timeout):
	}
	g.Log.Info("ending open sessions", "sessions", g.Open.Load())
	g.EndAll()
	<-done
}
