package sftp

import (
	"fmt"
	"strings"
)

// Which attributes follow (draft-ietf-secsh-filexfer-02, section 5).
const (
	attrSize     = 1 << 0
	attrOwner    = 1 << 1
	attrMode     = 1 << 2
	attrTimes    = 1 << 3
	attrExtended = 1 << 31
)

// attributes are what a request sets.
type attributes struct {
	flags        uint32
	size         uint64
	uid, gid     uint32
	mode         uint32
	atime, mtime uint32 // seconds since 1970
}

// attrs reads attributes. Bits that version 3 has not are an error: what follows them can't be told.
func (c *cursor) attrs() (a attributes) {
	a.flags = c.u32()
	if a.flags&^(attrSize|attrOwner|attrMode|attrTimes|attrExtended) != 0 {
		c.bad = true
		return a
	}
	if a.flags&attrSize != 0 {
		a.size = c.u64()
	}
	if a.flags&attrOwner != 0 {
		a.uid, a.gid = c.u32(), c.u32()
	}
	if a.flags&attrMode != 0 {
		a.mode = c.u32()
	}
	if a.flags&attrTimes != 0 {
		a.atime, a.mtime = c.u32(), c.u32()
	}
	if a.flags&attrExtended != 0 {
		for n := c.u32(); n > 0 && !c.bad; n-- {
			c.str()
			c.str()
		}
	}
	return a
}

// String is what is put on record: "size=0 mode=0644". Empty: nothing is set.
func (a attributes) String() string {
	var s []string
	add := func(bit uint32, format string, values ...any) {
		if a.flags&bit != 0 {
			s = append(s, fmt.Sprintf(format, values...))
		}
	}
	add(attrSize, "size=%d", a.size)
	add(attrOwner, "uid=%d gid=%d", a.uid, a.gid)
	add(attrMode, "mode=%04o", a.mode&0o7777)
	add(attrTimes, "atime=%d mtime=%d", a.atime, a.mtime)
	add(attrExtended, "extended")
	return strings.Join(s, " ")
}
