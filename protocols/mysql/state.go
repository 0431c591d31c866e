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
	lossy     bool              // character_set_connection, in which PREPARE's text is for a moment, lacks some of ASCII
	status    uint16            // status flags of the last OK
}

// stateQuery asks for what may change. It touches no table, and so begins no transaction. The answer is of bytes: text would
// come in character_set_results, in which UTF-16 and letters that it lacks make other words and names of these.
const stateQuery = "SELECT CAST(@@sql_mode AS BINARY), CAST(@@character_set_client AS BINARY), CAST(DATABASE() AS BINARY)," +
	" CAST(@@character_set_connection AS BINARY)"

// swe7 is the one character set for clients that has letters where ASCII has something else (all were tried on MariaDB 10.11):
// the backslash, `, @, ^, ~, | and brackets.
const swe7 = "swe7"

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
	if s.foldNames {
		r.Schema = strings.ToLower(r.Schema) // lower_case_table_names=2 tells it as it was made
	}
	switch {
	case string(s.charset) == swe7:
		why = "character_set_client is swe7"
	case s.lossy:
		why = "character_set_connection is swe7"
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
	but  string // behind which it is something else; "(": a function's name or a type's
	mark marks
}{
	{"binlog", "", marksState},
	{"char", "(", marksState},
	{"collation_connection", "", marksState},
	{"database", "(", marksState}, // of DROP: where it is the current one, there is none any more
	{"execute", "", marksState},
	{"local", "", marksLocal},
	{"names", "", marksState},
	{"schema", "(", marksState},
	{"sql_mode", "", marksState},
	{"use", "index", marksState},
	{"use", "key", marksState},
}

// markText looks for marks in one pass.
func markText(text []byte) (m marks) {
	set, before := false, byte(' ')
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c >= 0x80:
			m |= marksWide
		case !letter(before) || before <= '9' && before >= '0' && versioned(text[:i]):
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

// versioned reports whether text ends with what begins a version comment, behind which a word begins: /*!50000 and its like.
func versioned(text []byte) bool {
	i := len(text)
	for i > 0 && text[i-1] >= '0' && text[i-1] <= '9' {
		i--
	}
	return i > 0 && text[i-1] == '!'
}

// markWord marks the word that text begins with. One with several exceptions has none of them.
func markWord(text []byte) (m marks) {
	for i := range words {
		w := &words[i]
		if w.word[0] != text[0]|0x20 || !hasWord(text, w.word) {
			continue
		}
		if m |= w.mark; w.but != "" && behind(text[len(w.word):], w.but) {
			return 0
		}
	}
	return m
}

// behind reports whether what follows white space is a bracket or a word.
func behind(text []byte, what string) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	if what == "(" {
		return len(text) > 0 && text[0] == '('
	}
	return hasWord(text, what)
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

// diagnostics are texts that ask about the statement before them, which a question of ours would disturb. They read alike
// under all settings, and name no table that could be another one in another schema.
var diagnostics = [...]string{
	"select row_count()", "select found_rows()", "show warnings", "show errors", "show count(*) warnings", "show count(*) errors",
}

// diagnostic reports whether text is one of them, to the letter but for case.
func diagnostic(text []byte) bool {
	text = bytes.TrimRight(bytes.TrimSpace(text), ";")
	for _, d := range diagnostics {
		if len(text) == len(d) && strings.EqualFold(string(text), d) {
			return true
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

// reread says why the server may read a prepared text otherwise than when it was prepared: it parses it again where a table has
// changed, under the settings of then (tried on MariaDB 10.11: the character set of then, the sql_mode and the schema of
// before). Empty: it can't.
func (m *machine) reread(s *statement) string {
	switch {
	case !s.touchy:
	case m.blind:
		return "the target did not tell its settings when it was asked"
	case s.charset != string(m.state.charset):
		return "character_set_client is another than when it was prepared"
	case s.mode != string(m.state.mode) && m.state.dialect == protocols.DialectMySQL:
		return "sql_mode is another than when it was prepared"
	}
	return ""
}

// touchy reports whether what text means depends on the settings that it is read under.
func (m *machine) touchy(text []byte, found marks) bool {
	return found&marksWide != 0 || m.state.dialect == protocols.DialectMySQL && bytes.ContainsAny(text, "\"\\(")
}

// learn takes the answer to stateQuery: one row of four values.
func (m *machine) learn(row []byte) bool {
	r := body{b: row}
	mode, charset := r.lenencText(), r.lenencText()
	var schema []byte
	if len(r.b) > 0 && r.b[0] == answerFile { // NULL
		r.byte()
	} else {
		schema = r.lenencText()
	}
	connection := r.lenencText()
	if !r.done() || len(charset) == 0 {
		return false
	}
	m.state.lossy = string(connection) == swe7
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
