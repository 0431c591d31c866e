package mysql

import "errors"

// What a session-state change tells of ("Session State Information").
const (
	trackVariable = 0
	trackSchema   = 1
)

var errOK = errors.New("an OK is malformed")

// okPacket is an OK ("OK_Packet"). Its slices point into the packet.
type okPacket struct {
	affected, insertID uint64
	status, warnings   uint16
	info               []byte
	changes            []byte // session-state changes; nil: none
}

// parseOK parses an OK, or what stands for an EOF where clientDeprecateEOF is agreed on.
func parseOK(payload []byte, caps capabilities) (ok okPacket, err error) {
	r := body{b: payload}
	if first := r.byte(); first != answerOK && first != answerEOF {
		return ok, errOK
	}
	ok.affected, ok.insertID = r.lenenc(), r.lenenc()
	ok.status, ok.warnings = r.uint16(), r.uint16()
	if !caps.has(clientSessionTrack) {
		ok.info = r.rest()
	} else if len(r.b) > 0 {
		ok.info = r.lenencText()
		if ok.status&statusStateChanged != 0 {
			ok.changes = r.lenencText()
		}
	}
	if r.bad {
		return ok, errOK
	}
	return ok, nil
}

// each calls variable and schema with what changed, and reports whether all of it could be read.
func eachChange(changes []byte, variable func(name, value []byte), schema func(name []byte)) bool {
	r := body{b: changes}
	for len(r.b) > 0 {
		kind := r.byte()
		data := body{b: r.lenencText()}
		switch kind {
		case trackVariable:
			for len(data.b) > 0 { // MySQL says one in an entry, MariaDB may say several
				name, value := data.lenencText(), data.lenencText()
				if data.bad {
					return false
				}
				variable(name, value)
			}
		case trackSchema:
			name := data.lenencText()
			if data.bad {
				return false
			}
			schema(name)
		}
	}
	return !r.bad
}
