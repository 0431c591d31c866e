package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/gatefold/gatefold/internal/config"
)

// notifyTimeout bounds a reload: it reads a few files and compiles the policy.
const notifyTimeout = 30 * time.Second

// notify has a running gateway read configuration, users, secrets and policy again. It reports whether one runs: no
// socket, or one that nobody listens on, means that none does.
func notify(ctx context.Context, cfg *config.Config) (running bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, notifyTimeout)
	defer cancel()
	resp, err := control(ctx, cfg, "/reload")
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("reach the gateway: %w", err)
	}
	return true, resp
}

// control posts one order to the gateway that runs on cfg's state folder. refused is what the gateway said to it, err
// that it could not be asked.
func control(ctx context.Context, cfg *config.Config, order string) (refused, err error) {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", cfg.ControlSocket())
	}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://gatefold"+order, nil)
	if err != nil {
		return nil, fmt.Errorf("make order: %w", err)
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	const longest = 64 << 10 // 64 KiB: every mistake of a configuration
	text, err := io.ReadAll(io.LimitReader(resp.Body, longest))
	if err != nil {
		return nil, fmt.Errorf("read its answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", strings.TrimSpace(string(text))), nil
	}
	return nil, nil
}
