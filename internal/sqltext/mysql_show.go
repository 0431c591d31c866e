package sqltext

import "slices"

// explainText is EXPLAIN of a statement, of another session's, or, as DESCRIBE, of a table.
func (m *mreader) explainText(s mstmt) error {
	i, runs := 1, false
	for {
		switch {
		case s.is(i, "format") && s.op(i+1, "="):
			i += 3
			continue
		case s.is(i, "analyze"):
			runs = true
			fallthrough
		case s.any(i, "extended", "partitions") && (mysqlVerbs[s.word(i+1)] != nil || s.op(i+1, "(")):
			i++
			continue
		}
		break
	}
	switch {
	case s.is(i, "for", "connection"):
		m.effect("explain")
		m.note("explain", "information_schema.processlist")
		return m.plain(s, "explain")
	case s.op(i, "("), slices.Contains(explainable, s.word(i)) && !s.op(i+1, "."):
		m.effect("explain")
		was := m.dry
		m.dry = m.dry || !runs
		err := m.statement(s.from(i))
		m.dry = was
		return err
	}
	if runs || i > 1 {
		return errForm
	}
	return m.showTable(s, i)
}

// explainable are the first keywords of what EXPLAIN explains.
var explainable = []string{"select", "insert", "replace", "update", "delete", "with", "values", "table"}

// analyzeText is ANALYZE TABLE, and MariaDB's ANALYZE of a statement, which runs it.
func (m *mreader) analyzeText(s mstmt) error {
	i := s.past(1, "no_write_to_binlog", "local")
	if s.any(i, "table", "tables") {
		return m.tableList(s, i+1, "analyze")
	}
	i = 1
	if s.is(i, "format") && s.op(i+1, "=") {
		i += 3
	}
	if m.r.Dialect != DialectMariaDB || !s.op(i, "(") && !slices.Contains(explainable, s.word(i)) {
		return errForm
	}
	m.effect("explain")
	return m.statement(s.from(i))
}

// What SHOW may show, by the words that follow it.
var (
	showOfTable  = []string{"columns", "fields", "index", "indexes", "keys"}
	showOfSchema = []string{"tables", "triggers", "events"}
	showPlain    = []string{
		"databases", "schemas", "variables", "status", "warnings", "errors", "engines", "plugins", "charset", "collation",
		"privileges", "storage", "authors", "contributors", "locales", "profiles", "profile", "count", "global", "session",
		"local", "character", "function", "procedure", "package", "binary", "master", "slave", "replica", "replicas", "all",
		"user_statistics", "client_statistics", "index_statistics", "table_statistics", "wsrep_membership", "wsrep_status",
		"parse_tree", "user_variables", "query_response_time", "metadata_lock_info", "spatial_ref_sys",
	}
	showLog     = []string{"binlog", "relaylog"}
	showSession = []string{"processlist", "explain", "analyze", "engine"}
)

// showText is SHOW. Its WHERE may hold queries.
func (m *mreader) showText(s mstmt) error {
	m.effect("show")
	if at := s.find(1, "where"); at > 0 {
		where := s.from(at + 1)
		if s = s.cut(0, at); s.queries() {
			return errForm
		}
		if err := m.values(where, "show"); err != nil {
			return err
		}
	}
	if s.queries() {
		return errForm
	}
	i := 1
	for s.any(i, "full", "extended", "open") {
		i++
	}
	switch w := s.word(i); {
	case slices.Contains(showOfTable, w):
		if !s.any(i+1, "from", "in") {
			return errForm
		}
		return m.showTable(s, i+2)
	case slices.Contains(showOfSchema, w):
		return m.showSchema(s, i+1)
	case w == "table" && s.any(i+1, "status", "types"):
		return m.showSchema(s, i+2)
	case w == "create":
		return m.showCreate(s, i+1)
	case w == "grants":
		if m.r.Dialect == DialectMariaDB { // they have the password's hash in them
			m.secrets()
		}
		return nil
	case slices.Contains(showSession, w):
		m.note("show", "information_schema.processlist")
		return nil
	case slices.Contains(showLog, w):
		m.effect("replication")
		return nil
	case slices.Contains(showPlain, w):
		return nil
	}
	return errForm
}

// secrets notes that the passwords of the server's users are shown.
func (m *mreader) secrets() {
	m.note("show", "mysql.global_priv")
	m.note("show", "mysql.user")
	m.columnOf("show", "*")
}

// showTable reads table [FROM schema] at i.
func (m *mreader) showTable(s mstmt, i int) error {
	schema, name, i, err := s.name(i)
	if err != nil {
		return err
	}
	if s.any(i, "from", "in") {
		if !s.isName(i + 1) {
			return errForm
		}
		schema = s.value(i + 1)
	}
	m.note("show", m.full(schema, name))
	return nil
}

// showSchema reads [FROM schema] at i.
func (m *mreader) showSchema(s mstmt, i int) error {
	schema := ""
	if s.any(i, "from", "in") {
		if !s.isName(i + 1) {
			return errForm
		}
		schema = s.value(i + 1)
	}
	m.note("show", m.full(schema, ""))
	return nil
}

// showCreate reads what SHOW CREATE is of, at i.
func (m *mreader) showCreate(s mstmt, i int) error {
	what := s.word(i)
	i = s.past(i+1, "body")
	i = s.pastAll(i, "if", "not", "exists")
	switch what {
	case "table", "view", "sequence":
		return m.showTable(s, i)
	case "database", "schema":
		if !s.isName(i) {
			return errForm
		}
		m.note("show", m.full(s.value(i), ""))
		return nil
	case "procedure", "function", "package", "trigger", "event":
		schema, _, _, err := s.name(i)
		m.note("show", m.full(schema, ""))
		return err
	case "user":
		m.secrets()
		return nil
	case "server":
		m.note("show", "mysql.servers")
		m.columnOf("show", "*")
		return nil
	}
	return errForm
}
