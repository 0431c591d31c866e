package sqltext

import pg "github.com/pganalyze/pg_query_go/v6"

// selectStmt is SELECT, VALUES, TABLE and their set operations.
func (w *walker) selectStmt(v *pg.SelectStmt) {
	if v == nil || w.err != nil {
		return
	}
	defer w.with(v.GetWithClause())()
	also := w.also // FOR UPDATE outside locks the tables inside
	w.within("select", []string{"select"}, func() {
		w.also = also
		w.effect("select")
		if len(v.GetLockingClause()) > 0 {
			w.effect("lock")
			w.also = "lock"
		}
		w.nodes(v.GetFromClause())
		w.also = also
		w.nodes(v.GetTargetList())
		w.node(v.GetWhereClause())
		w.nodes(v.GetDistinctClause())
		w.nodes(v.GetGroupClause())
		w.node(v.GetHavingClause())
		w.nodes(v.GetWindowClause())
		w.nodes(v.GetValuesLists())
		w.nodes(v.GetSortClause())
		w.node(v.GetLimitOffset())
		w.node(v.GetLimitCount())
		w.selectStmt(v.GetLarg())
		w.selectStmt(v.GetRarg())
	})
	w.into(v.GetIntoClause())
}

// into is the table that SELECT INTO and CREATE TABLE AS make.
func (w *walker) into(v *pg.IntoClause) {
	if v == nil {
		return
	}
	w.target("create", v.GetRel())
}

func (w *walker) insertStmt(v *pg.InsertStmt) {
	defer w.with(v.GetWithClause())()
	w.target("insert", v.GetRelation())
	w.assigned("insert", v.GetCols(), true)
	source := v.GetSelectStmt().GetSelectStmt()
	w.within("insert", []string{"insert"}, func() {
		w.nodes(v.GetCols()) // subscripts in them
		if plainValues(source) {
			w.nodes(source.GetValuesLists())
		}
	})
	if !plainValues(source) {
		w.selectStmt(source)
	}
	if c := v.GetOnConflictClause(); c != nil {
		w.onConflict(v.GetRelation(), c)
	}
	w.returning(v.GetRelation(), v.GetReturningList())
}

// plainValues reports whether v is just VALUES (...): writing, not reading.
func plainValues(v *pg.SelectStmt) bool {
	return v != nil && len(v.GetValuesLists()) > 0 && v.GetWithClause() == nil && len(v.GetLockingClause()) == 0 &&
		len(v.GetSortClause()) == 0 && v.GetLimitCount() == nil && v.GetLimitOffset() == nil
}

func (w *walker) onConflict(rel *pg.RangeVar, c *pg.OnConflictClause) {
	action := "insert"
	if c.GetAction() == pg.OnConflictAction_ONCONFLICT_UPDATE {
		action = "update"
		w.target(action, rel)
		w.assigned(action, c.GetTargetList(), false)
	}
	w.within(action, []string{action}, func() { w.fields(c.ProtoReflect()) })
}

func (w *walker) updateStmt(v *pg.UpdateStmt) {
	defer w.with(v.GetWithClause())()
	w.target("update", v.GetRelation())
	if v.GetRelation().GetRelname() == "pg_settings" {
		w.anySetting() // the view's rule calls set_config
	}
	w.assigned("update", v.GetTargetList(), false)
	w.change("update", v.GetFromClause(), v.GetTargetList(), v.GetWhereClause())
	w.returning(v.GetRelation(), v.GetReturningList())
}

func (w *walker) deleteStmt(v *pg.DeleteStmt) {
	defer w.with(v.GetWithClause())()
	w.target("delete", v.GetRelation())
	w.change("delete", v.GetUsingClause(), nil, v.GetWhereClause())
	w.returning(v.GetRelation(), v.GetReturningList())
}

// change visits what UPDATE and DELETE have alike: tables they read, values, and which rows.
func (w *walker) change(action string, from, values []*pg.Node, where *pg.Node) {
	columns := []string{action}
	if len(from) > 0 {
		columns = append(columns, "select") // whose columns they are can't be told
		w.within("select", columns, func() { w.nodes(from) })
	}
	w.within(action, columns, func() {
		w.nodes(values)
		seen := w.seen
		w.node(where)
		if w.seen == seen && !w.dry {
			w.hasWhere = false // none, or one that is the same for every row
		}
	})
}

// mergeStmt counts as merge, as reading its source, and as what each branch does.
func (w *walker) mergeStmt(v *pg.MergeStmt) {
	defer w.with(v.GetWithClause())()
	w.target("merge", v.GetRelation())
	columns := []string{"merge", "select"}
	w.within("select", columns, func() {
		w.effect("select")
		w.node(v.GetSourceRelation())
		w.node(v.GetJoinCondition())
	})
	for _, n := range v.GetMergeWhenClauses() {
		w.branch(v.GetRelation(), n.GetMergeWhenClause(), columns)
	}
	w.returning(v.GetRelation(), v.GetReturningList())
}

func (w *walker) branch(rel *pg.RangeVar, v *pg.MergeWhenClause, columns []string) {
	action := ""
	switch v.GetCommandType() {
	case pg.CmdType_CMD_INSERT:
		action = "insert"
	case pg.CmdType_CMD_UPDATE:
		action = "update"
	case pg.CmdType_CMD_DELETE:
		action = "delete"
	}
	if action != "" {
		w.target(action, rel)
		if action != "delete" {
			w.assigned(action, v.GetTargetList(), action == "insert")
		}
		columns = append([]string{action}, columns...)
	}
	w.within("merge", columns, func() { w.fields(v.ProtoReflect()) })
}

// assigned notes the columns that are written. all: none named means every one.
func (w *walker) assigned(action string, targets []*pg.Node, all bool) {
	if all && len(targets) == 0 {
		w.columnOf(action, "*")
	}
	for _, n := range targets {
		if name := n.GetResTarget().GetName(); name != "" {
			w.columnOf(action, name)
		}
	}
}

// returning is reading: PostgreSQL asks for the SELECT privilege too.
func (w *walker) returning(rel *pg.RangeVar, list []*pg.Node) {
	if len(list) == 0 {
		return
	}
	w.table("select", rel)
	w.within("select", []string{"select"}, func() { w.nodes(list) })
}
