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
	case notRunning(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("reach the gateway: %w", err)
	}
	return true, resp
}

// notRunning reports whether an order could not be given because no gateway runs.
func notRunning(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// control posts one order to the gateway that runs on cfg's state folder. refused is what the gateway said to it, err
// that it could not be asked.
func control(ctx context.Context, cfg *config.Config, order string) (refused, err error) {
	_, refused, err = ask(ctx, cfg, http.MethodPost, order)
	return refused, err
}

// longestAnswer of a gateway: every mistake of a configuration, or the open sessions.
const longestAnswer = 16 << 20 // 16 MiB

// ask sends one request to the gateway that runs on cfg's state folder and returns what it said.
func ask(ctx context.Context, cfg *config.Config, method, path string) (answer []byte, refused, err error) {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", cfg.ControlSocket())
	}}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, method, "http://gatefold"+path, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("make order: %w", err)
	}
	resp, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, longestAnswer))
	if err != nil {
		return nil, nil, fmt.Errorf("read its answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s", strings.TrimSpace(string(text))), nil
	}
	return text, nil, nil
}
