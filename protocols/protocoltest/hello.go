package protocoltest

import (
	"context"
	"errors"
	"net"
	"runtime"
	"sync"
	"testing"

	"github.com/gatefold/gatefold/protocols"
)

// BoundHello fails the test where a connection, before its client has proved anything, costs more than 64 KiB. says speaks
// for the client, and returns its side of the connection, TLS perhaps. Pipes are used, so that what was written was read.
func BoundHello(t *testing.T, name string, made func() protocols.Protocol, says func(net.Conn) net.Conn) {
	t.Helper()
	const connections = 200
	const bound = 64 << 10 // 64 KiB
	config, _ := NewTLS(t)
	before := memoryInUse()
	var wg sync.WaitGroup
	clients := make([]net.Conn, connections)
	for i := range clients {
		client, server := net.Pipe()
		c := made().Accept(protocols.Origin{Conn: server, TLS: config, Plaintext: true})
		wg.Go(func() {
			defer c.Close()
			if _, err := c.Hello(t.Context(), Auth{}); err == nil {
				t.Error("let in")
			}
		})
		clients[i] = says(client)
	}
	each := (memoryInUse() - before) / connections
	t.Logf("%s: %d bytes a connection, with the client's side of it", name, each)
	if each > bound {
		t.Errorf("%s: %d bytes a connection, more than %d", name, each, bound)
	}
	for _, nc := range clients {
		nc.Close()
	}
	wg.Wait()
}

func memoryInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// ShutdownReachesHello fails the test where Hello goes on though the gateway shuts down.
func (g *Gate) ShutdownReachesHello(t *testing.T) {
	t.Helper()
	client, server := net.Pipe()
	defer client.Close()
	c := g.Accept(server)
	defer c.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := &protocols.Error{Class: protocols.ClassShutdown, Message: "shutting down"}
	cancel(cause)
	if _, err := c.Hello(ctx, g.Auth); !errors.Is(err, cause) {
		t.Errorf("%v, want the context's cause", err)
	}
}

// CloseEndsHello fails the test where Hello goes on though its connection was closed. begun returns when Hello runs.
func (g *Gate) CloseEndsHello(t *testing.T, begun func(client net.Conn) error) {
	t.Helper()
	client, server := net.Pipe()
	defer client.Close()
	c := g.Accept(server)
	ended := make(chan error)
	go func() {
		_, err := c.Hello(t.Context(), g.Auth)
		ended <- err
	}()
	if err := begun(client); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if err := <-ended; err == nil {
		t.Error("Hello ended well")
	}
	c.Refuse(errors.New("too late")) // must neither panic nor hang
	c.Close()
}
