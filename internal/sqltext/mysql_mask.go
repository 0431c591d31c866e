package sqltext

import "bytes"

// mysqlSecretCalls are MySQL's functions whose literals are passwords or keys.
var mysqlSecretCalls = map[string]bool{
	"aes_encrypt": true, "aes_decrypt": true, "des_encrypt": true, "des_decrypt": true, "encode": true, "decode": true,
	"encrypt": true, "old_password": true, "kdf": true, "create_asymmetric_priv_key": true, "asymmetric_encrypt": true,
	"asymmetric_decrypt": true, "asymmetric_sign": true,
}

// mysqlMaskIndex finds what may be a secret in a text of MySQL.
var mysqlMaskIndex = indexOf(append(secretWords[:], "://", "crypt", "encode", "decode", "kdf", "asymmetric", "identified",
	"token", "jwt", "bearer", ".key", "_key", "\\")...)

// MaskMySQL is MaskPostgres for a text of MySQL or MariaDB. It takes for secrets, beside what announces itself there: all
// literals behind IDENTIFIED, those behind the = of SET PASSWORD, and the arguments of functions that encrypt. What is
// announced in a comment is masked too, since a comment that one version skips another runs.
func MaskMySQL(r Reading, text []byte) []byte {
	if !mysqlMaskIndex.find(text) {
		return nil
	}
	m := masker{lexer: lexer{text: text}, mysql: &mlexer{r: r, text: text}}
	return m.run()
}

// next is the next token, of whichever lexer reads.
func (m *masker) next() token {
	if m.mysql == nil {
		return m.lexer.next()
	}
	t := m.mysql.next()
	m.gap(t)
	m.before = t.end
	out := token{start: t.start, end: t.end}
	switch t.kind {
	case mEOF:
		out.kind = kEOF
	case mWord:
		out.kind = kWord
	case mIdent, mVar, mSystem:
		out.kind = kIdent
	case mString, mHex:
		out.kind = kString
	case mNumber:
		out.kind = kNumber
		if c := m.lexer.text[t.start:t.end]; len(c) > 1 && (c[1] == 'x' || c[1] == 'b') {
			out.kind = kString
		}
	case mBad:
		out.kind = kEOF
		m.rest(t.start)
	default:
		out.kind = kOp
		if bytes.IndexByte([]byte("()[]{},;."), m.lexer.text[t.start]) >= 0 {
			out.kind = kPunct
		}
	}
	return out
}

// gap masks what a comment before t announces.
func (m *masker) gap(t mtoken) {
	gap := m.lexer.text[m.before:max(t.start, m.before)]
	if !bytes.ContainsAny(gap, "'\"") || !hasSecretWord(gap) && !accountIndex.find(gap) {
		return
	}
	m.replace(token{start: m.before, end: t.start}, []byte(" /* "+Mask+" */ "))
}

var accountIndex = indexOf("identified")

// rest masks all from start on, which can't be read, if a secret may be in it.
func (m *masker) rest(start int) {
	rest := m.lexer.text[start:]
	if !m.armed && !m.account && m.call == 0 && !m.row.secret() && !hasSecretWord(rest) && !accountIndex.find(rest) {
		return
	}
	m.replace(token{start: start, end: len(m.lexer.text)}, []byte(Mask))
}

// accounts masks the literals behind IDENTIFIED and SET PASSWORD, and reports whether t was one. With ANSI_QUOTES double
// quotes hold a name, but who writes them here has typed a password.
func (m *masker) accounts(t token, piece []byte) bool {
	switch {
	case t.kind == kWord && isWord(t.kind, piece, "identified"):
		m.account = true
	case t.kind == kOp && m.setPassword:
		m.account = true
	case t.kind == kWord && m.words == 1 && m.set && isWord(t.kind, piece, "password"):
		m.setPassword = true
	case m.account && t.kind == kString,
		t.kind == kIdent && piece[0] == '"' && (m.account || m.armed || m.call > 0 || m.mysqlSecret(piece)),
		m.typedIn && !isWord(t.kind, piece, "password", "random"):
		m.typedIn = false
		m.row.follow(kString, piece)
		m.replace(t, []byte(Mask))
		return true
	case m.account && (t.kind == kPunct && piece[0] == ',' || isWord(t.kind, piece, "require")):
		m.account = false
	}
	m.typedIn = m.account && isWord(t.kind, piece, "by") // what follows without quotes is a password all the same
	return false
}

// mysqlSecret reports whether a literal gives away that a secret is in it when its escapes are read, or a statement that
// has one.
func (m *masker) mysqlSecret(piece []byte) bool {
	if len(piece) < 2 {
		return false
	}
	raw := piece
	if c := raw[0] | 0x20; c == 'n' {
		raw = raw[1:]
	}
	if raw[0] != '\'' && raw[0] != '"' {
		return false
	}
	if bytes.IndexByte(raw, '\\') >= 0 && !m.mysql.r.NoBackslashEscapes {
		raw = []byte(unquote(raw, false))
	}
	return accountIndex.find(raw) || holdsSecret(raw)
}
