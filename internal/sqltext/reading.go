package sqltext

// Dialect is the language of a text.
type Dialect uint8

// The dialects.
const (
	DialectPostgres Dialect = iota
	DialectMySQL
	DialectMariaDB
)

// Reading is how the server reads a text: its language and the settings that change what the text means. Two readings
// that are equal read alike. The zero value is PostgreSQL, whose session is not judged by its texts at all when
// standard_conforming_strings or client_encoding isn't what the grammar expects; the other fields are MySQL's.
type Reading struct {
	Dialect Dialect
	// Version of the server, as in its version comments: 80036 is MySQL 8.0.36, 101119 is MariaDB 10.11.19. 0: not
	// known, and then no text with a version comment is understood.
	Version uint32

	ANSIQuotes         bool // sql_mode ANSI_QUOTES: "a" is a name
	NoBackslashEscapes bool // sql_mode NO_BACKSLASH_ESCAPES
	IgnoreSpace        bool // sql_mode IGNORE_SPACE: count (*) calls count
	FoldNames          bool // lower_case_table_names is not 0: names of schemas and tables are in lower case
	Latin1             bool // character_set_client is latin1: a byte is a character
}

// Read reads a text as r says. text is not kept.
func Read(r Reading, text []byte) *Facts {
	if len(text) > MaxParse {
		return tooLong(text, MaxParse)
	}
	f, _ := read(r, text)
	return f
}

// read also tells whether the Facts hold for the literals in text only.
func read(r Reading, text []byte) (f *Facts, literal bool) {
	if r.Dialect == DialectPostgres {
		return postgres(text)
	}
	return mysqlText(r, text)
}

// templateOf is the template of a text in its dialect.
func templateOf(r Reading, dst, text []byte) (t []byte, ok bool) {
	if r.Dialect == DialectPostgres {
		return template(dst, text)
	}
	return mysqlTemplate(dst, text)
}
