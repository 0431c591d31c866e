package sqltext

import "bytes"

// mysqlTemplate is template for MySQL and MariaDB. The plainest form is ASCII without a backslash, a double quote, a
// comment or what may begin one, a prefix before a string, or a number that is not digits with at most one dot: it reads
// alike under every sql_mode, and two texts with the same template differ in the values of literals alone. Names in
// backticks are kept as they are.
func mysqlTemplate(dst, text []byte) (t []byte, ok bool) {
	if len(text) > maxKey {
		return nil, false
	}
	for i := 0; i < len(text); {
		c := text[i]
		switch mysqlClasses[c] {
		case cWord:
			j := i + 1
			for j < len(text) && (mysqlClasses[text[j]] == cWord || mysqlClasses[text[j]] == cDigit) {
				j++
			}
			if j < len(text) && text[j] == '\'' {
				return nil, false // a prefix (N'', X'', _utf8'')
			}
			dst = append(dst, text[i:j]...)
			i = j
		case cDigit:
			if i = mysqlNumber(text, i); i < 0 {
				return nil, false
			}
			dst = append(dst, '0')
		case cQuote:
			from := i
			if i = plainString(text, i); i < 0 || accountIndex.find(text[from:i]) {
				return nil, false
			}
			dst = append(dst, '\'')
		case cTick:
			end := bytes.IndexByte(text[i+1:], '`')
			if end < 0 {
				return nil, false
			}
			dst = append(dst, text[i:i+end+2]...)
			i += end + 2
		case cPlain:
			if next := i + 1; next < len(text) && (c == '-' && text[next] == '-' || c == '/' && text[next] == '*' ||
				c == '*' && text[next] == '/' || c == '@' && text[next] == '\'') {
				return nil, false
			}
			dst = append(dst, c)
			i++
		default:
			return nil, false
		}
	}
	return dst, true
}

// mysqlNumber returns where the number at i ends; -1: not plain.
func mysqlNumber(text []byte, i int) int {
	if i > 0 && (text[i-1] == '.' || text[i-1] == '@' || text[i-1] == '`') {
		return -1
	}
	dots := 0
	for ; i < len(text); i++ {
		switch {
		case mysqlClasses[text[i]] == cDigit:
		case text[i] == '.' && dots == 0:
			dots++
		case text[i] == '.' || text[i] == '`' || mysqlClasses[text[i]] == cWord:
			return -1
		default:
			return i
		}
	}
	return i
}

const cTick = cPlain + 1

var mysqlClasses = func() (t [256]uint8) {
	for _, c := range []byte(" \t\n\r\f\v(),;.:+-*/<>=~!@%^&|?") {
		t[c] = cPlain
	}
	for c := range 256 {
		switch b := byte(c); {
		case b < 0x80 && (isWordStart(b) || b == '$'):
			t[c] = cWord
		case isDigit(b):
			t[c] = cDigit
		}
	}
	t['\''], t['`'] = cQuote, cTick
	return t
}()
