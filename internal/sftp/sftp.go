// Package sftp follows transfers of files through a channel without doing I/O: SFTP version 3 (draft-ietf-secsh-filexfer-02)
// and its extensions of OpenSSH, the older protocol of scp, and the command lines by which scp, rsync and git start at a
// server. A machine sees the bytes of both directions, stops at each request that names a file until it is allowed or
// refused, and tells what came of it.
//
// A machine has no lock: one owner at a time. Content is hashed where it lies and never copied, but for what comes out of
// order. It is a leaf: it imports nothing of the house.
package sftp

// MinBuffer is how many bytes a caller must be able to offer at once: no request, status or handle may be longer. Content is
// taken piece by piece.
const MinBuffer = 64 << 10 // 64 KiB

// Limits bound what one channel may make a machine hold. Zero: the default.
type Limits struct {
	InFlight int // requests without an answer; then the client waits. Default 4096
	Asked    int // of these those that were asked about: a journal keeps room for what comes of each. Default 64
	Open     int // files and directories open at a time; more are refused. Default 512
	Ahead    int // bytes of content held because what comes before them isn't there yet; more, and there is no hash. Default 4 MiB

	// LinkFirst says that the client names a link before what it says, as the draft has it, though OpenSSH, whose order
	// the server takes, does it the other way round: clients that don't know OpenSSH at the other end.
	LinkFirst bool
}

func (l Limits) orDefault() Limits {
	if l.InFlight == 0 {
		l.InFlight = 4096
	}
	if l.Asked == 0 {
		l.Asked = 64
	}
	if l.Open == 0 {
		l.Open = 512
	}
	if l.Ahead == 0 {
		l.Ahead = 4 << 20 // 4 MiB
	}
	return l
}

// Op is what a request does, as it is put on record.
type Op string

// The operations. Those that only name an open handle (read, write, close, readdir) are of the request that opened it.
const (
	OpenRead      Op = "open-read"
	OpenWrite     Op = "open-write"      // written, appended to, created or truncated, and not read
	OpenReadWrite Op = "open-read-write" // both
	Remove        Op = "remove"
	Rename        Op = "rename"
	Mkdir         Op = "mkdir"
	Rmdir         Op = "rmdir"
	Setstat       Op = "setstat" // of a path, a link itself or an open file; with "size=" among the details it is cut
	Symlink       Op = "symlink" // Path2 is what it says, as a path
	Link          Op = "link"
	Readlink      Op = "readlink"
	Stat          Op = "stat"
	Lstat         Op = "lstat"
	Statvfs       Op = "statvfs" // of the file system that it is on
	Opendir       Op = "opendir"
	Realpath      Op = "realpath"
	Copy          Op = "copy"     // from one open file to another, at the server
	Extended      Op = "extended" // an extension that isn't decoded: always refused
)

// Request is one that names a file and waits for its verdict.
type Request struct {
	Op Op
	// Path and Path2 are what is judged: absolute and clean. Path2 is where a rename, a link or a copy goes; empty: there is
	// none.
	Path, Path2 string
	// As and As2 are the client's own words, where they are others.
	As, As2 string
	// Detail is what else it asks: "flags=write,create mode=0644". Empty: nothing.
	Detail string
	// Refuse says why the request will be refused whatever the verdict; empty: it won't.
	Refuse string
}

// Result is what came of a request that was allowed. A transfer's comes when its file was closed.
type Result struct {
	Token         uint64 // Allow's
	Failed        bool   // the server said no: Code, Message
	Unknown       bool   // the channel ended first
	Code          string // SFTP: "SSH_FX_FAILURE"
	Message       string // the server's own words
	Read, Written uint64 // bytes of content that the server gave and took
	Transfer      bool   // it was of a file's content: the fields below are set
	Hash          []byte // SHA-256 of the content from From on, without a gap; nil: there is none
	From          uint64 // offset of the first byte
	NoHash        string // why there is none
}

// Out is what one call came to. The caller resets it when it is done with it; slices are valid until then.
type Out struct {
	ToServer, ToClient [][]byte // to be written in this order; parts of what was given or of room
	Results            []Result // to be told before ToClient is written
	Ask                *Request // waits for Allow or Refuse, at the head of what was not taken
	Wait               bool     // what was not taken waits for the other direction to move
	room               []byte
}

// Reset makes o ready for the next call.
func (o *Out) Reset() {
	clear(o.Results)
	o.ToServer, o.ToClient, o.Results = o.ToServer[:0], o.ToClient[:0], o.Results[:0]
	o.Ask, o.Wait, o.room = nil, false, o.room[:0]
}

// own puts bytes of the machine into o's own room.
func (o *Out) own(p []byte) []byte {
	at := len(o.room)
	o.room = append(o.room, p...) // where it moves, what it moved away from stays with the slices of it
	return o.room[at:len(o.room):len(o.room)]
}

// pass adds p, one slice with the bytes before it where it follows them in memory.
func pass(to [][]byte, p []byte) [][]byte {
	if len(p) == 0 {
		return to
	}
	if i := len(to) - 1; i >= 0 {
		if last := to[i]; cap(last) > len(last) && &last[:len(last)+1][len(last)] == &p[0] {
			to[i] = last[:len(last)+len(p)]
			return to
		}
	}
	return append(to, p)
}

// Error ends a channel: one of its sides broke the protocol.
type Error struct {
	Side string // theClient or theServer
	Text string // what it did
}

const (
	theClient = "the client"
	theServer = "the server"
)

func (e *Error) Error() string { return e.Side + " " + e.Text }
