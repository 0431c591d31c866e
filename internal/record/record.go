// Package record defines what gatefold writes down: the record, the session it belongs to, the block that
// records are sealed in, and their codecs. It is a leaf: it imports nothing of the house.
package record

import "errors"

// ErrNoRoom says that the journal can't take a record now. What can't be recorded isn't run.
var ErrNoRoom = errors.New("the journal has no room")

// Kind says what a record tells. Values are part of the format: append, never renumber.
type Kind uint8

// The kinds, each with the fields that it sets beside Session, Seq, At and Kind. Kinds marked (action) are
// asked before the target sees them and end in exactly one Result. Kinds marked (step) prepare an action: a
// Result follows only when they were refused, failed or skipped; the action that names them tells of success.
const (
	KindNone    Kind = iota
	KindOpen         // a session begins: User Account Target Database Protocol Client App TLS Gateway Build Config Policy Parent Message(what proved the user)
	KindJoin         // the target let us in: Peer PID Version TLS Credential
	KindClose        // the session ended: Outcome Code Message Took Rows(actions) Bytes
	KindQuery        // (action) a statement as text: Text Verdict Rule Epoch Actions Tables Columns Digest
	KindParse        // (step) a statement is prepared: Name Text Params(types only) and what Query sets
	KindBind         // (step) parameters are bound: Of(its Parse) Name Portal Params; see the note on MySQL
	KindExecute      // (action) a portal runs: Of(its Bind, else its Parse) Portal Name Params(MySQL) Verdict Rule Epoch
	KindCall         // (action) a function is called by its number: Text(the number) Params
	KindResult       // what came of an action or a step: Of Outcome Took Rows Bytes Code Message Text(command tags) Hash InsertID Warnings
	KindNotice       // the target, or the gateway, says something: Of Code Message; a NOTIFY: Name(channel) Message PID; a hold: Parent(the session)
	KindState        // the target reports a setting of the session: Name Text
	KindCancel       // (action) a cancel request was passed on: Of(what was running)
	KindData         // a record that was split goes on (Extend): Of Text Params Bytes(offset of Text); More: it still isn't whole
	KindExec         // (action) SSH: a program is run: Stream Name(exec, shell, subsystem) Text(the command) Verdict Rule Actions Programs Paths
	KindInput        // SSH: what was typed: Stream Bytes(how much); what of it was shown: Of(the first) Text Message; see the note on screens
	KindOutput       // SSH: what was shown: Stream Text; Stderr, Terminal
	KindResize       // SSH: the window changed: Stream Rows(lines) Bytes(columns); of a terminal's first: Name(its TERM)
	KindFile         // (action) SSH: a file operation: Stream Name(open, remove, ...) Text(path) Params(second path, mode) Verdict Rule Actions Paths
	KindForward      // (action) a connection through this one: Stream Name(the protocol's word) Text(host:port) Verdict Rule
	KindGap          // records are missing here, and why: Rows(how many) Message
	KindRedact       // a payload was erased: Parent(the session) Of(its Seq there) Message(the reason)
	KindCommand      // (action) the protocol's own command, without a statement: Name(its word) Text Params Verdict Rule
	KindSignal       // SSH: a signal or a break was sent: Stream Name
	KindLine         // SSH: a command line as the screen showed it when Enter was sent, judged: Stream Text Verdict Rule Programs; see the note on screens
	KindScreen       // SSH: what a screen came to show, derived: Stream Name(text or frame) Text; see the note on screens
	kindEnd
)

// MySQL's commands as records: QUERY is a KindQuery, whose Params are query attributes. STMT_PREPARE is a KindParse.
// STMT_EXECUTE is a KindExecute that has the parameters itself, and behind them query attributes; its Name is the statement's
// id in decimal, its Of the first Bind with long data for it or, where there is none, the Parse. STMT_SEND_LONG_DATA is a
// KindBind, or several: Of(the Parse) Portal(the number of the parameter, from 0) Params(that one). All Binds of a Parse
// between that which an Execute names and the Execute are of it: those of one parameter are put together, and stand for its
// value in the Execute. A FETCH is a KindExecute with the Portal "cursor". MariaDB's BULK_EXECUTE is one with the Portal
// "bulk" and the parameters of all rows, one row behind the other. All else is a KindCommand: Name(init_db, ...) Text(its
// object). KindState tells sql_mode and character_set_client from the session's beginning on: texts can't be read without.
//
// A QUERY of several statements, or one that calls a procedure, has one Result with the sums; its InsertID is the last that
// there was, its Text what the server said of each ("Rows matched: 1  Changed: 1  Warnings: 0"), "; " between them.

// A terminal as records: each read of input is a KindInput with its count, before the target sees it. Its text follows in a
// KindInput whose Of names the first, when its echo came back; what was not echoed is told as a count in the Message. A
// KindLine is the command line that the screen showed when Enter was sent, whatever was typed to get there. A KindScreen is
// derived from the KindOutputs before it: "text" is lines that the screen came to show, joined over packets, without escapes;
// "frame" is the whole screen as bytes that paint it, for a player to begin at, with its size as in a KindResize.

// The names of a KindScreen.
const (
	ScreenText  = "text"
	ScreenFrame = "frame"
)

// The portals of MySQL's executions that aren't plain.
const (
	PortalCursor = "cursor" // it goes on with the rows of one before
	PortalBulk   = "bulk"   // it has the parameters of many rows
)

// KindLast is the last kind that this gatefold knows.
const KindLast = kindEnd - 1

// Action reports whether k is asked, and so ends in exactly one Result.
func (k Kind) Action() bool {
	switch k {
	case KindQuery, KindExecute, KindCall, KindCancel, KindExec, KindFile, KindForward, KindCommand:
		return true
	}
	return false
}

// Verdict is the policy's word on an action or on a session's opening.
type Verdict uint8

// None where nothing was asked. Wait never stays in a record: it becomes Allow or Deny.
const (
	VerdictNone Verdict = iota
	VerdictAllow
	VerdictDeny
	VerdictWait
	verdictEnd
)

// Outcome is how an action or a session ended.
type Outcome uint8

const (
	OutcomeNone      Outcome = iota
	OutcomeDone              // the target did it
	OutcomeFailed            // the target said no: Code, Message
	OutcomeRefused           // gatefold said no; the target never saw it
	OutcomeSkipped           // an earlier error in its pipeline: the target passed it over
	OutcomeCancelled         // it was running and was cancelled
	OutcomeUnknown           // the session ended first
	outcomeEnd
)

// Flags are bits of a record's envelope.
type Flags uint32

const (
	FlagMore      Flags = 1 << iota // the value goes on in the next KindData record of this session
	FlagMasked                      // a secret in Text was masked before the journal
	FlagUnread                      // Text was not parsed: too long, or it does not parse, or may be read in two ways
	FlagSuspended                   // Result: the portal has more rows (a row limit was reached)
	FlagSimple                      // Result: one of several of a simple Query's statements
	FlagStderr                      // Output: on the second stream
	FlagTerminal                    // Output: of a terminal; what it came to show is told by KindScreens
)

// The formats of a Param. Values are part of the format.
const (
	FormatText   = 0 // as text
	FormatBinary = 1 // PostgreSQL's binary form of its type
	FormatMySQL  = 2 // a value of MySQL's binary protocol, without the length before it
)

// Bits of a MySQL parameter's type, beside the type's number. The latter two are MariaDB's, of a bulk execution, and stand in
// for a value: then Null is set, too.
const (
	UnsignedType = 0x8000
	DefaultType  = 0x4000 // the column's default
	IgnoreType   = 0x2000 // the column is left as it is
)

// Param is one parameter of a Bind, a Call or an Execute, or, in a Parse, the type of one.
type Param struct {
	Type   uint32 // the protocol's own type number (Postgres: OID; MySQL: its type byte and bits); 0: not told
	Format uint8  // FormatText, FormatBinary, FormatMySQL
	Null   bool
	Value  []byte // borrowed, as Record.Text
}

// Record is one line of the evidence, passed by value. Slices are borrowed: the callee copies what it keeps.
// Fields come in two parts that are encoded and hashed apart, so that a payload can be erased and all else
// still verifies. A zero value is "not told" in every field.
type Record struct {
	// The envelope.

	Session ID
	Seq     uint64  // 0,1,2... in the session, the order of release; a gap is proof of loss
	Of      uint64  // Seq of the record that this one answers or builds on; 0: none (0 is always Open)
	At      int64   // unix nanoseconds, wall clock; order is Seq, never At
	Took    int64   // nanoseconds, monotonic, from asking to the last of the answer
	Rows    uint64  // Result: rows returned or affected; Close: actions in the session
	Bytes   uint64  // Result: bytes of rows returned or of COPY content; Data: offset in the value
	Length  uint64  // bytes of the whole value where Text or a parameter is not kept whole here
	Stream  uint32  // SSH channel; 0 for SQL
	Epoch   uint32  // policy in force
	Kind    Kind    //
	Verdict Verdict //
	Outcome Outcome //
	Flags   Flags   //
	Code    []byte  // SQLSTATE or another code of the protocol

	InsertID uint64 // Result: the number that the target gave to the first new row (MySQL)
	Warnings uint64 // Result: warnings that the target counted (MySQL)

	// The payload.

	Text    []byte   // statement, command, command tag, value
	Params  []Param  //
	Name    []byte   // prepared statement; State: the setting
	Portal  []byte   //
	Message []byte   // error or notice in the target's or the gateway's words
	Hash    []byte   // SHA-256 of content that is counted and not kept
	Digest  uint64   // fingerprint of the statement without its literals
	Rule    string   // the policy rule that decided
	Actions []string // what the statement does: select, insert, ...
	Tables  []string // schema.table as written, lower case where not quoted
	Columns []string //

	Programs []string // that a command line runs, in any branch: as written and, where that has a folder, without it
	Paths    []string // that a file operation or a command line touches: clean, from / or, where it begins at home, from ~

	// Payload of Open and Join.

	User       string
	Account    string
	Target     string
	Database   string
	Protocol   string
	Client     string // the client's address and port
	App        string // what the client calls itself
	TLS        string // version and cipher; empty: plaintext
	Gateway    string // its configured name
	Build      string // its version
	Config     string // hash of the configuration in force
	Policy     string // hash of the policy in force
	Credential string // version of the credential used; never the secret
	Peer       string // the target's address and port
	PID        uint64 // the target's own name for the session
	Version    string // the target's version
	Parent     ID     // the session this one came out of

	// Erased is the commitment to a payload that was erased: then it is all that there is of it. Borrowed.
	Erased []byte
}

// Session is a session's line in a store's directory: what its Open, Join and Close say, and how far it got.
type Session struct {
	ID       ID
	Parent   ID
	User     string
	Account  string
	Target   string
	Database string
	Protocol string
	Client   string
	App      string
	PID      uint64
	Opened   int64   // unix nanoseconds
	Closed   int64   // unix nanoseconds; 0: still open
	Outcome  Outcome // None while it is open
	Verdict  Verdict // Deny: it was never let in
	Message  string  // why it ended
	Last     uint64  // Seq of the last record
	Actions  uint64  // actions so far
	Head     Hash    // chain value after Last
	Secret   Secret  // the salts of its payloads come from it; never shown
}
