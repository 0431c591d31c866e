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
	{"select", GroupRead, "rows are read, by SELECT, TABLE, VALUES, a cursor's query, COPY TO or RETURNING"},
	{"show", GroupRead, "SHOW of a setting"},
	{"explain", GroupRead, "EXPLAIN; with ANALYZE the statement's own actions count too"},
	{"copy_to", GroupRead, "COPY TO; the rows read count as select too"},

	{"insert", GroupWrite, "INSERT, MERGE's INSERT, COPY FROM"},
	{"update", GroupWrite, "UPDATE, MERGE's UPDATE, ON CONFLICT DO UPDATE"},
	{"delete", GroupWrite, "DELETE, MERGE's DELETE"},
	{"merge", GroupWrite, "MERGE; what its branches do counts too"},
	{"copy_from", GroupWrite, "COPY FROM; the rows written count as insert too"},
	{"sequence", GroupWrite, "nextval and setval"},
	{"large_object", GroupWrite, "lo_ functions that read or write large objects in the database"},
	{"lock", GroupWrite, "LOCK, SELECT FOR UPDATE and kin, advisory locks"},
	{"notify", GroupWrite, "NOTIFY and pg_notify"},

	{"create", GroupDDL, "CREATE of anything, CREATE TABLE AS and SELECT INTO"},
	{"alter", GroupDDL, "ALTER of anything but roles"},
	{"drop", GroupDDL, "DROP of anything but roles"},
	{"truncate", GroupDDL, "TRUNCATE"},
	{"comment", GroupDDL, "COMMENT ON"},
	{"security_label", GroupDDL, "SECURITY LABEL"},

	{"vacuum", GroupMaintain, "VACUUM"},
	{"analyze", GroupMaintain, "ANALYZE"},
	{"reindex", GroupMaintain, "REINDEX"},
	{"cluster", GroupMaintain, "CLUSTER"},
	{"refresh", GroupMaintain, "REFRESH MATERIALIZED VIEW"},
	{"checkpoint", GroupMaintain, "CHECKPOINT"},

	{"transaction", GroupSession, "BEGIN, COMMIT, ROLLBACK, savepoints, two-phase commit"},
	{"set", GroupSession, "SET, RESET and set_config, but for set_role, set_search_path and server_admin; SET CONSTRAINTS"},
	{"prepare", GroupSession, "PREPARE; the prepared statement's actions count too, at PREPARE"},
	{"execute", GroupSession, "EXECUTE of what an allowed PREPARE prepared"},
	{"deallocate", GroupSession, "DEALLOCATE"},
	{"declare", GroupSession, "DECLARE CURSOR; its query counts as select too"},
	{"fetch", GroupSession, "FETCH and MOVE"},
	{"close", GroupSession, "CLOSE"},
	{"listen", GroupSession, "LISTEN and UNLISTEN"},
	{"discard", GroupSession, "DISCARD"},

	{"role", GroupAdmin, "CREATE, ALTER, DROP ROLE, USER, GROUP; DROP and REASSIGN OWNED; membership"},
	{"grant", GroupAdmin, "GRANT, and default privileges"},
	{"revoke", GroupAdmin, "REVOKE, and default privileges"},
	{"signal_backend", GroupAdmin, "pg_cancel_backend and pg_terminate_backend"},
	{"server_admin", GroupAdmin, "ALTER SYSTEM, pg_reload_conf, replication and other functions of the server as a whole; SET of what switches off checks, triggers or its log"},

	{"do", GroupOpaque, "DO: a body in a procedural language"},
	{"call", GroupOpaque, "CALL of a procedure"},
	{"user_function", GroupOpaque, "a function that isn't one of PostgreSQL's own, or an operator of a named schema"},
	{"create_function", GroupOpaque, "code that later statements run: functions, triggers, rules, casts, operators, extensions"},
	{"dynamic_sql", GroupOpaque, "a function that runs a text as SQL: query_to_xml and kin, ts_stat, crosstab"},
	{"foreign", GroupOpaque, "another server is reached: dblink, foreign servers and tables, user mappings, subscriptions"},
	{"server_file", GroupOpaque, "the server's own files: pg_read_file, pg_ls_dir, lo_import, lo_export, tablespaces"},
	{"copy_file", GroupOpaque, "COPY to or from a file of the server"},
	{"copy_program", GroupOpaque, "COPY to or from a program on the server"},
	{"load", GroupOpaque, "LOAD of a library"},
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
