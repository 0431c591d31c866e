package protocols

import "errors"

// ErrServed ends a Hello that was a whole errand: the connection is done and no session follows.
var ErrServed = errors.New("served")

// ErrAgain ends a Relay whose client stays: its session is over, and it asks for another on the same connection.
var ErrAgain = errors.New("begin again")

// Class is the kind of refusal. Each protocol maps it to its own code.
type Class uint8

const (
	ClassInternal    Class = iota // the gateway's fault
	ClassLogin                    // wrong user or password: says no more
	ClassDenied                   // policy says no
	ClassBadRequest               // the client broke the protocol or asked for nonsense
	ClassUnsupported              // a feature that gatefold refuses by name
	ClassTooMany                  // a limit on sessions is reached
	ClassTarget                   // the target is down, refuses us, or is unknown
	ClassNotRecorded              // not recorded, not run
	ClassTooLong                  // a statement over max_statement
	ClassShutdown                 // the gateway is draining or the session was killed
	ClassIdle                     // idle_timeout
	ClassTime                     // max_session, or a deadline in the login
)

// Error is a refusal: what the user may see, and the cause that only the operator does.
type Error struct {
	Class   Class
	Message string // lower case, one line
	Detail  string // may be empty
	Hint    string // what to do; may be empty
	Rule    string // the policy rule that refused; empty: none
	Cause   error  // for the log; never shown
}

func (e *Error) Error() string {
	if e.Cause != nil {
		return e.Message + ": " + e.Cause.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Cause }
