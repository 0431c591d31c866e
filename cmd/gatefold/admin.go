package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/gatefold/gatefold/internal/record"
)

// admin serves /metrics and /healthz on a loopback address until ctx ends.
func (s *server) admin(ctx context.Context) error {
	if s.cfg.Load().Admin.Listen == "" {
		return nil
	}
	l, err := net.Listen("tcp", s.cfg.Load().Admin.Listen)
	if err != nil {
		return hintError{fmt.Errorf("admin.listen: %w", err), "is another gateway running? set admin.listen to a free address, or \"\" for none"}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics(), promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if err := s.rooms.healthy(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	return serveHTTP(ctx, l, mux)
}

// bindControl makes the socket that the verbs beside a running gateway reach it by. It is there before any listener is: what
// a verb changed in the moment of a start would be found out only by the next reload.
func (s *server) bindControl() (net.Listener, error) {
	path := s.cfg.Load().ControlSocket()
	os.Remove(path) // of a gateway that was killed: the state folder's lock says that none runs
	l, err := listenPrivate(path)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return l, nil
}

// control takes orders from the verbs, through a socket that only the gateway's own user can reach.
func (s *server) control(ctx context.Context, l net.Listener) error {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /reload", func(w http.ResponseWriter, _ *http.Request) {
		if err := s.reload(); err != nil {
			http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		}
	})
	mux.HandleFunc("GET /sessions", func(w http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(w).Encode(s.gateway.Sessions())
	})
	mux.HandleFunc("POST /kill/{session}", func(w http.ResponseWriter, r *http.Request) {
		id, err := record.ParseID(r.PathValue("session"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		} else if !s.gateway.Kill(id) {
			http.Error(w, "no open session "+id.String(), http.StatusNotFound)
		}
	})
	mux.HandleFunc("POST /redact", s.redact)
	mux.HandleFunc("POST /hold", s.hold)
	mux.HandleFunc("POST /prune", s.prune)
	mux.HandleFunc("POST /checkpoint", func(w http.ResponseWriter, r *http.Request) {
		if err := s.rooms.evidence.publisher.Publish(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	return serveHTTP(ctx, l, mux)
}

// listenPrivate listens on a unix socket that is never, not for a moment, open to others.
func listenPrivate(path string) (net.Listener, error) {
	if len(path) > 107 { // sun_path of unix(7)
		return nil, fmt.Errorf("the path %s is longer than 107 bytes: choose a shorter state folder", path)
	}
	l, err := net.Listen("unix", path) // the folder is 0700
	if err != nil {
		return nil, err
	}
	return l, os.Chmod(path, 0o600)
}

func serveHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}
	stop := context.AfterFunc(ctx, func() { srv.Close() })
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
