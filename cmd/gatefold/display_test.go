package main

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"time"
)

// A search whose reader has gone ends, though it has nothing to write.
func TestTheReaderGoes(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	m := &Main{Stdout: w, Stderr: io.Discard, Getenv: func(string) string { return "" }}
	d, err := m.screen(look{colour: "auto"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := d.watch(t.Context())
	defer stop()
	select {
	case <-ctx.Done():
		t.Fatal("the context ended while the reader was there")
	case <-time.After(250 * time.Millisecond): // two looks
	}
	r.Close()
	select {
	case <-ctx.Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the context did not end")
	}
	if !errors.Is(context.Cause(ctx), errGone) {
		t.Errorf("it ended with %v", context.Cause(ctx))
	}
}

// Watching what is no pipe ends nothing and leaves nothing behind.
func TestNobodyIsWatched(t *testing.T) {
	m := &Main{Stdout: io.Discard, Stderr: io.Discard, Getenv: func(string) string { return "" }}
	d, err := m.screen(look{colour: "always"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := d.watch(t.Context())
	if ctx.Err() != nil || !d.colour {
		t.Errorf("%v, colour %v", ctx.Err(), d.colour)
	}
	stop()
	if ctx.Err() == nil {
		t.Error("the context goes on")
	}
}
