package sftp

import "encoding/binary"

// Packet types (draft-ietf-secsh-filexfer-02, section 3).
const (
	fxpInit          = 1
	fxpVersion       = 2
	fxpOpen          = 3
	fxpClose         = 4
	fxpRead          = 5
	fxpWrite         = 6
	fxpLstat         = 7
	fxpFstat         = 8
	fxpSetstat       = 9
	fxpFsetstat      = 10
	fxpOpendir       = 11
	fxpReaddir       = 12
	fxpRemove        = 13
	fxpMkdir         = 14
	fxpRmdir         = 15
	fxpRealpath      = 16
	fxpStat          = 17
	fxpRename        = 18
	fxpReadlink      = 19
	fxpSymlink       = 20
	fxpStatus        = 101
	fxpHandle        = 102
	fxpData          = 103
	fxpName          = 104
	fxpAttrs         = 105
	fxpExtended      = 200
	fxpExtendedReply = 201
)

const (
	version   = 3
	maxPacket = 16 << 20 // 16 MiB: of content, which is passed on as it comes
	maxHandle = 256      // section 3: "The length of the handle string MUST NOT exceed 256 data bytes"
	headSize  = 4 + 1    // length, type
	idSize    = 4
)

// cursor reads a packet's fields. After the first that isn't there it reads only zeros.
type cursor struct {
	p   []byte
	bad bool
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.p) {
		c.bad, c.p = true, nil
		return nil
	}
	b := c.p[:n:n]
	c.p = c.p[n:]
	return b
}

func (c *cursor) u32() uint32 {
	if b := c.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) u64() uint64 {
	if b := c.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// str reads a string; borrowed from the packet.
func (c *cursor) str() []byte {
	n := c.u32()
	if uint64(n) > uint64(len(c.p)) {
		c.bad, c.p = true, nil
		return nil
	}
	return c.take(int(n))
}

// whole reports whether the packet held what was read and no more.
func (c *cursor) whole() bool { return !c.bad && len(c.p) == 0 }

func putString(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

// putStatus appends a whole SSH_FXP_STATUS (section 7).
func putStatus(b []byte, id uint32, code status, message string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(1+4+4+4+len(message)+4+len(language)))
	b = append(b, fxpStatus)
	b = binary.BigEndian.AppendUint32(b, id)
	b = binary.BigEndian.AppendUint32(b, uint32(code))
	return putString(putString(b, message), language)
}
