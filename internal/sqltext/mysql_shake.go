package sqltext

import (
	"bytes"
	"errors"
	"strings"
)

// shake is what a statement may have changed of how the rest of its packet is read. The state that the protocol knows is
// that from before the packet.
type shake uint8

const (
	steady   shake = iota
	quoting        // the character set or the plain modes: what reads alike under all of them passes
	anything       // the grammar itself
)

var errShaken = errors.New("a statement before it in the same text may change how it is read")

// allows returns an error for a statement that may be read in another way than it is read here.
func (k shake) allows(s mstmt) error {
	if k == steady || k == quoting && s.alike() {
		return nil
	}
	return errShaken
}

// alike reports whether a statement means the same under every character set and sql_mode but those that change the
// grammar: it is ASCII, with no backslash, no double quote, and no gap before a bracket.
func (s mstmt) alike() bool {
	if len(s.toks) == 0 {
		return true
	}
	from, to := s.toks[0].start, s.toks[len(s.toks)-1].end
	for _, c := range s.text[from:to] {
		if c >= 0x80 || c == '\\' || c == '"' {
			return false
		}
	}
	for i := 1; i < len(s.toks); i++ {
		if s.toks[i].gap && s.op(i, "(") && s.toks[i-1].kind == mWord && gapped[s.word(i-1)] {
			return false
		}
	}
	return true
}

// shakes are the variables that change how a text is read.
func shakes(name string, value []byte) shake {
	switch name {
	case "character_set_client", "character_set_connection", "collation_connection", "charset", "names":
		return quoting
	case "sql_mode":
		for _, mode := range [...]string{"oracle", "mssql", "db2", "maxdb", "postgresql", "mysql323", "mysql40", "ansi"} {
			if bytes.Contains(bytes.ReplaceAll(lower(nil, value), []byte("ansi_quotes"), nil), []byte(mode)) {
				return anything
			}
		}
		return quoting
	case "old_mode":
		return anything
	}
	return steady
}

// charset is what setting a character set or collation shakes, whose name stands in s. swe7 has letters where ASCII has
// quotes, operators and the backslash; of no other character set is it known that one of these is lost in it.
func (s mstmt) charset() shake {
	for i := range s.toks {
		switch s.at(i).kind {
		case mWord, mString, mOp:
			if strings.Contains(strings.ToLower(s.value(i)), "swe7") {
				return anything
			}
		default:
			return anything // a variable, a number
		}
	}
	return quoting
}

// gapped are the functions that are the server's own only where their bracket follows at once (without IGNORE_SPACE).
var gapped = map[string]bool{
	"adddate": true, "bit_and": true, "bit_or": true, "bit_xor": true, "cast": true, "count": true, "curdate": true,
	"curtime": true, "date_add": true, "date_sub": true, "extract": true, "group_concat": true, "json_arrayagg": true,
	"json_objectagg": true, "max": true, "mid": true, "min": true, "now": true, "position": true, "session_user": true,
	"std": true, "stddev": true, "stddev_pop": true, "stddev_samp": true, "subdate": true, "substr": true,
	"substring": true, "sum": true, "sysdate": true, "system_user": true, "trim": true, "trim_oracle": true,
	"variance": true, "var_pop": true, "var_samp": true, "st_collect": true, "median": true,
}
