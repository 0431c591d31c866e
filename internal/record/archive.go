package record

// Narrow says what a reader of a store looks for, so that the store can leave out what certainly isn't it. A store
// only narrows: what it gives may be too much, never too little. A zero field asks for nothing.
type Narrow struct {
	Since, Until int64 // unix nanoseconds, both inclusive: when a session lived, when a block's records were made

	Sessions    []ID   // any of these
	First, Last uint64 // Seqs wanted of Sessions; Last 0: to the end
	Prefix      string // of a session's id: lower-case hex digits without hyphens

	User, Account, Target, Database, Protocol string // exactly this
	PID                                       uint64

	Kinds uint64 // blocks that hold any of these kinds: 1<<Kind
	// Words, folded as the function Words does, that must all have been said in one session up to and with the
	// block: an execution stands in a later block than the text of its statement.
	Words [][]byte

	// Digest of a statement that must have been said as the words must; 0: none. A store that has no index of digests lets all pass.
	Digest uint64

	// Verdict of the records looked for; 0: any. A store may leave out what neither has it nor belongs to what has it.
	Verdict Verdict

	// Hits asks for single records, the newest first: those of Kinds, and of Refused only where the verdict was deny, that may fit.
	// A store may then give blocks that it makes up of these (Part, with Beside), or blocks as they are.
	Hits    bool
	Refused uint64 // 1<<Kind
	Pieces  bool   // each piece of a value that was split counts, and not the last alone

	// Oldest asks for sessions by when they were opened and blocks by position; otherwise they come newest first, blocks by
	// their latest record: where a clock was set back the two are not the same.
	Oldest bool
}

// Sealed is a block as it lies in a store, with what the store's directory says of it: for those who check both.
type Sealed struct {
	Name   string // where it lies: a path, or a table and key
	Raw    []byte // its bytes; nil: Err says why not
	Err    error  // it is listed and not there, or can't be read
	Listed bool   // the directory knows of it, and says:
	Pos    uint64
	End    uint64
	First  int64
	Last   int64
	Count  int
	Bytes  int64 // of Raw
	Sum    Hash  // of Raw: the func Sum
	Kinds  uint64
	Words  Filter
	Spans  []Span // by Session; only Session, First and Last

	// Gone: the store let its records go, as it was told to, and kept what it says of them; Spans are whole. Raw is nil, and Err.
	Gone bool
}

// Fault is something wrong with the evidence, or with where it is kept.
type Fault struct {
	Place   string // a file with an offset, a session with a Seq, a row
	What    string
	Missing bool // something isn't there; false: something there isn't as it was sealed
}

func (f Fault) String() string { return f.Place + ": " + f.What }
