package sqltext

import (
	"slices"
	"strings"
)

// cutInto takes SELECT's INTO out of a query, wherever it may stand: variables change nothing, a file of the server does.
func (m *mreader) cutInto(s mstmt) (mstmt, error) {
	at := -1
	for i := range s.toks {
		if s.is(i, "into") {
			if at >= 0 {
				return s, errForm
			}
			at = i
		}
	}
	if at < 0 {
		return s, nil
	}
	end := at + 1
	switch {
	case s.any(end, "outfile", "dumpfile") && s.at(end+1).kind == mString:
		m.effect("copy_to")
		m.effect("copy_file")
		m.copied = true
		end = s.pastFormat(end + 2)
	case s.at(end).kind == mVar:
		for end++; s.op(end, ",") && s.at(end+1).kind == mVar; end += 2 {
		}
	default:
		return s, errForm
	}
	cut := s
	cut.toks = append(slices.Clone(s.toks[:at]), s.toks[end:]...)
	return cut, nil
}

// pastFormat returns i behind the format of a file: CHARACTER SET, FIELDS, LINES.
func (s mstmt) pastFormat(i int) int {
	i = s.pastCharset(i)
	if s.any(i, "fields", "columns") {
		i = s.pastDelimiters(i + 1)
	}
	if s.is(i, "lines") {
		i = s.pastDelimiters(i + 1)
	}
	return i
}

func (s mstmt) pastCharset(i int) int {
	switch {
	case s.is(i, "character", "set"):
		return i + 3
	case s.is(i, "charset"):
		return i + 2
	}
	return i
}

func (s mstmt) pastDelimiters(i int) int {
	for {
		j := s.past(i, "optionally")
		if !s.any(j, "terminated", "enclosed", "escaped", "starting") || !s.is(j+1, "by") {
			return i
		}
		switch s.at(j + 2).kind {
		case mString, mHex, mNumber:
		default:
			return i
		}
		i = j + 3
	}
}

// loadText is LOAD DATA and LOAD XML, and LOAD INDEX INTO CACHE.
func (m *mreader) loadText(s mstmt) error {
	if !s.any(1, "data", "xml") {
		return m.plain(s, "server_admin")
	}
	i := s.past(2, "low_priority", "concurrent")
	file := "copy_file"
	if s.is(i, "local") {
		file, i = "load_local", i+1
	}
	if !s.is(i, "infile") || s.at(i+1).kind != mString {
		return errForm
	}
	actions := []string{"copy_from", "insert"}
	i += 2
	if s.is(i, "replace") {
		actions = append(actions, "delete")
	}
	i = s.past(i, "replace", "ignore")
	if !s.is(i, "into", "table") {
		return errForm
	}
	schema, name, i, err := s.name(i + 2)
	if err != nil {
		return err
	}
	m.effect(file)
	for _, a := range actions {
		m.note(a, m.full(schema, name))
	}
	return m.loaded(s.from(i))
}

// loaded reads what follows the table of LOAD DATA: its format, columns and SET.
func (m *mreader) loaded(s mstmt) error {
	i := 0
	if s.is(i, "partition") {
		if i = s.pastBrackets(i + 1); i < 0 {
			return errForm
		}
	}
	i = s.pastCharset(i)
	if s.is(i, "rows", "identified", "by") {
		i += 4
	}
	i = s.pastFormat(i)
	if s.is(i, "ignore") {
		i += 3
	}
	columns := 0
	if s.op(i, "(") {
		end := s.pastBrackets(i)
		for ; i < end; i++ {
			if s.isName(i) {
				m.columnOf("insert", s.value(i))
				columns++
			}
		}
	}
	if columns == 0 {
		m.columnOf("insert", "*")
	}
	if i == len(s.toks) {
		return nil
	}
	if !s.is(i, "set") {
		return errForm
	}
	for _, item := range s.from(i + 1).split() {
		if err := m.assignment(item, "insert"); err != nil {
			return err
		}
	}
	return nil
}

// assignment reads column = expression.
func (m *mreader) assignment(s mstmt, action string) error {
	eq := 1
	if s.op(1, ".") {
		eq = 3
	}
	if !s.isName(0) || !s.op(eq, "=") {
		return errForm
	}
	m.columnOf(action, s.value(eq-1))
	if len(s.toks) == eq+2 && s.is(eq+1, "default") {
		return nil
	}
	return m.values(s.from(eq+1), action)
}

// handlerText is HANDLER: a cursor on a table.
func (m *mreader) handlerText(s mstmt) error {
	schema, name, i, err := s.name(1)
	if err != nil {
		return err
	}
	switch {
	case s.is(i, "open"):
		m.effect("declare")
		m.note("declare", m.full(schema, name))
		m.note("select", m.full(schema, name))
		m.columnOf("select", "*")
		return nil
	case s.is(i, "close"):
		m.effect("close")
		return nil
	case s.is(i, "read"):
		return m.handlerRead(s.from(i + 1))
	}
	return errForm
}

// handlerRead is what follows HANDLER name READ: index comparison (values) WHERE condition LIMIT rows.
func (m *mreader) handlerRead(s mstmt) error {
	m.effect("fetch")
	limit := s.find(0, "limit")
	if limit < 0 {
		limit = len(s.toks)
	}
	where := s.find(0, "where")
	if where > limit {
		return errForm
	}
	if where >= 0 {
		if err := m.values(s.cut(where+1, limit), "fetch"); err != nil {
			return err
		}
	} else {
		where = limit
	}
	for i := range s.cut(0, where).toks {
		if !s.op(i, "(") {
			continue
		}
		end := s.pastBrackets(i)
		if end != where {
			return errForm
		}
		if err := m.values(s.cut(i+1, end-1), "fetch"); err != nil {
			return err
		}
		break
	}
	return m.plain(s.from(limit), "fetch")
}

// grantText is GRANT and REVOKE.
func (m *mreader) grantText(s mstmt) error {
	action := s.word(0)
	m.effect(action)
	to := s.find(1, "to", "from")
	on := s.find(1, "on")
	if s.holds("identified", "require", "account") {
		m.effect("role") // it may make a user, or give one another password
	}
	if on < 0 || to >= 0 && to < on || s.is(1, "proxy") {
		m.effect("role")
		return nil
	}
	for i := 1; i < on; i++ {
		if s.op(i, "(") || s.op(i, ",") && s.isName(i+1) && (s.op(i+2, ")") || s.op(i+2, ",")) {
			m.columnOf(action, s.value(i+1))
		}
	}
	if s.from(on).queries() {
		return errForm
	}
	i := s.past(on+1, "table", "function", "procedure", "package")
	i = s.past(i, "body")
	full, err := m.granted(s, i)
	if err != nil {
		return err
	}
	m.note(action, full)
	return nil
}

// granted reads what a privilege is on: *, *.*, schema.* or a name.
func (m *mreader) granted(s mstmt, i int) (string, error) {
	switch {
	case s.op(i, "*") && s.op(i+1, "."):
		return "*.*", nil
	case s.op(i, "*"):
		return m.full("", ""), nil
	case s.isName(i) && s.op(i+1, ".") && s.op(i+2, "*"):
		return m.full(strings.ReplaceAll(s.value(i), `\_`, "_"), ""), nil
	}
	schema, name, _, err := s.name(i)
	return m.full(schema, name), err
}
