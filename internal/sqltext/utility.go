package sqltext

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v6"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// utilities gives each statement of the grammar that needs no verb of its own its actions. Tables, columns and
// functions met inside belong to the first. Empty: only what is inside counts.
var utilities = map[protoreflect.Name]string{
	"AlterCollationStmt": "alter", "AlterDatabaseRefreshCollStmt": "alter", "AlterDatabaseSetStmt": "alter",
	"AlterDatabaseStmt": "alter", "AlterDefaultPrivilegesStmt": "", "AlterDomainStmt": "alter",
	"AlterEnumStmt": "alter", "AlterEventTrigStmt": "alter create_function",
	"AlterExtensionStmt": "alter create_function",
	"AlterFdwStmt":       "alter foreign", "AlterForeignServerStmt": "alter foreign",
	"AlterFunctionStmt": "alter create_function", "AlterObjectDependsStmt": "alter",
	"AlterObjectSchemaStmt": "alter", "AlterOpFamilyStmt": "alter create_function",
	"AlterOperatorStmt": "alter create_function", "AlterOwnerStmt": "alter", "AlterPolicyStmt": "alter",
	"AlterPublicationStmt": "alter", "AlterRoleSetStmt": "role", "AlterRoleStmt": "role",
	"AlterSeqStmt": "alter", "AlterStatsStmt": "alter", "AlterSubscriptionStmt": "alter foreign",
	"AlterSystemStmt": "alter server_admin", "AlterTableMoveAllStmt": "alter", "AlterTableSpaceOptionsStmt": "alter",
	"AlterTableStmt": "alter", "AlterTSConfigurationStmt": "alter", "AlterTSDictionaryStmt": "alter",
	"AlterTypeStmt": "alter", "AlterUserMappingStmt": "alter foreign",
	"CallStmt": "call", "CheckPointStmt": "checkpoint", "ClosePortalStmt": "close", "ClusterStmt": "cluster",
	"CompositeTypeStmt": "create", "ConstraintsSetStmt": "set",
	"CreateAmStmt": "create create_function", "CreateCastStmt": "create create_function",
	"CreateConversionStmt": "create create_function", "CreateDomainStmt": "create", "CreateEnumStmt": "create",
	"CreateEventTrigStmt": "create create_function", "CreateExtensionStmt": "create create_function",
	"CreateFdwStmt": "create foreign create_function", "CreateForeignServerStmt": "create foreign",
	"CreateForeignTableStmt": "create foreign", "CreateFunctionStmt": "create create_function",
	"CreateOpClassStmt": "create create_function", "CreateOpFamilyStmt": "create",
	"CreatePLangStmt": "create create_function", "CreatePolicyStmt": "create", "CreatePublicationStmt": "create",
	"CreateRangeStmt": "create create_function", "CreateRoleStmt": "role", "CreateSchemaStmt": "create",
	"CreateSeqStmt": "create", "CreateStatsStmt": "create", "CreateStmt": "create",
	"CreateSubscriptionStmt": "create foreign", "CreateTableAsStmt": "create",
	"CreateTableSpaceStmt": "create server_file", "CreateTransformStmt": "create create_function",
	"CreateTrigStmt": "create create_function", "CreateUserMappingStmt": "create foreign", "CreatedbStmt": "create",
	"DeallocateStmt": "deallocate", "DeclareCursorStmt": "declare", "DefineStmt": "create create_function",
	"DiscardStmt": "discard", "DoStmt": "do", "DropOwnedStmt": "role drop", "DropRoleStmt": "role",
	"DropSubscriptionStmt": "drop foreign", "DropTableSpaceStmt": "drop", "DropUserMappingStmt": "drop foreign",
	"DropdbStmt": "drop", "ExecuteStmt": "execute", "FetchStmt": "fetch",
	"ImportForeignSchemaStmt": "create foreign", "IndexStmt": "create", "ListenStmt": "listen", "LoadStmt": "load",
	"LockStmt": "lock", "NotifyStmt": "notify", "PrepareStmt": "prepare", "ReassignOwnedStmt": "role",
	"RefreshMatViewStmt": "refresh", "ReindexStmt": "reindex", "ReplicaIdentityStmt": "alter",
	"ReturnStmt": "select", "RuleStmt": "create create_function",
	"TransactionStmt": "transaction", "TruncateStmt": "truncate", "UnlistenStmt": "listen",
	"VariableShowStmt": "show", "ViewStmt": "create",
}

// utility visits a statement whose actions are known by its kind.
func (w *walker) utility(m protoreflect.Message, actions []string) {
	if len(actions) == 0 {
		w.fields(m)
		return
	}
	w.within(actions[0], actions[:1], func() {
		for _, a := range actions {
			w.effect(a)
		}
		w.fields(m)
	})
}

// specialStmt visits the utility statements that have verbs of their own.
func (w *walker) specialStmt(m protoreflect.Message) bool {
	switch v := m.Interface().(type) {
	case *pg.CopyStmt:
		w.copyStmt(v)
	case *pg.ExplainStmt:
		w.explainStmt(v)
	case *pg.VariableSetStmt:
		w.setStmt(v)
	case *pg.VacuumStmt:
		action := "analyze"
		if v.GetIsVacuumcmd() {
			action = "vacuum"
		}
		w.utility(m, []string{action})
	case *pg.GrantStmt:
		w.utility(m, []string{granting(v.GetIsGrant())})
	case *pg.GrantRoleStmt:
		w.utility(m, []string{granting(v.GetIsGrant()), "role"})
	case *pg.DropStmt:
		w.named("drop", v.GetRemoveType(), v.GetObjects()...)
	case *pg.CommentStmt:
		w.named("comment", v.GetObjtype(), v.GetObject())
	case *pg.SecLabelStmt:
		w.named("security_label", v.GetObjtype(), v.GetObject())
	case *pg.AlterExtensionContentsStmt:
		w.effect("create_function")
		w.named("alter", v.GetObjtype(), v.GetObject())
	case *pg.RenameStmt:
		w.renameStmt(v)
	case *pg.IntoClause:
		w.into(v)
	case *pg.CallStmt:
		w.callStmt(v)
	default:
		return false
	}
	return true
}

func granting(is bool) string {
	if is {
		return "grant"
	}
	return "revoke"
}

// callStmt is CALL p(...): the procedure is no function of the user's, it has an action of its own.
func (w *walker) callStmt(v *pg.CallStmt) {
	schema, name := lastTwo(v.GetFunccall().GetFuncname())
	if schema != "" {
		name = schema + "." + name
	}
	w.within("call", []string{"call"}, func() {
		w.noteFunction("call", name)
		w.nodes(v.GetFunccall().GetArgs())
	})
}

// copyStmt counts as the copy and as the reading or writing of rows that it is.
func (w *walker) copyStmt(v *pg.CopyStmt) {
	way, rows := "copy_to", "select"
	if v.GetIsFrom() {
		way, rows = "copy_from", "insert"
	}
	w.effect(way)
	w.literal = true // a file's name: the tree tells COPY TO '' and COPY TO STDOUT not apart
	switch {
	case v.GetIsProgram():
		w.effect("copy_program")
	case v.GetFilename() != "":
		w.effect("copy_file")
	}
	if v.GetRelation() != nil {
		for _, action := range [...]string{way, rows} {
			w.target(action, v.GetRelation())
			w.copied(action, v.GetAttlist())
		}
	}
	w.within(rows, []string{rows, way}, func() { w.node(v.GetWhereClause()) })
	if v.GetQuery() == nil {
		return
	}
	w.node(v.GetQuery())
	read, to := w.effect("select"), w.effect(way)
	to.Tables = append(to.Tables, read.Tables...)
	to.Columns = append(to.Columns, read.Columns...)
}

func (w *walker) copied(action string, columns []*pg.Node) {
	if len(columns) == 0 {
		w.columnOf(action, "*")
	}
	for _, n := range columns {
		w.columnOf(action, n.GetString_().GetSval())
	}
}

// explainStmt counts what it explains only with ANALYZE, which runs it.
func (w *walker) explainStmt(v *pg.ExplainStmt) {
	w.effect("explain")
	runs := false
	for _, n := range v.GetOptions() {
		e := n.GetDefElem()
		runs = runs || strings.EqualFold(e.GetDefname(), "analyze") && !w.off(e.GetArg())
	}
	was := w.dry
	w.dry = w.dry || !runs
	w.node(v.GetQuery())
	w.dry = was
}

// off reports whether an option's value is plainly no.
func (w *walker) off(arg *pg.Node) bool {
	if arg == nil {
		return false
	}
	w.literal = true
	switch strings.ToLower(arg.GetString_().GetSval()) {
	case "off", "false":
		return true
	}
	return false
}

// setStmt is SET and RESET.
func (w *walker) setStmt(v *pg.VariableSetStmt) {
	w.setting(v.GetName())
}

// setting gives the setting of a name its action.
func (w *walker) setting(name string) {
	name = strings.ToLower(name)
	switch {
	case name == "role" || name == "session_authorization":
		w.effect("set_role")
	case name == "search_path":
		w.effect("set_search_path")
	case slices.Contains(powerful, name), strings.HasPrefix(name, "log_"), strings.HasPrefix(name, "track_"):
		w.effect("server_admin")
	default:
		w.effect("set")
	}
}

// powerful are settings, most of them for superusers, that switch off checks, triggers or the server's own log.
var powerful = []string{
	"session_replication_role", "allow_system_table_mods", "zero_damaged_pages", "ignore_system_indexes",
	"ignore_checksum_failure", "dynamic_library_path", "local_preload_libraries", "session_preload_libraries",
	"lo_compat_privileges", "wal_consistency_checking", "fsync", "full_page_writes", "allow_in_place_tablespaces",
}

// anySetting is a setting whose name no text tells.
func (w *walker) anySetting() {
	for _, action := range [...]string{"set", "set_role", "set_search_path", "server_admin"} {
		w.effect(action)
	}
}

// setConfig is set_config(name, value, local).
func (w *walker) setConfig(args []*pg.Node) {
	w.literal = true
	if len(args) == 0 || args[0].GetAConst().GetSval() == nil {
		w.anySetting()
		return
	}
	w.setting(args[0].GetAConst().GetSval().GetSval())
}

// Objects whose name is a table's, and those whose name begins with one.
var (
	tableLike = []pg.ObjectType{
		pg.ObjectType_OBJECT_TABLE, pg.ObjectType_OBJECT_VIEW, pg.ObjectType_OBJECT_MATVIEW,
		pg.ObjectType_OBJECT_INDEX, pg.ObjectType_OBJECT_SEQUENCE, pg.ObjectType_OBJECT_FOREIGN_TABLE,
	}
	ofTable = []pg.ObjectType{
		pg.ObjectType_OBJECT_COLUMN, pg.ObjectType_OBJECT_TRIGGER, pg.ObjectType_OBJECT_RULE,
		pg.ObjectType_OBJECT_POLICY, pg.ObjectType_OBJECT_TABCONSTRAINT,
	}
)

// named visits a statement on objects that the grammar leaves as lists of names.
func (w *walker) named(action string, what pg.ObjectType, objects ...*pg.Node) {
	w.effect(action)
	for _, o := range objects {
		names := o.GetList().GetItems()
		switch {
		case slices.Contains(tableLike, what):
		case slices.Contains(ofTable, what) && len(names) > 1:
			names = names[:len(names)-1]
		default:
			continue
		}
		if schema, name := lastTwo(names); name != "" {
			w.tableName(action, schema, name)
		}
	}
}

func (w *walker) renameStmt(v *pg.RenameStmt) {
	action := "alter"
	if v.GetRenameType() == pg.ObjectType_OBJECT_ROLE {
		action = "role"
	}
	w.utility(v.ProtoReflect(), []string{action})
}
