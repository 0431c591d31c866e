package mysql

import (
	"fmt"
	"io"
	"net"
)

// firstRoom is the room for a packet's payload before its bytes are there. What is longer gets more as it comes, so that a
// length which lies costs no memory.
const firstRoom = 2 << 10 // 2 KiB

// packets reads and writes the packets of a login, each exactly: what follows it stays in the socket, so that nothing a
// client stuffs in behind an SSLRequest can be taken for something said inside TLS (CVE-2021-3935 and kin).
type packets struct {
	nc  net.Conn
	seq byte // of the next packet, whichever side sends it
}

// read reads one packet of at most limit bytes, which is less than maxPayload. The payload is the caller's, to overwrite
// where there is a secret in it.
func (p *packets) read(limit int) ([]byte, error) {
	var head [headSize]byte
	if _, err := io.ReadFull(p.nc, head[:]); err != nil {
		return nil, fmt.Errorf("read packet: %w", err)
	}
	size, seq := packetHead(head[:])
	if seq != p.seq {
		return nil, violation(fmt.Sprintf("packets out of order: got number %d, want %d", seq, p.seq))
	}
	if size > limit {
		return nil, violation(fmt.Sprintf("a packet of %d bytes in a login, where %d are the most", size, limit))
	}
	p.seq++
	payload := make([]byte, 0, min(size, firstRoom))
	for len(payload) < size {
		if len(payload) == cap(payload) {
			grown := append(make([]byte, 0, min(size, 2*cap(payload))), payload...)
			clear(payload)
			payload = grown
		}
		n := min(size, cap(payload))
		if _, err := io.ReadFull(p.nc, payload[len(payload):n]); err != nil {
			clear(payload[:cap(payload)])
			return nil, fmt.Errorf("read packet: %w", unexpected(err))
		}
		payload = payload[:n]
	}
	return payload, nil
}

// unexpected is err, but that an end within a packet is not one between two.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// write writes one packet and overwrites its bytes, but not payload.
func (p *packets) write(payload []byte) error {
	b := appendPacket(make([]byte, 0, headSize+len(payload)), p.seq, payload)
	defer clear(b)
	if _, err := p.nc.Write(b); err != nil {
		return err
	}
	p.seq++
	return nil
}
