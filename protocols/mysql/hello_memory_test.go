package mysql

import (
	"bytes"
	"net"
	"runtime"
	"sync"
	"testing"

	"github.com/gatefold/gatefold/protocols"
)

// What a connection costs before its client has proved anything is bounded: 64 KiB, with TLS, with a response as large as
// one may be, or with a TLS record that never ends. Pipes are used, so that what was written was read.
func TestMemoryBeforeAuthentication(t *testing.T) {
	const connections = 200
	const bound = 64 << 10                                                       // 64 KiB
	endless := append(appendHead(nil, maxHello, 1), make([]byte, maxHello-1)...) // all but the last byte
	attrs := bytes.Repeat(append([]byte{1, 'a', 160}, make([]byte, 160)...), 95)
	config := fuzzTLS()
	for _, tt := range []struct {
		name string
		says func(*rawClient)
	}{
		{"a length that lies", func(c *rawClient) { c.nc.Write(endless[:headSize+1]) }},
		{"a response without end", func(c *rawClient) { c.nc.Write(endless) }},
		{"a ClientHello without end", func(c *rawClient) {
			c.put(response{caps: always}.bytes()[:tlsRequestSize])
			c.nc.Write(append([]byte{0x16, 3, 1, 0x40, 0, 1, 0, 0xff, 0xfc}, make([]byte, 16<<10-5)...))
		}},
		{"a ClientHello of many records", func(c *rawClient) {
			c.put(response{caps: always}.bytes()[:tlsRequestSize])
			fragment := append([]byte{0x16, 3, 1, 0x40, 0}, make([]byte, 16<<10)...)
			copy(fragment[5:], []byte{1, 0, 0xff, 0xfc})
			for range 3 {
				c.nc.Write(fragment) // the gate may hang up
				clear(fragment[5:])
			}
		}},
		{"inside TLS, a response without end", func(c *rawClient) {
			c.startTLS((*testGate)(nil).insecure())
			c.nc.Write(append(appendHead(nil, maxHello, c.seq), make([]byte, maxHello-1)...))
		}},
		{"inside TLS, all the attributes there may be, and no answer", func(c *rawClient) {
			c.startTLS((*testGate)(nil).insecure())
			c.put(response{caps: c.caps | clientConnectAttrs, user: "alice", plugin: pluginNative, attrs: attrs}.bytes())
			c.switched(pluginSHA2)
			c.nc.Write([]byte{0, 4, 0, c.seq}) // 1 KiB that never comes
		}},
	} {
		before := memoryInUse()
		var wg sync.WaitGroup
		clients := make([]net.Conn, connections)
		for i := range clients {
			client, server := net.Pipe()
			c := New(Options{}).Accept(protocols.Origin{Conn: server, TLS: config, Plaintext: true})
			wg.Go(func() {
				defer c.Close()
				if _, err := c.Hello(t.Context(), gateAuth{}); err == nil {
					t.Error("let in")
				}
			})
			raw := &rawClient{t: t, packets: packets{nc: client}, caps: always &^ clientTLS}
			raw.greeted()
			tt.says(raw)
			clients[i] = raw.nc
		}
		each := (memoryInUse() - before) / connections
		t.Logf("%s: %d bytes a connection, with the client's side of it", tt.name, each)
		if each > bound {
			t.Errorf("%s: %d bytes a connection, more than %d", tt.name, each, bound)
		}
		for _, nc := range clients {
			nc.Close()
		}
		wg.Wait()
	}
}

func memoryInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
