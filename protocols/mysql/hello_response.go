package mysql

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/gatefold/gatefold/protocols"
)

const (
	maxHello = 16 << 10 // 16 KiB: of a HandshakeResponse41 with its attributes, most of which are of 0.2 to 1 KiB
	maxName  = 512      // bytes of a user's or database's name
	maxAttrs = 256      // connection attributes

	// maxHandshake bounds what a client sends in a TLS handshake. A ClientHello is of 0.3 to 2 KiB, a certificate with its
	// chain of some more; crypto/tls would keep 64 KiB.
	maxHandshake = 20 << 10 // 20 KiB

	tlsRequestSize = 32 // bytes of an SSLRequest: a HandshakeResponse41 up to where the user's name would be
)

// hello is what a client says of itself ("Protocol::HandshakeResponse41"; MariaDB's "Handshake Response Packet"). Nothing in
// it points into the packet.
type hello struct {
	caps      capabilities // as it said them
	maxPacket uint32
	collation byte
	user      string
	database  string // empty: not given
	plugin    string // that auth is of
	auth      []byte // its answer to the scramble in the greeting; wiped once it has been looked at
	attrs     []attribute
}

// isTLSRequest reports whether payload is an SSLRequest.
func isTLSRequest(payload []byte) bool {
	r := body{b: payload}
	return len(payload) == tlsRequestSize && capabilities(r.uint32()).has(clientTLS|clientProtocol41)
}

// parseHello parses a HandshakeResponse41.
func parseHello(payload []byte) (*hello, error) {
	r := body{b: payload}
	h := &hello{caps: capabilities(r.uint16())}
	if !h.caps.has(clientProtocol41) {
		return nil, tooOld("it does not speak the protocol of 4.1")
	}
	h.caps |= capabilities(r.uint16()) << 16
	if !h.caps.has(required) {
		return nil, tooOld("it knows no authentication plugins")
	}
	h.maxPacket, h.collation = r.uint32(), r.byte()
	r.take(19)
	if extended := r.uint32(); !h.caps.has(clientLongPassword) {
		h.caps |= capabilities(extended) << 32
	}
	h.user = string(r.text())
	if h.caps.has(clientPluginAuthLenenc) {
		h.auth = bytes.Clone(r.lenencText())
	} else {
		h.auth = bytes.Clone(r.take(int(r.byte())))
	}
	if h.caps.has(clientConnectWithDB) {
		h.database = string(r.text())
	}
	if err := h.readRest(&r); err != nil {
		clear(h.auth)
		return nil, err
	}
	return h, nil
}

// readRest reads what stands last, in a login and in a COM_CHANGE_USER alike, and checks the names. What follows, a level of
// compression that is never agreed on, is ignored as the servers do.
func (h *hello) readRest(r *body) error {
	if h.caps.has(clientPluginAuth) {
		if i := bytes.IndexByte(r.b, 0); i >= 0 {
			h.plugin = string(r.text())
		} else { // some clients leave out the NUL at the end of the packet
			h.plugin = string(r.rest())
		}
	}
	if h.caps.has(clientConnectAttrs) && len(r.b) > 0 {
		h.attrs = readAttrs(r)
	}
	switch {
	case r.bad:
		return violation("malformed login packet")
	case len(h.user) > maxName || len(h.database) > maxName || len(h.plugin) > maxName:
		return violation(fmt.Sprintf("a name of more than %d bytes in the login", maxName))
	case len(h.attrs) > maxAttrs:
		return violation(fmt.Sprintf("more than %d connection attributes", maxAttrs))
	case !utf8.ValidString(h.user) || !utf8.ValidString(h.database):
		return violation("a name in the login that is not UTF-8")
	}
	return nil
}

// readAttrs reads connection attributes: names and values, behind the length of all of them.
func readAttrs(r *body) (attrs []attribute) {
	all := body{b: bytes.Clone(r.lenencText())}
	for len(all.b) > 0 && len(attrs) <= maxAttrs {
		attrs = append(attrs, attribute{name: all.lenencText(), value: all.lenencText()})
	}
	r.bad = r.bad || all.bad
	return attrs
}

// app is the name of the client's program, or of what it is made with: printable ASCII, all else a question mark.
func (h *hello) app() string {
	app := h.attr("program_name")
	if app == "" {
		app = strings.TrimSpace(h.attr("_client_name") + " " + h.attr("_client_version"))
	}
	if len(app) > maxName {
		app = app[:maxName]
	}
	return strings.Map(func(r rune) rune {
		if unprintable(r) {
			return '?'
		}
		return r
	}, app)
}

func (h *hello) attr(name string) string {
	for _, a := range h.attrs {
		if string(a.name) == name {
			return string(a.value)
		}
	}
	return ""
}

// tooOld refuses a client that can't log in as the gateway has it.
func tooOld(why string) error {
	return &protocols.Error{Class: protocols.ClassUnsupported, Message: "the client is too old for this gateway: " + why,
		Hint: "Any client of MySQL 5.7 or MariaDB 10 and later will do."}
}
