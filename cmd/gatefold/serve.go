package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/proxy"
)

func (m *Main) serveCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the gateway",
		Long: `Run the gateway: listen, log clients in, relay, record. It runs until SIGTERM or SIGINT: listeners then close,
open sessions go on for limits.drain_timeout and are then told that the gateway shuts down; a second signal ends
them at once. SIGHUP reads configuration and policy again; a bad one is refused with its reason and the old one
goes on. Only one gateway runs on a state folder.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := m.loadConfig()
			if err != nil {
				return err
			}
			if err := noCoreDumps(); err != nil {
				return err
			}
			return m.serve(cmd.Context(), cfg, nil)
		},
	}
}

// noCoreDumps keeps what is in memory, secrets among it, off the disk, whatever the environment has Go do at a crash.
func noCoreDumps() error {
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core dumps: %w", err)
	}
	return nil
}

// server is a running gateway: what the verb serve wires together.
type server struct {
	m        *Main
	cfg      atomic.Pointer[config.Config] // in force; reload replaces it
	mu       sync.Mutex                    // one reload at a time
	log      *slog.Logger
	rooms    *rooms
	gateway  *proxy.Gateway
	worlds   *worlds
	listener []*proxy.Listener
}

// heapFloor is reserved and never touched, so that it takes no memory; to the garbage collector it is heap, which it lets
// double before it runs. Without it, a stream of SSH, whose library allocates each packet, makes the collector of a gateway
// that holds little run hundreds of times for each GiB, at the cost of a second of processor time.
const heapFloor = 64 << 20 // 64 MiB

// serve runs a gateway until ctx ends. ready, when not nil, is called with the addresses that it listens on.
func (m *Main) serve(ctx context.Context, cfg *config.Config, ready func(map[string]net.Addr)) (err error) {
	// A library of the SQL grammar's looks at these and would fail, or open a port, at whoever's word.
	for _, name := range []string{"GO_FAILPOINTS", "GO_FAILPOINTS_HTTP"} {
		if m.Getenv(name) != "" {
			return usageError{hintError{fmt.Errorf("the environment has %s", name), "unset it: it makes a library misbehave on purpose"}}
		}
	}
	defer runtime.KeepAlive(make([]byte, heapFloor))
	log, err := newLog(m.Stderr, cfg.Log)
	if err != nil {
		return usageError{err}
	}
	s := &server{m: m, log: log}
	s.cfg.Store(cfg)
	if s.rooms, err = openRooms(ctx, m, cfg, log); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.rooms.close()) }()
	if err := s.start(cfg); err != nil {
		return err
	}
	return s.run(ctx, ready)
}

// start makes the gateway and binds its listeners, so that what is wrong with the configuration is said at once.
func (s *server) start(cfg *config.Config) error {
	s.worlds = &worlds{rooms: s.rooms}
	w, err := s.worlds.build(cfg)
	if err != nil {
		return usageError{err}
	}
	s.gateway = proxy.New(proxy.Options{
		Name: cfg.Gateway, Build: buildVersion(), Recorder: tapes{s.rooms.recorder, s.m.tape}, Facts: s.rooms.facts, Log: s.log,
	}, w)
	s.listener, err = listeners(cfg, s.worlds, s.log)
	return err
}

// run serves until ctx ends and every session is closed.
func (s *server) run(ctx context.Context, ready func(map[string]net.Addr)) error {
	orders, err := s.bindControl()
	if err != nil {
		return err
	}
	if err := s.rooms.users.Reload(); err != nil { // what changed since they were read, and before the socket was there
		return err
	}
	s.gateway.SwapUsers(s.rooms.users.Snapshot())
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	defer wg.Wait()
	// Background work outlives ctx: the admin page and the control socket answer while sessions drain.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	takeOrders := func(ctx context.Context) error { return s.control(ctx, orders) }
	for _, serve := range []func(context.Context) error{takeOrders, s.admin} {
		wg.Go(func() {
			if err := serve(background); err != nil {
				cancel(err)
			}
		})
	}
	wg.Go(func() { s.onHangup(background) })
	wg.Go(func() { s.rooms.evidence.publisher.Run(background) })
	wg.Go(func() { s.upkeep(background) })
	if f := s.rooms.follower; f != nil {
		wg.Go(func() { f.Run(background) })
	}
	addrs := map[string]net.Addr{}
	for _, l := range s.listener {
		addrs[l.Name] = l.Listen.Addr()
		s.log.Info("listening", "listener", l.Name, "protocol", l.Speaks, "address", l.Listen.Addr().String())
		wg.Go(func() {
			if err := s.gateway.Serve(ctx, l); err != nil {
				cancel(err)
			}
		})
	}
	if ready != nil {
		ready(addrs)
	}
	context.AfterFunc(ctx, func() { s.secondSignal(background) })
	s.gateway.Run(ctx)
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

// secondSignal ends a drain at once.
func (s *server) secondSignal(ctx context.Context) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(c)
	s.log.Info("draining", "sessions", s.gateway.Open.Load(), "timeout", s.cfg.Load().Limits.DrainTimeout)
	select {
	case <-c:
		s.gateway.EndAll()
	case <-ctx.Done():
	}
}

// onHangup reloads at each SIGHUP.
func (s *server) onHangup(ctx context.Context) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	defer signal.Stop(c)
	for {
		select {
		case <-c:
			if err := s.reload(); err != nil {
				s.log.Error("reload refused: the old configuration goes on", "err", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// reload reads configuration, users, secrets and policy again and puts them in force as a whole, or not at all; but for
// the users, so that somebody can be shut out while the policy on disk is broken.
func (s *server) reload() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.rooms.users.Reload(); err != nil {
		return err
	}
	s.gateway.SwapUsers(s.rooms.users.Snapshot())
	cfg, err := config.Load(s.cfg.Load().Path)
	if err != nil {
		return err
	}
	if err := s.worlds.renewTLS(cfg); err != nil {
		return err
	}
	w, err := s.worlds.build(cfg)
	if err != nil {
		return err
	}
	for _, what := range needsRestart(s.cfg.Load(), cfg) {
		s.log.Warn("changed in the configuration, and in force only after a restart", "key", what)
	}
	s.gateway.Swap(w)
	s.cfg.Store(cfg)
	s.log.Info("reloaded", "config", cfg.Hash()[:12], "policy", w.Policy.Hash()[:12])
	return nil
}

// newLog makes the operator's log.
func newLog(w interface{ Write([]byte) (int, error) }, c config.Log) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Level)); err != nil {
		return nil, fmt.Errorf("log.level: %w", err)
	}
	opt := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opt)), nil
	}
	return slog.New(slog.NewTextHandler(w, opt)), nil
}

// drainGrace is how long after the last session the archive may take to get the last block.
const drainGrace = 30 * time.Second

func archiveDir(state string) string { return filepath.Join(state, "archive") }
func journalDir(state string) string { return filepath.Join(state, "journal") }
