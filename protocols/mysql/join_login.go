package mysql

import (
	"encoding/binary"
	"fmt"

	"github.com/gatefold/gatefold/protocols"
)

const (
	maxReply    = 16 << 10 // 16 KiB: of a target's packet in a login
	maxMessages = 10       // of a target's, before it has let us in
)

// login is the gateway's login to a target, until the session's state is known.
type login struct {
	route    protocols.Route
	hello    *hello // the client's
	greeting *greeting
	caps     capabilities // agreed on
	packets  packets
	auth     exchange
}

// run logs in. Both the number of the target's packets and their bytes are bounded: it isn't trusted before it has let us
// in, and not much after.
func (l *login) run() (*target, error) {
	floor, err := parseMethod(l.route.Floor)
	if err != nil {
		return nil, err
	}
	private := l.route.TLS != nil || l.packets.nc.RemoteAddr().Network() == "unix"
	l.auth = exchange{floor: floor, secret: l.route.Credential.Secret, private: private}
	plugin, answer, err := l.auth.begin(l.greeting)
	if err != nil {
		return nil, err
	}
	response := l.response(plugin, answer)
	clear(answer)
	err = l.packets.write(response)
	clear(response)
	if err != nil {
		return nil, targetIO("log in", err)
	}
	status, err := l.authenticate()
	if err != nil {
		return nil, err
	}
	return l.look(status)
}

// authenticate answers the target until it says OK.
func (l *login) authenticate() (status uint16, err error) {
	for range maxMessages {
		payload, err := l.packets.read(maxReply)
		if err != nil {
			return 0, targetIO("read the target's answer to the login", err)
		}
		if len(payload) == 0 {
			return 0, brokeProtocol(fmt.Errorf("an empty packet in the login"))
		}
		switch payload[0] {
		case answerOK:
			r := body{b: payload[1:]}
			r.lenenc() // affected rows
			r.lenenc() // last insert id
			status = r.uint16()
			if r.bad {
				return 0, brokeProtocol(fmt.Errorf("an OK that is malformed"))
			}
			return status, l.auth.finish()
		case answerError:
			return 0, refusedBy(parseError(payload), l.route.Database)
		}
		answer, err := l.auth.take(payload)
		if err != nil {
			return 0, err
		}
		if answer == nil {
			continue
		}
		err = l.packets.write(answer)
		clear(answer)
		if err != nil {
			return 0, targetIO("send authentication", err)
		}
	}
	return 0, brokeProtocol(fmt.Errorf("no end of the login after %d packets", maxMessages))
}

// head is the part of a HandshakeResponse41 that is an SSLRequest by itself.
func (l *login) head() []byte {
	caps := l.caps
	if l.route.Database != "" {
		caps |= clientConnectWithDB
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(caps))
	b = binary.LittleEndian.AppendUint32(b, l.hello.maxPacket)
	b = append(b, l.hello.collation)
	b = append(b, make([]byte, 19)...)
	return binary.LittleEndian.AppendUint32(b, uint32(caps>>32))
}

// response is the gateway's own HandshakeResponse41: the credential's name, the client's capabilities, collation and
// attributes.
func (l *login) response(plugin string, answer []byte) []byte {
	b := append(l.head(), l.route.Credential.User...)
	b = append(b, 0)
	// An answer is shorter than 251 bytes, so that its length is one byte with and without clientPluginAuthLenenc.
	b = append(append(b, byte(len(answer))), answer...)
	if l.route.Database != "" {
		b = append(append(b, l.route.Database...), 0)
	}
	b = append(append(b, plugin...), 0)
	if !l.caps.has(clientConnectAttrs) {
		return b
	}
	var attrs []byte
	for _, a := range l.hello.attrs {
		attrs = appendLenencText(appendLenencText(attrs, a.name), a.value)
	}
	return appendLenencText(b, attrs)
}
