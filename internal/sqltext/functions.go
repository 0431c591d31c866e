package sqltext

import (
	_ "embed"
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
)

// builtinText lists the names of PostgreSQL's own functions, one a line: pg_proc of 15 in schema pg_catalog, and by
// hand those added since. A function that isn't listed is judged as one of the user's.
//
//go:embed builtin.txt
var builtinText string

var builtin = func() map[string]bool {
	m := map[string]bool{}
	for name := range strings.FieldsSeq(builtinText) {
		m[name] = true
	}
	return m
}()

// functionActions gives an action to the functions that do what their statement doesn't say.
var functionActions = map[string]string{
	"nextval": "sequence", "setval": "sequence",
	"loread": "large_object", "lowrite": "large_object",
	"pg_notify":         "notify",
	"pg_cancel_backend": "signal_backend", "pg_terminate_backend": "signal_backend",
	"pg_stat_file": "server_file", "pg_hba_file_rules": "server_file", "pg_ident_file_mappings": "server_file",
	"pg_show_all_file_settings": "server_file", "lo_import": "server_file", "lo_export": "server_file",
	"ts_stat": "dynamic_sql", "connectby": "dynamic_sql", "xpath_table": "dynamic_sql",
	"pg_reload_conf": "server_admin", "pg_rotate_logfile": "server_admin", "pg_rotate_logfile_old": "server_admin",
	"pg_switch_wal": "server_admin", "pg_promote": "server_admin", "pg_create_restore_point": "server_admin",
	"pg_drop_replication_slot": "server_admin", "pg_replication_slot_advance": "server_admin",
	"pg_logical_emit_message": "server_admin", "pg_sync_replication_slots": "server_admin",
	"pg_log_backend_memory_contexts": "server_admin", "pg_import_system_collations": "server_admin",
	"pg_nextoid": "server_admin", "pg_stop_making_pinned_objects": "server_admin",
	"pg_extension_config_dump": "server_admin", "gin_clean_pending_list": "server_admin",
}

// functionPrefixes is the same for families of functions; the first that fits counts.
var functionPrefixes = []struct{ prefix, action string }{
	{"dblink", "foreign"}, {"postgres_fdw_", "foreign"},
	{"pg_read_", "server_file"}, {"pg_ls_", "server_file"}, {"pg_file_", "server_file"},
	{"lo_", "large_object"},
	{"query_to_xml", "dynamic_sql"}, {"table_to_xml", "dynamic_sql"}, {"schema_to_xml", "dynamic_sql"},
	{"database_to_xml", "dynamic_sql"}, {"cursor_to_xml", "dynamic_sql"}, {"crosstab", "dynamic_sql"},
	{"pg_advisory_", "lock"}, {"pg_try_advisory_", "lock"},
	{"pg_backup_", "server_admin"}, {"pg_start_backup", "server_admin"}, {"pg_stop_backup", "server_admin"},
	{"pg_wal_replay_", "server_admin"}, {"pg_create_physical_", "server_admin"},
	{"pg_create_logical_", "server_admin"}, {"pg_copy_physical_", "server_admin"},
	{"pg_copy_logical_", "server_admin"}, {"pg_logical_slot_", "server_admin"},
	{"pg_replication_origin_", "server_admin"}, {"pg_stat_reset", "server_admin"},
	{"pg_restore_", "server_admin"}, {"pg_clear_", "server_admin"}, {"binary_upgrade_", "server_admin"},
	{"brin_summarize_", "server_admin"}, {"brin_desummarize_", "server_admin"},
}

// functionAction returns the action of a function by its name; empty: it only computes. args is how many are given.
func functionAction(name string, args int) string {
	if action := functionActions[name]; action != "" {
		return action
	}
	if name == "ts_rewrite" && args == 2 {
		return "dynamic_sql" // the second is a query to run; with three it is not
	}
	for _, p := range functionPrefixes {
		if strings.HasPrefix(name, p.prefix) {
			return p.action
		}
	}
	return ""
}

// funcCall is f(...), wherever an expression or FROM has it.
func (w *walker) funcCall(v *pg.FuncCall) {
	schema, name := lastTwo(v.GetFuncname())
	w.function(schema, name, len(v.GetArgs()))
	if name == "set_config" {
		w.setConfig(v.GetArgs())
	}
	w.fields(v.ProtoReflect())
}

// function notes a function under the action in force, and under the one that its name has.
func (w *walker) function(schema, name string, args int) {
	full := quoted(name)
	if schema != "" && schema != "pg_catalog" {
		full = quoted(schema) + "." + full
	}
	w.noteFunction(w.action, full)
	switch action := functionAction(name, args); {
	case action != "":
		w.noteFunction(action, full)
	case name == "set_config":
	case schema == "information_schema":
	case schema != "" && schema != "pg_catalog", !builtin[name]:
		w.noteFunction("user_function", full)
	}
}

func (w *walker) noteFunction(action, full string) {
	if e := w.effect(action); !slices.Contains(e.Functions, full) {
		e.Functions = append(e.Functions, full)
	}
}

// attribute is the name after a dot, which PostgreSQL takes for a function of one argument where it is no column:
// SELECT x.pg_read_file FROM unnest(ARRAY['/etc/passwd']) AS x reads the file.
func (w *walker) attribute(name string) {
	if action := functionAction(name, 1); action != "" {
		w.noteFunction(w.action, quoted(name))
		w.noteFunction(action, quoted(name))
	}
}

// indirection is (expression).attribute[subscript].
func (w *walker) indirection(v *pg.A_Indirection) {
	for _, n := range v.GetIndirection() {
		switch {
		case n.GetString_() != nil:
			w.column(n.GetString_().GetSval())
			w.attribute(n.GetString_().GetSval())
		case n.GetAStar() != nil:
			w.column("*")
		default:
			w.node(n)
		}
	}
	w.node(v.GetArg())
}

// builtinOperators are the names of PostgreSQL's own (pg_operator of 15).
var builtinOperators = func() map[string]bool {
	m := map[string]bool{}
	for name := range strings.FieldsSeq(`
!! != !~ !~* !~~ !~~* # ## #- #> #>> % & && &< &<| &> * *< *<= *<> *= *> *>= + - -> ->> -|- / < <-> << <<= <<|
<= <> <@ <^ = > >= >> >>= >^ ? ?# ?& ?- ?-| ?| ?|| @ @-@ @> @? @@ @@@ ^ ^@ | |&> |/ |>> || ||/ ~ ~* ~<=~ ~<~
~= ~>=~ ~>~ ~~ ~~*`) {
		m[name] = true
	}
	return m
}()

// operator is an expression with an operator. One of a named schema, or that isn't PostgreSQL's own, may run any
// function.
func (w *walker) operator(v *pg.A_Expr) {
	schema, name := lastTwo(v.GetName())
	switch v.GetKind() {
	case pg.A_Expr_Kind_AEXPR_OP, pg.A_Expr_Kind_AEXPR_OP_ANY, pg.A_Expr_Kind_AEXPR_OP_ALL:
		if schema != "" && schema != "pg_catalog" {
			w.noteFunction("user_function", quoted(schema)+"."+name)
		} else if !builtinOperators[name] {
			w.noteFunction("user_function", name)
		}
	}
	w.fields(v.ProtoReflect())
}

// sample is TABLESAMPLE method(...).
func (w *walker) sample(v *pg.RangeTableSample) {
	if _, name := lastTwo(v.GetMethod()); name != "system" && name != "bernoulli" {
		w.noteFunction("user_function", quoted(name))
	}
	w.fields(v.ProtoReflect())
}

// lastTwo returns the schema, where there is one, and the name of a dotted name.
func lastTwo(names []*pg.Node) (schema, name string) {
	n := len(names)
	if n == 0 {
		return "", ""
	}
	if n > 1 {
		schema = names[n-2].GetString_().GetSval()
	}
	return schema, names[n-1].GetString_().GetSval()
}
