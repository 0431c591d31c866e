package sqltext

import "bytes"

// skip passes over white space and comments, and enters and leaves version comments.
func (l *mlexer) skip(t *mtoken) (why string) {
	for l.pos < len(l.text) {
		c := l.text[l.pos]
		if isSpace(c) {
			l.pos++
			continue
		}
		switch {
		case c == '#', c == '-' && l.at1(1) == '-' && l.controls(2):
			l.line()
		case c == '/' && l.at1(1) == '*':
			if why := l.comment(); why != "" {
				return why
			}
		case c == '*' && l.at1(1) == '/' && l.inside:
			l.inside = false
			l.pos += 2
		default:
			return ""
		}
		t.spaces = false
	}
	return ""
}

// controls reports whether white space, a control character or the end stands so many bytes after the position: only
// then two dashes begin a comment.
func (l *mlexer) controls(n int) bool {
	c := l.at1(n)
	return c <= ' ' || c == 0x7f
}

// line passes over a comment to the end of its line. Only a line feed ends it.
func (l *mlexer) line() {
	end := bytes.IndexByte(l.text[l.pos:], '\n')
	if end < 0 {
		l.pos = len(l.text)
		return
	}
	l.pos += end + 1
}

// comment passes over a comment, or enters a version comment whose text is run. MariaDB runs /*!NNNNN and /*M!NNNNN, of
// five digits or six, up to its own version, but nothing of 50700 to 99999, versions of MySQL that it never was, unless
// an M says that it is meant (tried on 10.11.19; others skip only 50700 to 50799). MySQL knows no M and runs five digits
// up to its own version. Without five digits both run all of it, from the first digit on. A comment that is skipped may
// hold one level of comments; one that is none of these may not.
func (l *mlexer) comment() (why string) {
	maria := l.r.Dialect == DialectMariaDB
	i := 2
	marked := maria && l.at1(i) == 'M' && l.at1(i+1) == '!'
	if marked {
		i++
	}
	if l.at1(i) != '!' {
		return l.skipComment(2, false)
	}
	i++
	digits, version := 0, uint32(0)
	for digits < 6 && l.at1(i+digits) >= '0' && l.at1(i+digits) <= '9' {
		version = version*10 + uint32(l.at1(i+digits)-'0')
		digits++
	}
	if digits < 5 {
		l.pos += i
		l.inside = true
		return ""
	}
	switch {
	case l.r.Version == 0:
		return "it holds a version comment, and the server's version is not known"
	case !maria && digits > 5:
		return "a version comment has six digits, which not every MySQL reads alike"
	case maria && version == 99997:
		return "a version comment is one that Galera runs"
	case maria && !marked && version >= 50800 && version <= 99999 && l.r.Version < 101119:
		return "a version comment is one that not every MariaDB reads alike"
	}
	if version <= l.r.Version && (!maria || marked || version < 50700 || version > 99999) {
		l.pos += i + digits
		l.inside = true
		return ""
	}
	return l.skipComment(i, true)
}

// skipComment passes over a comment whose text begins so many bytes on. nested: it may hold comments.
func (l *mlexer) skipComment(n int, nested bool) (why string) {
	hint := l.r.Dialect == DialectMySQL && l.at1(2) == '+'
	start := l.pos
	for i := l.pos + n; i < len(l.text)-1; i++ {
		switch {
		case l.text[i] == '*' && l.text[i+1] == '/':
			l.pos = i + 2
			return l.hints(hint, l.text[start+n:i])
		case nested && l.text[i] == '/' && l.text[i+1] == '*':
			end := bytes.Index(l.text[i+2:], []byte("*/"))
			if end < 0 {
				l.pos = len(l.text)
				return "a comment is not closed"
			}
			i += 2 + end + 1
		}
	}
	l.pos = len(l.text)
	return "a comment is not closed"
}

// hints looks into MySQL's optimizer hints, which have quotes of their own and may set variables.
func (l *mlexer) hints(is bool, p []byte) (why string) {
	if !is {
		return ""
	}
	if bytes.ContainsAny(p, "'\"`\\/") {
		return "an optimizer hint holds quotes"
	}
	l.hint = l.hint || hintIndex.find(p)
	return ""
}

var hintIndex = indexOf("set_var", "resource_group")
