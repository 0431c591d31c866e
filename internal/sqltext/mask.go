package sqltext

import "bytes"

// Mask stands in a text where a secret was. Its length tells nothing of the secret's.
const Mask = "'***'"

// maxNest is how deep bodies in dollar quotes are looked into; deeper ones are masked whole.
const maxNest = 3

// secretWords are what a name of a secret contains. A literal that such a name announces is masked.
var secretWords = [...]string{
	"password", "passwd", "passphrase", "passcode", "pwd", "secret", "credential",
	"apikey", "api_key", "access_key", "private_key", "access_token", "auth_token", "api_token", "refresh_token",
	"session_token",
}

// secretCalls are functions whose literals are passwords or keys (extension pgcrypto).
var secretCalls = map[string]bool{
	"crypt": true, "hmac": true, "encrypt": true, "decrypt": true, "encrypt_iv": true, "decrypt_iv": true,
	"pgp_sym_encrypt": true, "pgp_sym_decrypt": true, "pgp_sym_encrypt_bytea": true,
	"pgp_sym_decrypt_bytea": true, "pgp_pub_decrypt": true, "pgp_pub_decrypt_bytea": true,
}

// MaskPostgres returns the text with every literal that may be a secret replaced by Mask, nil where there is none.
// It needs no text that parses. What it takes for a secret: a literal announced by a name like PASSWORD (with
// =, TO, IN, a function's call between, or by its place in a list of columns), by IDENTIFIED BY, or in CREATE or ALTER ROLE, USER and GROUP wherever it stands (but
// VALID UNTIL and SET); an argument of pgcrypto's functions; and a literal that holds a connection string with a
// password in it. Bodies in dollar quotes are read as texts of their own.
func MaskPostgres(text []byte) []byte {
	if !mayHoldSecret(text) {
		return nil
	}
	m := masker{lexer: lexer{text: text}}
	return m.run()
}

// masker reads tokens and remembers what they announce.
type masker struct {
	lexer lexer
	mysql *mlexer // reads in place of lexer; nil: the text is PostgreSQL's
	nest  int
	out   []byte // nil until something was masked
	done  int    // text[:done] is in out

	armed  bool // the next literal is a secret
	parens int  // open since armed, or since the call began
	typed  bool // after ::, a type's name
	call   int  // depth of parentheses inside a secretCall; 0: outside
	ready  bool // the last word named a secretCall
	called bool // the last word, if it names a function, is given the secret
	dot    bool // a dot follows that word
	row    row
	until  bool // the last word was UNTIL

	words       int  // of this statement so far
	first       bool // it begins with CREATE or ALTER
	role        bool // ... ROLE, USER, GROUP
	setting     bool // ... SET: what follows is a setting, secret only by its name
	set         bool // it begins with SET
	by          bool // the last word was IDENTIFIED
	option      bool // the last word was PASSWORD, an option of a ROLE
	after       bool // the last token was the string after it
	account     bool // MySQL: behind IDENTIFIED, or the = of SET PASSWORD: every literal is a secret
	setPassword bool // MySQL: the statement is SET PASSWORD
	typedIn     bool // MySQL: the last word was the BY of IDENTIFIED BY
	before      int  // MySQL: where the last token ended
}

func (m *masker) run() []byte {
	for t := m.next(); t.kind != kEOF; t = m.next() {
		piece := m.lexer.text[t.start:t.end]
		if m.mysql != nil && m.accounts(t, piece) {
			continue
		}
		if (m.option || m.after) && m.unquoted(t, piece) {
			break
		}
		if m.mysql != nil && isWord(t.kind, piece, "value") {
			m.row.follow(t.kind, []byte("values"))
		} else {
			m.row.follow(t.kind, piece)
		}
		switch t.kind {
		case kString:
			m.literal(t, piece)
		case kWord, kIdent:
			m.name(t.kind, piece)
		case kPunct:
			m.punct(piece[0])
		case kOp:
			m.typed = string(piece) == "::"
			m.ready, m.called = false, false
		default:
			m.armed, m.ready, m.called = false, false, false
		}
	}
	if m.out == nil {
		return nil
	}
	return append(m.out, m.lexer.text[m.done:]...)
}

// unquoted masks all that follows PASSWORD in CREATE or ALTER ROLE where no string does: it won't parse, but someone who
// forgot the quotes, or took double ones, has typed a password. So has who goes on after the string with what is no option.
func (m *masker) unquoted(t token, piece []byte) bool {
	after := m.after
	m.option, m.after = false, false
	switch {
	case t.kind == kString:
		m.after = true
		return false
	case t.kind == kPunct && (after || piece[0] == ';'):
		return false
	case !after && (t.kind == kParam || len(piece) == 4 && equalFold(piece, "null")):
		return false
	case after && t.kind == kWord && roleOptions[string(bytes.ToLower(piece))]:
		return false
	}
	t.end = len(m.lexer.text)
	m.replace(t, []byte(Mask))
	m.lexer.pos = t.end
	return true
}

// roleOptions are the words that may follow a password in CREATE and ALTER ROLE.
var roleOptions = map[string]bool{
	"superuser": true, "nosuperuser": true, "createdb": true, "nocreatedb": true, "createrole": true,
	"nocreaterole": true, "createuser": true, "nocreateuser": true, "inherit": true, "noinherit": true, "login": true,
	"nologin": true, "replication": true, "noreplication": true, "bypassrls": true, "nobypassrls": true,
	"connection": true, "encrypted": true, "unencrypted": true, "password": true, "valid": true, "in": true, "role": true,
	"admin": true, "user": true, "group": true, "sysid": true, "uescape": true,
}

// literal masks a string if it was announced or gives itself away.
func (m *masker) literal(t token, piece []byte) {
	until := m.until
	m.until, m.ready, m.by, m.called = false, false, false, false
	switch {
	case m.armed || m.call > 0 || m.row.secret() || m.role && !m.setting && !until:
		m.replace(t, []byte(Mask))
	case t.dollar:
		m.body(t, piece)
	case m.mysql != nil && m.mysqlSecret(piece), holdsSecret(piece), m.mysql == nil && escaped(piece):
		m.replace(t, []byte(Mask))
		if m.mysql != nil && accountIndex.find(piece) {
			m.armed, m.parens = true, 1 // CONCAT('... IDENTIFIED BY ', QUOTE('...'))
		}
	case (len(piece) <= 64 || bytes.IndexByte(piece, '%') >= 0) && hasSecretWord(piece):
		m.armed, m.parens = true, 1 // set_config('app.password', ...), format('... PASSWORD %L', ...)
	}
}

// body looks into a literal in dollar quotes, a text of its own.
func (m *masker) body(t token, piece []byte) {
	tag := bytes.IndexByte(piece[1:], '$') + 2
	if len(piece) < 2*tag || !bytes.HasSuffix(piece, piece[:tag]) { // not terminated
		tag = min(tag, len(piece))
		if hasSecretWord(piece[tag:]) {
			m.replace(t, []byte(Mask))
		}
		return
	}
	inner := piece[tag : len(piece)-tag]
	if m.nest >= maxNest {
		if hasSecretWord(inner) {
			m.replace(t, []byte(Mask))
		}
		return
	}
	in := masker{lexer: lexer{text: inner}, nest: m.nest + 1}
	masked := in.run()
	if masked == nil {
		if holdsSecret(inner) {
			m.replace(t, []byte(Mask))
		}
		return
	}
	whole := append(append(bytes.Clone(piece[:tag]), masked...), piece[:tag]...)
	m.replace(t, whole)
}

func (m *masker) replace(t token, with []byte) {
	m.out = append(m.out, m.lexer.text[m.done:t.start]...)
	if n := len(m.out); n > 0 && (m.out[n-1] == '\'' || m.out[n-1] == '&' || isWordPart(m.out[n-1])) {
		m.out = append(m.out, ' ') // or it would be read as one with what is before
	}
	m.out = append(m.out, with...)
	m.done = t.end
}

// name follows the words of a statement.
func (m *masker) name(k kind, piece []byte) {
	var buf [24]byte
	word := ""
	if k == kWord && len(piece) <= len(buf) {
		word = string(lower(buf[:0], piece))
	}
	m.statement(word)
	typed := m.typed
	m.typed, m.ready, m.until = false, secretCalls[word] || m.mysql != nil && mysqlSecretCalls[word], word == "until"
	by := m.by
	m.by = word == "identified"
	m.option = m.role && !m.setting && m.words > 3 && word == "password"
	called := m.called && m.dot
	m.called, m.dot = false, false
	switch {
	case hasSecretWord(piece), by && word == "by", m.set && hasTokenWord(piece):
		m.armed, m.parens = true, 0
	case !m.armed:
		m.called = called
	case typed, connects(word):
	default:
		m.armed, m.called = false, true // password = md5('...')
	}
}

// statement knows CREATE and ALTER ROLE, USER and GROUP.
func (m *masker) statement(word string) {
	m.words++
	switch {
	case m.words == 1:
		m.first, m.set = word == "create" || word == "alter", word == "set"
	case m.mysql != nil:
	case m.words == 2 && m.first:
		m.role = word == "role" || word == "user" || word == "group"
	case m.role && word == "set":
		m.setting = true
	}
}

// connects reports whether a word may stand between the name of a secret and its value.
func connects(word string) bool {
	switch word {
	case "to", "as", "by", "is", "in", "not", "like", "ilike", "similar", "distinct", "from", "any", "all",
		"array", "values", "default", "text", "varchar", "binary":
		return true
	}
	return false
}

func (m *masker) punct(c byte) {
	ready, called := m.ready, m.called
	m.ready, m.called = false, false
	switch c {
	case ';':
		*m = masker{lexer: m.lexer, mysql: m.mysql, nest: m.nest, out: m.out, done: m.done, before: m.before}
	case '(', '[':
		if called && c == '(' {
			m.armed, m.parens = true, 0
		}
		m.open(c == '(' && ready)
	case ')', ']':
		m.close()
	case ',':
		m.armed = m.armed && m.parens > 0
	case '.':
		m.armed, m.called, m.dot = false, called, called
	default:
		m.armed = false
	}
}

func (m *masker) open(call bool) {
	if m.call > 0 || call {
		m.call++
	}
	if m.armed {
		m.parens++
	}
}

func (m *masker) close() {
	if m.call > 0 {
		m.call--
	}
	if m.armed {
		m.parens--
		m.armed = m.parens > 0
	}
}

// hasSecretWord reports whether p names a secret, in any case of letters, or holds a URL.
func hasSecretWord(p []byte) bool { return secretIndex.find(p) }

// mayHoldSecret reports whether the masker could find anything in a text.
func mayHoldSecret(p []byte) bool { return maskIndex.find(p) }

// wordIndex finds words by their first letter.
type wordIndex [256][]string

var (
	secretIndex = indexOf(append(secretWords[:], "://")...)
	tokenIndex  = indexOf("token", "jwt", "bearer", ".key", "_key")
	maskIndex   = indexOf(append(secretWords[:], "://", "crypt", "hmac", "identified", "role", "user", "group",
		"token", "jwt", "bearer", ".key", "_key", "\\")...)
)

// hasTokenWord reports whether the name of a setting is that of a secret. A column of that name may be none.
func hasTokenWord(p []byte) bool { return tokenIndex.find(p) }

// indexOf makes an index of words in lower case.
func indexOf(words ...string) *wordIndex {
	var x wordIndex
	for _, w := range words {
		x[w[0]] = append(x[w[0]], w)
		if w[0] >= 'a' && w[0] <= 'z' {
			x[w[0]&^0x20] = x[w[0]]
		}
	}
	return &x
}

// find reports whether p holds one of the words, in any case of letters.
func (x *wordIndex) find(p []byte) bool {
	for i, c := range p {
		words := x[c]
		if len(words) == 0 {
			continue
		}
		for _, w := range words {
			if len(p)-i >= len(w) && equalFold(p[i:i+len(w)], w) {
				return true
			}
		}
	}
	return false
}

func equalFold(p []byte, w string) bool {
	for i := range p {
		c := p[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != w[i] {
			return false
		}
	}
	return true
}

// holdsSecret reports whether a literal's content is of the form name = value with the name of a secret (libpq's
// connection string, JSON, a statement in a string), or a URL with a password.
func holdsSecret(p []byte) bool {
	if !hasSecretWord(p) {
		return false
	}
	for i := range p {
		for _, w := range secretWords {
			if len(p)-i < len(w) || !equalFold(p[i:i+len(w)], w) {
				continue
			}
			after := p[i+len(w):]
			rest := bytes.TrimLeft(after, " \t\r\n\"'\\")
			quoted := bytes.ContainsAny(after[:len(after)-len(rest)], "\"'")
			if len(rest) > 0 && (rest[0] == '=' || rest[0] == ':' || quoted) {
				return true
			}
		}
	}
	if at := bytes.Index(p, []byte("://")); at >= 0 {
		return bytes.ContainsRune(p[at:], '@')
	}
	return false
}

// maskRest masks a text that may be read in more ways than one: from the first quote on, if a secret may be in it.
func maskRest(text []byte) []byte {
	if !hasSecretWord(text) && !bytes.Contains(bytes.ToLower(text), []byte("identified")) &&
		!manages(text) {
		return nil
	}
	quote := bytes.IndexAny(text, `'"$`)
	if quote < 0 {
		return nil
	}
	return append(bytes.Clone(text[:quote]), Mask...)
}

// manages reports whether a text may be a CREATE or ALTER ROLE, USER or GROUP.
func manages(text []byte) bool {
	low := bytes.ToLower(text)
	for _, w := range [...]string{"role", "user", "group"} {
		if bytes.Contains(low, []byte(w)) && (bytes.Contains(low, []byte("create")) || bytes.Contains(low, []byte("alter"))) {
			return true
		}
	}
	return false
}
