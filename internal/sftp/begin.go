package sftp

import (
	"encoding/binary"
	"fmt"
)

// askHome is the request that we make ourselves, once, before the client may make any: REALPATH of "." (section 6.11) tells
// where relative paths begin.
var askHome = finishPacket(putString([]byte{0, 0, 0, 0, fxpRealpath, 0, 0, 0, 0}, "."))

// version takes SSH_FXP_VERSION (section 4) and keeps it for the client, without the extensions that aren't decoded.
func (m *SFTP) version(p []byte, size uint32, kind byte, out *Out) (int, error) {
	if err := m.begins(size, kind, fxpVersion); err != nil || uint32(len(p)-4) < size {
		return 0, err
	}
	c := cursor{p: p[headSize : 4+size]}
	if v := c.u32(); v != version {
		return 0, m.server(fmt.Sprintf("speaks version %d: only version %d is carried", v, version))
	}
	hello := []byte{0, 0, 0, 0, fxpVersion, 0, 0, 0, version}
	for len(c.p) > 0 {
		name, v := string(c.str()), string(c.str())
		if c.bad {
			return 0, m.server("sent a malformed VERSION")
		}
		if e, known := extensions[name]; known && e.version == v {
			hello = putString(putString(hello, name), v)
		}
	}
	m.hello = finishPacket(hello)
	m.state = stateHome
	out.ToServer = append(out.ToServer, askHome)
	return int(4 + size), nil
}

// begins checks a packet of the server that is held.
func (m *SFTP) begins(size uint32, kind byte, want ...byte) error {
	for _, w := range want {
		if kind == w && size <= MinBuffer-4 {
			return nil
		}
	}
	return m.server(fmt.Sprintf("began with a packet of type %d and %d bytes", kind, size))
}

// atHome takes the answer to askHome. A server that has none is one without relative paths.
func (m *SFTP) atHome(p []byte, size uint32, kind byte, out *Out) (int, error) {
	if err := m.begins(size, kind, fxpName, fxpStatus); err != nil || uint32(len(p)-4) < size {
		return 0, err
	}
	c := cursor{p: p[headSize : 4+size]}
	if id := c.u32(); id != binary.BigEndian.Uint32(askHome[headSize:]) {
		return 0, m.server(fmt.Sprintf("answered a request %d that nobody made", id))
	}
	if kind == fxpName && c.u32() == 1 {
		if home := string(c.str()); !c.bad && len(home) > 0 && home[0] == '/' && !climbs(home) {
			m.home = home
		}
	}
	m.state = stateOpen
	out.ToClient = append(out.ToClient, out.own(m.hello))
	m.hello = nil
	return int(4 + size), nil
}
