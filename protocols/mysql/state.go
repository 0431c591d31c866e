package mysql

import (
	"bytes"
	"strings"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/protocols"
)

// sessionState is what decides how the target reads a statement, as it said itself when it was last asked.
type sessionState struct {
	dialect   protocols.Dialect // DialectMySQL or DialectMariaDB
	version   uint32            // 101119
	foldNames bool              // lower_case_table_names is not 0
	mode      []byte            // sql_mode: "STRICT_TRANS_TABLES,ANSI_QUOTES"
	charset   []byte            // character_set_client
	schema    []byte            // current; empty: none
	status    uint16            // status flags of the last OK
}

// stateQuery asks for what may change. It touches no table, and so begins no transaction.
const stateQuery = "SELECT @@sql_mode, @@character_set_client, DATABASE()"

// strange are words of sql_mode under which the server reads another language.
var strange = []string{"ORACLE", "MSSQL", "DB2", "MAXDB"}

// reading is the state as the rest of the program knows it; why, when not empty, says why it can't be put so.
func (s *sessionState) reading() (r protocols.Reading, why string) {
	r = protocols.Reading{Dialect: s.dialect, Version: s.version, FoldNames: s.foldNames, Schema: string(s.schema)}
	for word := range strings.SplitSeq(string(s.mode), ",") {
		switch word {
		case "ANSI_QUOTES":
			r.ANSIQuotes = true
		case "NO_BACKSLASH_ESCAPES":
			r.NoBackslashEscapes = true
		case "IGNORE_SPACE":
			r.IgnoreSpace = true
		}
		for _, other := range strange {
			if word == other {
				why = "sql_mode is " + other
			}
		}
	}
	r.Latin1 = string(s.charset) == "latin1"
	return r, why
}

// Reading is how a server of this version ("10.11.19-MariaDB", "8.0.36") reads texts under a sql_mode. why, when not empty,
// says why that can't be told.
func Reading(version, mode, schema string) (r protocols.Reading, why string) {
	s := sessionState{mode: []byte(strings.ToUpper(mode)), schema: []byte(schema)}
	s.dialect, s.version = dialectOf(version, false)
	return s.reading()
}

// narrow reports whether bytes over 0x7f in a text mean what they seem to: the character set is latin1 or of UTF-8.
// In another one a byte of a character may look like a quote or a backslash.
func (s *sessionState) narrow() bool {
	switch string(s.charset) {
	case "utf8mb4", "utf8mb3", "utf8", "latin1", "ascii", "binary":
		return true
	}
	return false
}

// marks are what a text's words tell of what it may do. They err to the side of too much: words in strings and comments
// count.
type marks uint8

const (
	marksState marks = 1 << iota // it may change how later texts are read, or the current schema
	marksLocal                   // it may ask for a file of the client's
	marksWide                    // it isn't all ASCII
)

// words are the words that mark a text. They can't be written otherwise but in another case, or with letters that the
// server's collation takes for the same: see markText. What a routine changes of sql_mode and character sets ends with it, and
// none may change the schema: CALL isn't among them.
var words = [...]struct {
	word string // lower case; "char" begins charset, character set and character_set_client
	mark marks
}{
	{"binlog", marksState},
	{"char", marksState},
	{"drop", marksState},
	{"execute", marksState},
	{"local", marksLocal},
	{"names", marksState},
	{"sql_mode", marksState},
	{"use", marksState},
}

// markText looks for marks in one pass.
func markText(text []byte) (m marks) {
	set, before := false, byte(' ')
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c >= 0x80:
			m |= marksWide
		case !letter(before):
			switch c | 0x20 {
			case 'b', 'c', 'd', 'e', 'l', 'n', 'u':
				m |= markWord(text[i:])
			case 's':
				set = set || hasWord(text[i:], "set")
				m |= markWord(text[i:])
			}
		}
		before = c
	}
	if m&marksWide != 0 && set { // `sql_modé` is sql_mode to the server
		m |= marksState
	}
	return m
}

func markWord(text []byte) marks {
	for i := range words {
		if w := &words[i]; w.word[0] == text[0]|0x20 && hasWord(text, w.word) {
			return w.mark
		}
	}
	return 0
}

// letter reports whether c goes on with a word: a letter, a digit, an underscore, or part of a longer character.
func letter(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c >= 0x80
}

// hasWord reports whether text begins with the word (lower case), in any case. "char" needs not end there.
func hasWord(text []byte, word string) bool {
	if len(text) < len(word) {
		return false
	}
	for i := range len(word) {
		if text[i]|0x20 != word[i] && text[i] != word[i] {
			return false
		}
	}
	return len(text) == len(word) || word == "char" || !letter(text[len(word)])
}

// diagnostic reports whether text asks about the statement before it, which a question of ours would disturb, and is so
// plain that it reads alike under all settings.
func diagnostic(text []byte) bool {
	text = bytes.TrimSpace(text)
	for _, c := range text {
		if !letter(c) && c != ' ' && c != '(' && c != ')' && c != '*' || c >= 0x80 {
			return false
		}
	}
	for _, begin := range [...]string{"select row_count()", "select found_rows()", "show warnings", "show errors", "show count"} {
		if len(text) >= len(begin) && strings.EqualFold(string(text[:len(begin)]), begin) {
			return len(text) < 64
		}
	}
	return false
}

// unsure says why the server may read a text with these marks otherwise than it stands there; empty: it can't.
func (m *machine) unsure(found marks) string {
	switch {
	case m.blind:
		return "the target did not tell its settings when it was asked"
	case m.strange != "":
		return m.strange
	case found&marksWide != 0 && !m.state.narrow():
		return "character_set_client is " + string(m.state.charset) + " and the text is not ASCII"
	}
	return ""
}

// learn takes the answer to stateQuery: one row of three values.
func (m *machine) learn(row []byte) bool {
	r := body{b: row}
	mode, charset := r.lenencText(), r.lenencText()
	var schema []byte
	if len(r.b) == 1 && r.b[0] == answerFile { // NULL
		r.b = nil
	} else {
		schema = r.lenencText()
	}
	if !r.done() {
		return false
	}
	m.tellState("sql_mode", &m.state.mode, mode)
	m.tellState("character_set_client", &m.state.charset, charset)
	m.tellState("schema", &m.state.schema, schema)
	m.dirty = false
	m.reading, m.strange = m.state.reading()
	return true
}

// tellState keeps a setting, and records it where it is another than before. That it can't be recorded is found out by
// whatever is asked next.
func (m *machine) tellState(name string, kept *[]byte, now []byte) {
	if bytes.Equal(*kept, now) {
		return
	}
	*kept = bytes.Clone(now)
	m.told = m.s.Tell(record.Record{Kind: record.KindState, Name: []byte(name), Text: now})
}
