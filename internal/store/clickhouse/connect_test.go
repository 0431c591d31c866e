package clickhouse_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/store/clickhouse"
)

// TestDialEndsWithItsContext pins that a gateway which was to end waited for a server that didn't answer, as long as dialling may take.
func TestDialEndsWithItsContext(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // the kernel accepts, and nobody says anything
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	o := clickhouse.Options{DialTimeout: time.Hour, TLS: &tls.Config{ServerName: "ch"}}
	if conn, err := o.Dial(ctx, l.Addr().String()); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", conn, err)
	}
	o.TLS = nil
	if conn, err := o.Dial(ctx, l.Addr().String()); !errors.Is(err, context.Canceled) {
		t.Errorf("in the clear: %v, %v", conn, err)
	}
}
