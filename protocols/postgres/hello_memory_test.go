package postgres

import (
	"crypto/tls"
	"encoding/binary"
	"net"
	"testing"

	"github.com/gatefold/gatefold/protocols"
	"github.com/gatefold/gatefold/protocols/protocoltest"
)

// What a connection costs before its client has proved anything is bounded: 64 KiB, with TLS, with a startup packet
// as large as one may be, or with a TLS record that never ends.
func TestMemoryBeforeAuthentication(t *testing.T) {
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, maxStartup), version30)
	endless := append(head, make([]byte, maxStartup-9)...) // all but the last byte
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
		protocoltest.BoundHello(t, tt.name, func() protocols.Protocol { return New(Options{}) }, func(nc net.Conn) net.Conn {
			raw := &rawClient{t, nc}
			tt.says(raw)
			return raw.Conn
		})
	}
}
