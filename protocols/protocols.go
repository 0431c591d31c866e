// Package protocols is the contract between a protocol and the gateway. A protocol (Postgres, MySQL, SSH) supplies
// a few verbs; the gateway owns the life of every session, so that no protocol can forget a step:
//
//	Accept -> Hello -> (open the record, admit, credential) -> Join -> Relay -> (close the record)
package protocols

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/scram"
	"github.com/gatefold/gatefold/internal/vault"
)

// Protocol makes a Conn of an accepted connection. It must not read from it: Hello does, under a deadline.
type Protocol interface {
	Accept(Origin) Conn
}

// Origin is where a connection comes from and what its listener knows.
type Origin struct {
	Conn      net.Conn       // the gateway closes it after Conn.Close
	Client    netip.AddrPort // who is there; behind a trusted PROXY protocol header, who it names
	TLS       *tls.Config    // server side, never nil
	Plaintext bool           // the listener allows this client to go on without TLS
	Target    string         // the listener's own target; empty: the login names it
	// Dial reaches the listener's own target without a credential, for what a server says of itself before anyone logs
	// in; nil where there is no such target.
	Dial func(context.Context) (net.Conn, error)
	// Announce is the server version that a listener without a target says before it is known who is there, in
	// protocols that say one; empty: the protocol's own choice.
	Announce string
	Keys     bool // SSH: keys and certificates alone prove users, no passwords
}

// Conn is one client connection's side of a protocol. Its methods are called in the order of the contract, one at
// a time, but for Close, which may come at any time and makes the others return.
type Conn interface {
	// Hello finds out who is there, proves it with auth, and returns what they want. The client has been told
	// nothing yet that commits the gateway: Refuse can still answer. ErrServed: the connection was a whole errand
	// (a cancel request) that is done. The context carries the deadline. After a Relay that ended in ErrAgain it is
	// called anew, and so are Join and Relay.
	Hello(ctx context.Context, auth Authenticator) (Request, error)
	// Join reaches the target by the route, logs in to it and tells the client that it is in. The credential is
	// wiped by the caller after Join.
	Join(ctx context.Context, route Route) (Joined, error)
	// Relay starts to move bytes until either side ends or ctx does (its cause is told to the client as Refuse
	// would). It may return before the end; done is called exactly once, when no goroutine of the relay is left
	// and nothing more will be asked or told. nil: both ended as they should. ErrAgain: the client stays and asks to
	// begin again, as another user perhaps; the target's connection is closed.
	Relay(ctx context.Context, s Session, done func(error))
	// Refuse tells the client, in the protocol's own words, why it goes no further. A *Error carries what may be
	// shown; of any other error only "internal error" is.
	Refuse(err error)
	// Close ends the client's connection and the target's.
	Close() error
}

// Authenticator answers what a protocol's login needs to know, for one connection.
type Authenticator interface {
	// Resolve splits a login name and database into who, which account, which target, which database. An error is
	// a *Error to refuse with after the proof (never before: it would tell who exists).
	Resolve(login, database string) (Login, error)
	// Verifier returns what proves the user. For a user unknown or disabled it is an invented one, the same each
	// time, that no password fits: a caller can't and must not tell the difference.
	Verifier(user string) scram.Verifier
	// Native returns SHA1(SHA1(password)), for clients that can prove it in no better way (mysql_native_password). nil:
	// none is kept of this user, which is the default.
	Native(user string) []byte
	// Certified reports whether the certificate chains that TLS verified prove the user by themselves. The listener's
	// configuration says whether any does.
	Certified(user string, chains [][]*x509.Certificate) bool
	// Keys returns the SSH public keys that prove the user, in wire form (RFC 4253, section 6.6). Empty for a user unknown
	// or disabled.
	Keys(user string) [][]byte
	// Authorities returns the SSH public keys, in wire form, whose certificates prove the users that they name.
	Authorities() [][]byte
	// Revoked reports whether an SSH public key or certificate, in wire form, proves nobody any more. It is asked again for
	// what a connection that stays open begins.
	Revoked(key []byte) bool
	// Factor reports whether the user has to prove a second factor after the password.
	Factor(user string) bool
	// Code reports whether code is the user's second factor now. A code is good once.
	Code(user, code string) bool
}

// Login is a login name taken apart. Empty: not given (the account then is the target's default).
type Login struct {
	User, Account, Target, Database string
}

// Request is what a proved client wants.
type Request struct {
	Login
	App string // application_name or what stands for it
	TLS string // "TLS1.3 TLS_AES_128_GCM_SHA256"; empty: plaintext
	// Proof is what proved the user, for the record, where there is more than one way: "publickey ssh-ed25519 SHA256:...".
	Proof string
}

// Route is the way to a target.
type Route struct {
	Session    record.ID
	Credential *vault.Credential                       // wiped by the caller after Join
	Dial       func(context.Context) (net.Conn, error) // to the target itself
	Database   string                                  // empty: the protocol's default
	TLS        *tls.Config                             // nil: plaintext is configured. Never falls back
	Floor      string                                  // the weakest authentication method that may be answered
	MaxText    int                                     // bytes of a statement; over it is refused
	// Fetch is the credential anew, for a second connection that ends what the session left running; the caller wipes it.
	// nil: there is none.
	Fetch func(context.Context) (*vault.Credential, error)
	SSH   SSHRoute // of an SSH server only
}

// Joined is what the target said of itself.
type Joined struct {
	Peer    string // address and port
	PID     uint64 // its own name for the session
	Version string
	TLS     string // empty: plaintext
}

// Session is the rest of the program, as a protocol knows it while relaying. Any goroutine may call it: records are in the
// order in which the calls got their turn.
type Session interface {
	// Ask proposes an action or a step before the target sees it: decides, numbers, appends its record. It never
	// blocks. Session, At, Epoch, Verdict, Rule and what the statement touches are filled in by the callee.
	Ask(Action) Answer
	// Tell records what came of it (Record.Of names the action), or what the target said unasked. Took is filled
	// in by the callee. What passes through a terminal or a program (Input, Output, Screen, Resize, Signal) waits where the
	// journal is full, for as long as the configuration lets it; all else never blocks. An error ends the session.
	Tell(record.Record) error
	// Sync returns when all that was asked and told before would survive what `durability` names. Call it before releasing
	// bytes.
	Sync() error
}

// Action is what Ask is asked.
type Action struct {
	Record record.Record
	// Facts are those that the answer to the Parse or declaration of this statement gave: set for an action that
	// runs a known statement, and then Record.Text need not be. nil: Text is to be read.
	Facts Facts
	// Reading is how the server reads Text now.
	Reading Reading
	// Unsure, when not empty, says why the server may read Text otherwise than gatefold does: it is then judged
	// as a statement that was not understood.
	Unsure string
	// Refused, when not nil, is why the protocol refuses the action by itself (a feature that it carries for nobody): it is
	// asked so that it is on record, and the answer is this.
	Refused *Error
}

// Dialect is the language of a server's statements.
type Dialect uint8

// The dialects. MariaDB and MySQL differ in what stands in their version comments and in much else.
const (
	DialectPostgres Dialect = iota
	DialectMySQL
	DialectMariaDB
)

// Reading is how a server reads a text: what decides where strings, comments and names begin and end in it, and what
// names mean. The zero value is PostgreSQL with its settings as they should be. What a session may have set that can't be
// said here goes into Action.Unsure.
type Reading struct {
	Dialect            Dialect
	Version            uint32 // of the server, for version comments: 101119 is MariaDB 10.11.19, 80036 MySQL 8.0.36
	ANSIQuotes         bool   // sql_mode: "a" is a name, not a string
	NoBackslashEscapes bool   // sql_mode: a backslash is one
	IgnoreSpace        bool   // sql_mode: names of functions are reserved
	FoldNames          bool   // lower_case_table_names is not 0: names of tables and schemas are the same in any case
	Latin1             bool   // the text is in latin1; else in UTF-8
	Schema             string // what a table's name without a schema is in; empty: none, or not in the statement's reading
}

// Facts is what the policy knows of a statement; opaque to protocols, kept with a prepared statement.
type Facts any

// Answer is what Ask says.
type Answer struct {
	Verdict record.Verdict // Allow, Deny, Wait
	Refusal *Error         // Deny: what to show
	Seq     uint64         // what a later Tell or Ask names in Of
	Facts   Facts          // to be given back
	// Ready delivers the final answer, once, where the verdict is Wait (the journal is full, an approval is
	// pending). Until then the relay reads nothing more from this client.
	Ready <-chan Answer
}
