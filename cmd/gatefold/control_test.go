package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/config"
)

// gatewayOn answers on a state folder's control socket.
func gatewayOn(t *testing.T, cfg *config.Config, answer http.HandlerFunc) {
	t.Helper()
	l, err := net.Listen("unix", cfg.ControlSocket())
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: answer}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() { srv.Close(); <-done })
}

func TestNotify(t *testing.T) {
	cfg := &config.Config{State: t.TempDir()}
	if running, err := notify(t.Context(), cfg); running || err != nil {
		t.Errorf("without a socket: %v, %v", running, err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: cfg.ControlSocket()})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if running, err := notify(t.Context(), cfg); running || err != nil {
		t.Errorf("with the socket of a gateway that was killed: %v, %v", running, err)
	}
	os.Remove(cfg.ControlSocket())
	asked, refuse := 0, ""
	gatewayOn(t, cfg, func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.Method != http.MethodPost || r.URL.Path != "/reload" {
			t.Errorf("asked %s %s", r.Method, r.URL)
		}
		if refuse != "" {
			http.Error(w, refuse, http.StatusUnprocessableEntity)
		}
	})
	if running, err := notify(t.Context(), cfg); !running || err != nil || asked != 1 {
		t.Errorf("a gateway that reloads: %v, %v, asked %d times", running, err, asked)
	}
	refuse = "policy.cedar:3: no such action"
	if running, err := notify(t.Context(), cfg); !running || err == nil || err.Error() != refuse {
		t.Errorf("a gateway that can't: %v, %v", running, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := notify(ended, cfg); err == nil {
		t.Error("an order that was never sent was taken")
	}
}

// A change is stored even when the running gateway can't take it; the verb says so and fails.
func TestAVerbSaysWhetherItsChangeIsInForce(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "gatefold.yaml")
	if err := os.WriteFile(path, []byte("state: s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(stdin string, args ...string) (string, string, int) {
		var out, errs bytes.Buffer
		m := &Main{Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &errs, Getenv: func(string) string { return "" }}
		code := m.Run(t.Context(), append([]string{"-c", path}, args...))
		return out.String(), errs.String(), code
	}
	out, errs, code := run("correct horse\n", "user", "add", "alice", "--password-stdin")
	if code != exitOK || strings.Contains(out, "in force") {
		t.Errorf("without a gateway: %d %s%s", code, out, errs)
	}
	refuse := false
	gatewayOn(t, &config.Config{State: filepath.Join(dir, "s")}, func(w http.ResponseWriter, r *http.Request) {
		if refuse {
			http.Error(w, "no", http.StatusUnprocessableEntity)
		}
	})
	for _, args := range [][]string{
		{"user", "add", "bob", "--password-stdin"}, {"user", "disable", "alice"}, {"user", "enable", "alice"}, {"user", "remove", "bob"},
		{"secret", "add", "s", "--user", "app"}, {"secret", "disable", "s"}, {"secret", "enable", "s"}, {"secret", "remove", "s"},
	} {
		if out, errs, code := run("correct horse\n", args...); code != exitOK || !strings.Contains(out, "in force in the running gateway\n") {
			t.Errorf("%v: %d %s%s", args, code, out, errs)
		}
	}
	refuse = true
	out, errs, code = run("", "user", "disable", "alice")
	if code != exitError || !strings.Contains(errs, "the change is stored, but the running gateway has not taken it: no") {
		t.Errorf("a gateway that can't: %d %s%s", code, out, errs)
	}
	if out, _, _ := run("", "user", "list"); !strings.Contains(out, "alice  disabled") {
		t.Errorf("the change is not stored: %s", out)
	}
}
