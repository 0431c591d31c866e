package mysql

// machineConfig is what a relay needs to know of its session when both logins are over.
type machineConfig struct {
	MaxText int          // bytes of a statement that is held whole to be judged; over it is refused. 0: 16 MiB
	Caps    capabilities // negotiated, the same with both sides
	State   sessionState // as the target told at login
	Attrs   []attribute  // connection attributes that the client sent, for the record
	// Find returns the target's thread of one of the user's own sessions on this target, which a KILL names by the id that
	// the client was given or by the target's CONNECTION_ID(); false: it is none of them.
	Find func(id uint64) (thread uint64, ok bool)
}

// attribute is one of a client's connection attributes ("_client_name", "program_name").
type attribute struct{ name, value []byte }
