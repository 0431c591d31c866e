package mysql

import (
	"bytes"
	"net"
	"testing"

	"github.com/gatefold/gatefold/protocols"
	"github.com/gatefold/gatefold/protocols/protocoltest"
)

// What a connection costs before its client has proved anything is bounded: 64 KiB, with TLS, with a response as large as
// one may be, or with a TLS record that never ends.
func TestMemoryBeforeAuthentication(t *testing.T) {
	endless := append(appendHead(nil, maxHello, 1), make([]byte, maxHello-1)...) // all but the last byte
	attrs := bytes.Repeat(append([]byte{1, 'a', 160}, make([]byte, 160)...), 95)
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
			c.startTLS(insecure)
			c.nc.Write(append(appendHead(nil, maxHello, c.seq), make([]byte, maxHello-1)...))
		}},
		{"inside TLS, all the attributes there may be, and no answer", func(c *rawClient) {
			c.startTLS(insecure)
			c.put(response{caps: c.caps | clientConnectAttrs, user: "alice", plugin: pluginNative, attrs: attrs}.bytes())
			c.switched(pluginSHA2)
			c.nc.Write([]byte{0, 4, 0, c.seq}) // 1 KiB that never comes
		}},
	} {
		protocoltest.BoundHello(t, tt.name, func() protocols.Protocol { return New(Options{}) }, func(nc net.Conn) net.Conn {
			raw := &rawClient{t: t, packets: packets{nc: nc}, caps: always &^ clientTLS}
			raw.greeted()
			tt.says(raw)
			return raw.nc
		})
	}
}
