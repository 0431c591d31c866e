package mysql

import (
	"bytes"

	"github.com/gatefold/gatefold/protocols"
)

// changeUser ends a relay whose client sent a COM_CHANGE_USER: the connection's next Hello goes by it.
type changeUser struct {
	payload []byte // of the packet, behind its command byte
}

func (*changeUser) Error() string { return "the client begins again as another user" }

func (*changeUser) Unwrap() error { return protocols.ErrAgain }

// readAgain reads the COM_CHANGE_USER that ended the last relay. What was agreed on in the greeting stays.
func (c *conn) readAgain() error {
	payload := c.again
	c.again, c.target = nil, nil
	defer clear(payload)
	if len(payload) > maxHello {
		return violation("a COM_CHANGE_USER that is too long")
	}
	h, err := parseChangeUser(payload, c.hello)
	if err != nil {
		return err
	}
	c.hello = h
	return nil
}

// parseChangeUser parses a COM_CHANGE_USER of a client that said first when it logged in ("COM_CHANGE_USER"). Its answer is to
// the scramble that the client was sent last: libmariadb's mysql_native_password repeats it when it is asked again, so
// that is good for this. Others answer a fresh scramble.
func parseChangeUser(payload []byte, first *hello) (*hello, error) {
	r := body{b: payload}
	h := &hello{caps: first.caps, maxPacket: first.maxPacket, collation: first.collation, plugin: first.plugin, attrs: first.attrs}
	h.user = string(r.text())
	answer := r.take(int(r.byte()))
	h.database = string(r.text())
	if len(r.b) > 0 {
		if collation := r.uint16(); collation > 0 && collation < 256 {
			h.collation = byte(collation)
		}
	}
	if r.bad {
		return nil, violation("malformed COM_CHANGE_USER")
	}
	if len(r.b) == 0 {
		return h, nil
	}
	h.attrs = nil
	if err := h.readRest(&r); err != nil {
		return nil, err
	}
	if h.plugin == pluginNative && len(answer) > 0 {
		h.auth = bytes.Clone(answer)
	}
	return h, nil
}

// fresh sends an AuthSwitchRequest with a fresh scramble and reads the answer ("Protocol::AuthSwitchRequest").
func (c *conn) fresh(plugin string) ([]byte, error) {
	c.scramble = newScramble()
	request := append([]byte{answerEOF}, plugin...)
	request = append(request, 0)
	if plugin != pluginClear {
		request = append(append(request, c.scramble...), 0)
	}
	return c.ask(request)
}

// ask sends the client a packet of its authentication and reads the answer.
func (c *conn) ask(packet []byte) ([]byte, error) {
	if err := c.packets.write(packet); err != nil {
		return nil, err
	}
	return c.packets.read(maxProof)
}

// withoutNUL cuts the NUL that ends a password in clear. One within it belongs to no password.
func withoutNUL(answer []byte) (password []byte, ok bool) {
	i := bytes.IndexByte(answer, 0)
	if i < 0 || i != len(answer)-1 {
		return nil, false
	}
	return answer[:i], true
}
