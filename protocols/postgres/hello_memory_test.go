package postgres

import (
	"crypto/tls"
	"encoding/binary"
	"net"
	"runtime"
	"sync"
	"testing"

	"github.com/gatefold/gatefold/protocols"
)

// What a connection costs before its client has proved anything is bounded: 64 KiB, with TLS, with a startup packet
// as large as one may be, or with a TLS record that never ends. Pipes are used, so that what was written was read.
func TestMemoryBeforeAuthentication(t *testing.T) {
	const connections = 200
	const bound = 64 << 10 // 64 KiB
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, maxStartup), version30)
	endless := append(head, make([]byte, maxStartup-9)...) // all but the last byte
	config := fuzzTLS()
	for _, tt := range []struct {
		name string
		says func(*rawClient)
	}{
		{"a startup packet without end", func(c *rawClient) { c.send(endless) }},
		{"a ClientHello without end", func(c *rawClient) {
			c.send(append([]byte{tlsHandshake, 3, 1, 0x40, 0, 1, 0, 0xff, 0xfc}, make([]byte, 16<<10-5)...))
		}},
		{"a ClientHello of many records", func(c *rawClient) {
			fragment := append([]byte{tlsHandshake, 3, 1, 0x40, 0}, make([]byte, 16<<10)...)
			copy(fragment[5:], []byte{1, 0, 0xff, 0xfc})
			for range 3 {
				c.Write(fragment) // the gate may hang up
				clear(fragment[5:])
			}
		}},
		{"inside TLS, a startup packet without end", func(c *rawClient) {
			c.send(packet(codeTLS, nil))
			c.byte()
			c.startTLS(&tls.Config{InsecureSkipVerify: true})
			c.send(endless)
		}},
		{"no answer to SCRAM", func(c *rawClient) {
			c.send(aliceStarts)
			c.message('R')
			c.send([]byte{'p', 0, 0, 8, 0})
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
			raw := &rawClient{t, client}
			tt.says(raw)
			clients[i] = raw.Conn
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
