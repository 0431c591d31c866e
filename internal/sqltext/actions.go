package sqltext

import "slices"

// Unknown is the action of a text that was not understood.
const Unknown = "unknown"

// An ActionInfo is a word of the vocabulary that policies, records and searches share.
type ActionInfo struct {
	Name  string
	Group string // the action group of policies that it is in: see Groups
	Doc   string
}

// Groups of actions. What stands in GroupOpaque does things that no text tells.
const (
	GroupRead     = "read"
	GroupWrite    = "write"
	GroupDDL      = "ddl"
	GroupMaintain = "maintain"
	GroupSession  = "session"
	GroupAdmin    = "admin"
	GroupOpaque   = "opaque"
)

// Actions is the whole vocabulary, in the order of its documentation.
var Actions = []ActionInfo{
	{"select", GroupRead, "rows are read, by SELECT, TABLE, VALUES, a cursor's query, COPY TO, RETURNING or MySQL's DO"},
	{"show", GroupRead, "SHOW of a setting; MySQL: all of SHOW, DESCRIBE of a table, HELP"},
	{"explain", GroupRead, "EXPLAIN; with ANALYZE the statement's own actions count too, and so for MariaDB's ANALYZE of a statement"},
	{"copy_to", GroupRead, "COPY TO, SELECT INTO OUTFILE; the rows read count as select too"},

	{"insert", GroupWrite, "INSERT, REPLACE, MERGE's INSERT, COPY FROM, LOAD DATA"},
	{"update", GroupWrite, "UPDATE, MERGE's UPDATE, ON CONFLICT DO UPDATE, ON DUPLICATE KEY UPDATE"},
	{"delete", GroupWrite, "DELETE, MERGE's DELETE, REPLACE (the row that was there)"},
	{"merge", GroupWrite, "MERGE; what its branches do counts too"},
	{"copy_from", GroupWrite, "COPY FROM, LOAD DATA; the rows written count as insert too"},
	{"sequence", GroupWrite, "nextval and setval, NEXT VALUE FOR"},
	{"large_object", GroupWrite, "lo_ functions that read or write large objects in the database"},
	{"lock", GroupWrite, "LOCK and UNLOCK, SELECT FOR UPDATE and kin, advisory locks (GET_LOCK)"},
	{"notify", GroupWrite, "NOTIFY and pg_notify"},

	{"create", GroupDDL, "CREATE of anything, CREATE TABLE AS and SELECT INTO"},
	{"alter", GroupDDL, "ALTER of anything but roles"},
	{"drop", GroupDDL, "DROP of anything but roles"},
	{"truncate", GroupDDL, "TRUNCATE"},
	{"comment", GroupDDL, "COMMENT ON"},
	{"security_label", GroupDDL, "SECURITY LABEL"},

	{"vacuum", GroupMaintain, "VACUUM, OPTIMIZE TABLE"},
	{"analyze", GroupMaintain, "ANALYZE of tables"},
	{"reindex", GroupMaintain, "REINDEX"},
	{"cluster", GroupMaintain, "CLUSTER"},
	{"refresh", GroupMaintain, "REFRESH MATERIALIZED VIEW"},
	{"checkpoint", GroupMaintain, "CHECKPOINT"},
	{"check", GroupMaintain, "CHECK TABLE, CHECKSUM TABLE"},
	{"repair", GroupMaintain, "REPAIR TABLE"},

	{"transaction", GroupSession, "BEGIN, COMMIT, ROLLBACK, savepoints, two-phase commit (XA)"},
	{"set", GroupSession, "SET, RESET and set_config, but for set_role, set_search_path and server_admin; SET CONSTRAINTS"},
	{"prepare", GroupSession, "PREPARE of a statement that is told; its actions count too, at PREPARE"},
	{"execute", GroupSession, "EXECUTE of what an allowed PREPARE prepared; EXECUTE IMMEDIATE of a literal, whose actions count too"},
	{"deallocate", GroupSession, "DEALLOCATE"},
	{"declare", GroupSession, "DECLARE CURSOR, HANDLER OPEN; what it reads counts as select too"},
	{"fetch", GroupSession, "FETCH and MOVE, HANDLER READ"},
	{"close", GroupSession, "CLOSE, HANDLER CLOSE, MySQL's reset of a prepared statement"},
	{"listen", GroupSession, "LISTEN and UNLISTEN"},
	{"discard", GroupSession, "DISCARD, MySQL's reset of a connection"},
	{"use", GroupSession, "USE of a schema: names without one mean its tables"},
	{"ping", GroupSession, "MySQL's commands ping and statistics"},

	{"role", GroupAdmin, "CREATE, ALTER, DROP, RENAME ROLE, USER, GROUP; DROP and REASSIGN OWNED; membership; SET PASSWORD"},
	{"grant", GroupAdmin, "GRANT, and default privileges"},
	{"revoke", GroupAdmin, "REVOKE, and default privileges"},
	{"signal_backend", GroupAdmin, "pg_cancel_backend and pg_terminate_backend, KILL"},
	{"server_admin", GroupAdmin, "ALTER SYSTEM, SET GLOBAL, FLUSH, SHUTDOWN, pg_reload_conf, replication and other functions of the server as a whole; SET of what switches off checks, triggers or its log"},
	{"replication", GroupAdmin, "MySQL: the binary log is read or written, a replica set up, started or stopped"},

	{"do", GroupOpaque, "DO: a body in a procedural language; MariaDB's BEGIN NOT ATOMIC"},
	{"call", GroupOpaque, "CALL of a procedure"},
	{"user_function", GroupOpaque, "a function that isn't one of the server's own, or an operator of a named schema"},
	{"create_function", GroupOpaque, "code that later statements run: functions, procedures, triggers, events, rules, casts, operators, extensions"},
	{"dynamic_sql", GroupOpaque, "a text that can't be told is run as SQL: by query_to_xml and kin, ts_stat, crosstab, by PREPARE or EXECUTE IMMEDIATE of an expression, BINLOG"},
	{"foreign", GroupOpaque, "another server is reached: dblink, foreign servers and tables (FEDERATED and kin), user mappings, subscriptions"},
	{"server_file", GroupOpaque, "the server's own files: pg_read_file, pg_ls_dir, lo_import, lo_export, LOAD_FILE, tablespaces, DATA DIRECTORY"},
	{"copy_file", GroupOpaque, "COPY to or from a file of the server, LOAD DATA INFILE, SELECT INTO OUTFILE and DUMPFILE"},
	{"copy_program", GroupOpaque, "COPY to or from a program on the server"},
	{"load_local", GroupOpaque, "LOAD DATA LOCAL: the server asks the client for a file"},
	{"load", GroupOpaque, "LOAD of a library, INSTALL PLUGIN"},
	{"set_role", GroupOpaque, "SET ROLE and SET SESSION AUTHORIZATION: statements then run as someone else"},
	{"set_search_path", GroupOpaque, "SET search_path: names without a schema then mean other tables"},
	{"fastpath", GroupOpaque, "a function called by its number, with no text at all"},
	{Unknown, GroupOpaque, "a text that was not understood, or not read"},
}

// IsAction reports whether name is in the vocabulary.
func IsAction(name string) bool {
	return slices.ContainsFunc(Actions, func(a ActionInfo) bool { return a.Name == name })
}

// Untold reports whether an action runs code that the client itself gives and that is not read: a body, a text that a
// function or another server runs, a function known by its number only. What it touches can't be told. Functions and
// procedures that stand in the database are not meant: whoever made and granted them did so for what they do.
func Untold(action string) bool {
	switch action {
	case Unknown, "do", "dynamic_sql", "foreign", "fastpath":
		return true
	}
	return false
}

// Call is the Facts of a function that is called by its number (Postgres' FunctionCall message).
var Call = seal(&Facts{
	Understood: true, Statements: 1, HasWhere: true,
	Effects: []Effect{{Action: "fastpath"}},
})
