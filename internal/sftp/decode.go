package sftp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path"
	"strings"
)

// parsed is what is needed of a request once it may pass.
type parsed struct {
	id     uint32
	kind   byte
	answer answer
	asks   bool   // it names a file: a verdict is awaited
	file   *file  // the open file it names
	to     *file  // copy-data: the one that is written
	stray  bool   // it names a handle that isn't open, or not for this
	size   uint64 // fsetstat, where resize is set
	resize bool
	append bool   // OPEN: it is written at its end, whatever the offsets say
	edits  []edit // paths that are sent otherwise
	packet []byte // SYMLINK: what is sent in its place; nil: as it came
}

// edit puts text in the place of the n bytes at a packet's at; the string's length stands in the four before.
type edit struct {
	at, n int
	text  string
}

// decoder reads one request (draft-ietf-secsh-filexfer-02, section 6).
type decoder struct {
	cursor
	m     *SFTP
	q     parsed
	r     Request
	whole int // bytes of the packet
	nul   bool
}

// decode reads a whole packet. The error says what is wrong with it.
func (m *SFTP) decode(p []byte) (parsed, Request, error) {
	d := decoder{cursor: cursor{p: p[headSize:]}, m: m, whole: len(p)}
	d.q.id, d.q.kind = d.u32(), p[4]
	if !d.fields() {
		return d.q, d.r, m.client(fmt.Sprintf("sent a packet of type %d, which is no request of version 3", d.q.kind))
	}
	switch {
	case d.bad || len(d.p) > 0 && d.r.Op != Extended:
		return d.q, d.r, m.client(fmt.Sprintf("sent a malformed request of type %d", d.q.kind))
	case d.nul:
		return d.q, d.r, m.client(fmt.Sprintf("sent a path with a zero byte in a request of type %d", d.q.kind))
	}
	return d.q, d.r, nil
}

// fields reads what a request of d's kind has. false: there is no such kind.
func (d *decoder) fields() bool {
	switch d.q.kind {
	case fxpOpen:
		d.open()
	case fxpClose, fxpReaddir, fxpFstat:
		d.q.answer = answerOf[d.q.kind]
		d.q.file = d.handle(nil)
	case fxpStat:
		d.ask(Stat, answerAttrs)
		d.path()
	case fxpLstat:
		d.ask(Lstat, answerAttrs)
		d.path()
	case fxpSetstat:
		d.path()
		d.setstat()
	case fxpFsetstat:
		d.fsetstat()
	case fxpOpendir:
		d.ask(Opendir, answerHandle)
		d.path()
	case fxpMkdir:
		d.ask(Mkdir, answerStatus)
		d.path()
		d.r.Detail = d.attrs().String()
	case fxpRemove:
		d.ask(Remove, answerStatus)
		d.path()
	case fxpRmdir:
		d.ask(Rmdir, answerStatus)
		d.path()
	case fxpReadlink:
		d.ask(Readlink, answerName)
		d.path()
	case fxpRealpath:
		d.ask(Realpath, answerName)
		d.path()
		d.q.edits = nil                                              // what it means is what is asked
		d.q.asks = d.r.As != "." && d.r.As != "" || d.r.Refuse != "" // each client begins with it: we asked the same
	case fxpRename:
		d.ask(Rename, answerStatus)
		d.path()
		d.second()
	case fxpSymlink:
		d.symlink()
	case fxpExtended:
		d.extended()
	default:
		return false
	}
	return true
}

var answerOf = map[byte]answer{fxpClose: answerStatus, fxpReaddir: answerName, fxpFstat: answerAttrs}

func (d *decoder) ask(op Op, a answer) { d.q.asks, d.q.answer, d.r.Op = true, a, op }

// path reads the path that the request is about.
func (d *decoder) path() { d.r.Path, d.r.As = d.name() }

// second reads the path where it goes.
func (d *decoder) second() { d.r.Path2, d.r.As2 = d.name() }

// name reads a path: as it is judged, and as the client wrote it.
func (d *decoder) name() (clean, as string) {
	name := string(d.text())
	clean, refuse := resolve(d.m.home, name)
	if d.r.Refuse == "" {
		d.r.Refuse = refuse
	}
	if climbs(name) {
		d.q.edits = append(d.q.edits, edit{d.whole - len(d.p) - len(name), len(name), sent(name, clean)})
	}
	return clean, name
}

// text reads a string that a server in C would end at a zero byte.
func (d *decoder) text() []byte {
	s := d.str()
	d.nul = d.nul || bytes.IndexByte(s, 0) >= 0
	return s
}

// handle reads a handle and returns its file; nil and stray: none is open by it, or not for what may is asked.
func (d *decoder) handle(may func(*file) bool) *file {
	h := d.str()
	f := d.m.handles[string(h)]
	d.q.stray = d.q.stray || f == nil || may != nil && !may(f)
	return f
}

// The flags of SSH_FXP_OPEN (section 6.3).
const (
	openRead   = 1 << 0
	openWrite  = 1 << 1
	openAppend = 1 << 2
	openCreate = 1 << 3
	openTrunc  = 1 << 4
)

var openFlags = [...]string{"read", "write", "append", "create", "truncate", "exclusive"}

func (d *decoder) open() {
	d.ask(OpenRead, answerHandle)
	d.path()
	flags := d.u32()
	switch changes := flags&(openWrite|openAppend|openCreate|openTrunc) != 0; {
	case changes && flags&openRead != 0:
		d.r.Op = OpenReadWrite
	case changes:
		d.r.Op = OpenWrite
	}
	d.q.append = flags&openAppend != 0
	var names []string
	for i, name := range openFlags {
		if flags>>i&1 != 0 {
			names = append(names, name)
		}
	}
	if flags>>len(openFlags) != 0 {
		d.r.Refuse = fmt.Sprintf("flags %#x are not of version 3", flags)
	}
	d.r.Detail = strings.TrimSpace("flags=" + strings.Join(names, ",") + " " + d.attrs().String())
}

func (d *decoder) fsetstat() {
	if d.q.file = d.handle(nil); d.q.file != nil {
		d.r.Path = d.q.file.path
	}
	d.setstat()
}

// setstat reads what a SETSTAT or its like sets.
func (d *decoder) setstat() {
	d.ask(Setstat, answerStatus)
	a := d.attrs()
	d.q.size, d.q.resize = a.size, a.flags&attrSize != 0
	d.r.Detail = a.String()
}

// symlink reads what a link is to say and where it is to be. OpenSSH takes them in this order, which is not the draft's
// (OpenSSH's PROTOCOL, section 4.1); clients that keep to the draft with servers of others are put into it.
func (d *decoder) symlink() {
	d.ask(Symlink, answerStatus)
	says, link := string(d.text()), string(d.text())
	if d.m.limits.LinkFirst {
		says, link = link, says
	}
	d.r.Path, d.r.Refuse = resolve(d.m.home, link)
	d.r.As = link
	d.r.Path2, _ = resolve(path.Dir(d.r.Path), says)
	d.r.As2 = says
	if d.m.limits.LinkFirst || climbs(link) {
		b := append([]byte{0, 0, 0, 0, fxpSymlink}, binary.BigEndian.AppendUint32(nil, d.q.id)...)
		d.q.packet = finishPacket(putString(putString(b, says), sent(link, d.r.Path)))
	}
}

// edited is the packet p with the edits of q.
func (q *parsed) edited(p []byte) []byte {
	if len(q.edits) == 0 {
		return q.packet
	}
	var b []byte
	at := 0
	for _, e := range q.edits {
		b = putString(append(b, p[at:e.at-4]...), e.text)
		at = e.at + e.n
	}
	return finishPacket(append(b, p[at:]...))
}

// finishPacket writes the length of a packet into its head.
func finishPacket(p []byte) []byte {
	binary.BigEndian.PutUint32(p, uint32(len(p)-4))
	return p
}
