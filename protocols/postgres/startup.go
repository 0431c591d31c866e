package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"github.com/gatefold/gatefold/protocols"
)

// What a packet without a type byte asks for (PostgreSQL's documentation, section 55.7).
const (
	codeCancel = 80877102
	codeTLS    = 80877103
	codeGSS    = 80877104
)

// Protocol versions: the major one in the upper 16 bits.
const (
	version30 = 3 << 16
	version32 = 3<<16 | 2 // PostgreSQL 18: cancel keys of up to 256 bytes
)

const (
	maxStartup   = 10_000 // bytes; PostgreSQL's MAX_STARTUP_PACKET_LENGTH
	maxAuth      = 2048   // bytes of a client's authentication message; a SCRAM message is not longer
	maxAnswer    = 30_000 // bytes of a target's message in a login; libpq's own limit
	tlsHandshake = 0x16   // the first byte of a TLS record with a handshake (RFC 8446, section 5.1)
)

// startup is what a StartupMessage says.
type startup struct {
	version  uint32
	user     string
	database string            // empty: not given
	settings map[string]string // run-time parameters to pass on, by lower-case name
	unknown  []string          // protocol options ("_pq_.") that we don't know
}

// app is application_name as PostgreSQL itself shows it: printable ASCII, all else a question mark.
func (s *startup) app() string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s.settings["application_name"])
}

// readPacket reads one packet without a type byte, exactly: what follows it stays in the socket, so that nothing a
// client stuffs in behind an SSLRequest can be taken for something said inside TLS (CVE-2021-3935 and kin). first holds
// the four bytes of the length. The result is code and body.
func readPacket(r io.Reader, first [4]byte) (code uint32, body []byte, err error) {
	size := binary.BigEndian.Uint32(first[:])
	if size < 8 || size > maxStartup {
		return 0, nil, violation(fmt.Sprintf("invalid length of startup packet: %d", size))
	}
	packet := make([]byte, size-4)
	if _, err := io.ReadFull(r, packet); err != nil {
		return 0, nil, fmt.Errorf("read startup packet: %w", err)
	}
	return binary.BigEndian.Uint32(packet), packet[4:], nil
}

// parseStartup parses a StartupMessage's body (PostgreSQL's documentation, section 55.7): names and values, each ended
// by NUL, then one more NUL and nothing behind it. A name that comes twice is refused: which of the two counts is not the
// same everywhere.
func parseStartup(version uint32, body []byte, allowed func(string) bool) (*startup, error) {
	if version>>16 != 3 {
		return nil, &protocols.Error{Class: protocols.ClassUnsupported,
			Message: fmt.Sprintf("unsupported frontend protocol %d.%d: the gateway speaks 3.0 to 3.2", version>>16, version&0xffff)}
	}
	s := &startup{version: version, settings: map[string]string{}}
	p := parameters{startup: s, allowed: allowed, seen: map[string]bool{}}
	for {
		name, rest, ok := cutString(body)
		if !ok {
			return nil, violation("invalid startup packet layout: expected terminator as last byte")
		}
		if name == "" {
			if len(rest) > 0 {
				return nil, violation("invalid startup packet layout: bytes after the terminator")
			}
			break
		}
		var value string
		if value, body, ok = cutString(rest); !ok {
			return nil, violation("invalid startup packet layout: a parameter has no value")
		}
		if err := p.take(name, value); err != nil {
			return nil, err
		}
	}
	if err := p.finish(); err != nil {
		return nil, err
	}
	return s, nil
}

// cutString splits off a string that ends with NUL.
func cutString(b []byte) (s string, rest []byte, ok bool) {
	i := bytes.IndexByte(b, 0)
	if i < 0 {
		return "", nil, false
	}
	return string(b[:i]), b[i+1:], true
}

// readMessage reads one message with a type byte, exactly, into buf or, where that is too small, a new buffer. size of
// the body is at most limit bytes. The body is buf's until the next call.
func readMessage(r io.Reader, buf []byte, limit int) (kind byte, body, grown []byte, err error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, buf, fmt.Errorf("read message: %w", err)
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size < 4 || size > uint32(limit)+4 {
		return 0, nil, buf, violation(fmt.Sprintf("invalid length of message %q: %d", head[0], size))
	}
	n := int(size - 4)
	if cap(buf) < n {
		clear(buf)
		buf = make([]byte, n)
	}
	body = buf[:n]
	if _, err := io.ReadFull(r, body); err != nil {
		return 0, nil, buf, fmt.Errorf("read message %q: %w", head[0], err)
	}
	return head[0], body, buf, nil
}

// givenDatabase is the database that the client was given; empty: none. Clients that were given none send the user's name
// (libpq, pgjdbc).
func (s *startup) givenDatabase() string {
	if s.database == s.user {
		return ""
	}
	return s.database
}

// loginError turns an error of a connection that logs in into what the client is told.
func loginError(ctx context.Context, err error) error {
	return protocols.LoginError(ctx, err, "canceling authentication due to timeout")
}
