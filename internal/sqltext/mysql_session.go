package sqltext

import (
	"slices"
	"strings"
)

// setText is SET in all its forms.
func (m *mreader) setText(s mstmt) error {
	switch {
	case s.is(1, "statement"):
		return m.setStatement(s)
	case s.is(1, "role"):
		return m.plain(s, "set_role")
	case s.is(1, "default", "role"):
		return m.plain(s, "role")
	case s.is(1, "resource", "group"):
		return m.plain(s, "set")
	case s.is(1, "transaction"), s.any(1, "session", "local") && s.is(2, "transaction"):
		return m.plain(s, "set")
	case s.is(1, "global", "transaction"):
		return m.plain(s, "server_admin")
	}
	for _, item := range s.from(1).split() {
		if err := m.setItem(item); err != nil {
			return err
		}
	}
	return nil
}

// setStatement is MariaDB's SET STATEMENT variable = value, ... FOR statement.
func (m *mreader) setStatement(s mstmt) error {
	at := s.find(2, "for")
	if at < 0 || m.r.Dialect != DialectMariaDB {
		return errForm
	}
	for _, item := range s.cut(2, at).split() {
		if err := m.setItem(item); err != nil {
			return err
		}
	}
	if m.shaken != steady && !s.from(at+1).is(0, "select") {
		return errShaken // the statement may hold a text that is read when it runs
	}
	return m.statement(s.from(at + 1))
}

// setItem reads one assignment of SET.
func (m *mreader) setItem(s mstmt) error {
	switch {
	case s.any(0, "names", "charset") && !s.op(1, "="), s.is(0, "character", "set") || s.is(0, "char", "set"):
		m.literal = true
		m.shaken = max(m.shaken, s.charset())
		return m.plain(s, "set")
	case s.is(0, "password"):
		return m.plain(s, "role")
	}
	scope, i := "", 0
	if s.any(0, "global", "session", "local", "persist", "persist_only") && !s.op(1, "=") && !s.op(1, ":=") {
		scope, i = s.word(0), 1
	}
	switch {
	case s.at(i).kind == mVar:
		m.effect("set")
		return m.setValue(s, i+1, "")
	case s.at(i).kind == mSystem:
		parts := strings.Split(strings.ToLower(strings.ReplaceAll(string(s.raw(i))[2:], "`", "")), ".")
		if len(parts) > 1 {
			scope = parts[0]
		}
		return m.setVariable(s, i+1, scope, parts[len(parts)-1])
	case s.isName(i):
		_, name, next, err := s.name(i)
		if err != nil {
			return err
		}
		if next > i+1 {
			scope = "global" // of a key cache, or a connection of replication
		}
		return m.setVariable(s, next, scope, strings.ToLower(name))
	}
	return errForm
}

func (m *mreader) setVariable(s mstmt, i int, scope, name string) error {
	m.effect(setAction(scope, name))
	return m.setValue(s, i, name)
}

// setValue reads = value at i. name is the variable's; empty: one of the user's.
func (m *mreader) setValue(s mstmt, i int, name string) error {
	if !s.op(i, "=") && !s.op(i, ":=") {
		return errForm
	}
	value := s.from(i + 1)
	if strings.HasSuffix(name, "storage_engine") {
		m.engine(value)
	}
	if k := shakes(name, nil); k != steady {
		m.literal = true
		switch {
		case k == quoting && name != "sql_mode":
			k = value.charset()
		case k == quoting:
			k = anything
			if len(value.toks) == 1 && value.at(0).kind == mString {
				k = shakes(name, []byte(value.value(0)))
			}
		}
		m.shaken = max(m.shaken, k)
	}
	if len(value.toks) == 1 {
		return nil // a word, a literal, a variable
	}
	return m.values(value, "set")
}

// setAction is the action of setting a variable.
func setAction(scope, name string) string {
	switch scope {
	case "global", "persist", "persist_only":
		return "server_admin"
	case "", "session", "local":
	default:
		return "server_admin"
	}
	if slices.Contains(mysqlPowerful, name) {
		return "server_admin"
	}
	return "set"
}

// mysqlPowerful are settings of a session, most of them for administrators, that switch off the server's logs or change
// what goes to its replicas, and those that only a replica's own session has.
var mysqlPowerful = []string{
	"sql_log_bin", "sql_log_off", "binlog_format", "binlog_row_image", "binlog_direct_non_transactional_updates",
	"gtid_domain_id", "gtid_seq_no", "gtid_next", "server_id", "skip_replication", "pseudo_slave_mode",
	"pseudo_replica_mode", "pseudo_thread_id", "wsrep_on", "wsrep_osu_method", "debug", "debug_dbug", "debug_sync",
	"system_versioning_alter_history", "system_versioning_insert_history", "system_versioning_asof",
	"default_master_connection", "slow_query_log", "log_slow_query", "log_slow_filter", "log_slow_rate_limit",
	"log_slow_disabled_statements", "log_disabled_statements", "show_create_table_skip_secondary_engine",
	"print_identified_with_as_hex",
}

// prepareText is PREPARE name FROM text.
func (m *mreader) prepareText(s mstmt) error {
	if !s.isName(1) || !s.is(2, "from") {
		return errForm
	}
	m.effect("prepare")
	if m.touchy(s.from(3)) {
		m.effect("dynamic_sql")
	}
	return m.textValue(s.from(3))
}

// touchy reports whether a text that is prepared may mean something else when it is run. The servers parse it again where a
// table has changed, under the character set of then; MariaDB keeps the sql_mode of before.
func (m *mreader) touchy(s mstmt) bool {
	for i := range s.toks {
		for _, c := range s.raw(i) {
			if c >= 0x80 || m.r.Dialect == DialectMySQL && (c == '"' || c == '\\' || c == '(') {
				return true
			}
		}
	}
	return false
}

// textValue reads an expression that is run as a statement: a literal is read, anything else can't be told.
func (m *mreader) textValue(s mstmt) error {
	m.literal = true
	if len(s.toks) == 1 && s.at(0).kind == mString && s.raw(0)[0] != 'n' && s.raw(0)[0] != 'N' {
		return m.inner(s.value(0))
	}
	m.effect("dynamic_sql")
	if len(s.toks) == 1 && s.at(0).kind == mVar {
		return nil
	}
	return m.values(s, "dynamic_sql")
}

// inner reads a text inside this one.
func (m *mreader) inner(text string) error {
	schema, shaken := m.schema, m.shaken
	m.nest++
	defer func() { m.nest--; m.schema = schema }()
	m.shaken = steady
	_, _, err := m.read([]byte(text))
	m.shaken = max(shaken, m.shaken)
	return err
}

// executeText is EXECUTE name and MariaDB's EXECUTE IMMEDIATE text, USING values or not.
func (m *mreader) executeText(s mstmt) error {
	m.effect("execute")
	end := s.find(1, "using")
	if end < 0 {
		end = len(s.toks)
	} else {
		for _, item := range s.from(end + 1).split() {
			if len(item.toks) == 1 {
				continue
			}
			if err := m.values(item, "execute"); err != nil {
				return err
			}
		}
	}
	var err error
	switch {
	case s.is(1, "immediate") && m.r.Dialect == DialectMariaDB:
		err = m.textValue(s.cut(2, end))
	case end != 2 || !s.isName(1):
		err = errForm
	}
	m.shaken = anything // what was prepared may be SET or USE
	return err
}
