package mysql

import "github.com/gatefold/gatefold/protocols"

// machineConfig is what a relay needs to know of its session when both logins are over.
type machineConfig struct {
	MaxText int          // bytes of a statement that is held whole to be judged; over it is refused. 0: 16 MiB
	Client  capabilities // negotiated with the client
	Server  capabilities // negotiated with the target: as with the client, but that session tracking is always on
	State   sessionState // as the target reported it at login
	Attrs   []attribute  // connection attributes that the client sent, for the record
	// Find returns the target's thread of one of the user's own sessions on this target, which a KILL names by the id that
	// the client was given or by the target's CONNECTION_ID(); false: it is none of them.
	Find func(id uint64) (thread uint64, ok bool)
}

// attribute is one of a client's connection attributes ("_client_name", "program_name").
type attribute struct{ name, value []byte }

// sessionState is what decides how the target reads a statement, as far as it tells.
type sessionState struct {
	dialect   protocols.Dialect // DialectMySQL or DialectMariaDB
	version   uint32            // 101119
	foldNames bool              // lower_case_table_names is not 0
	tracked   bool              // the target reports sql_mode, character_set_client and the schema by session tracking
	mode      []byte            // sql_mode: "STRICT_TRANS_TABLES,ANSI_QUOTES"
	charset   []byte            // character_set_client
	schema    []byte            // current; empty: none
	status    uint16            // status flags of the last OK
}
