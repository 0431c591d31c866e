package sqltext

import (
	_ "embed"
	"strings"
)

// The names of the servers' own functions, one a line. MariaDB's are those that a server of 10.11 knows without anything
// installed; MySQL's are from its manual. A function that isn't listed is judged as one of the user's.
//
//go:embed builtin_mariadb.txt
var mariadbText string

//go:embed builtin_mysql.txt
var mysqlNames string

var mariadbBuiltin, mysqlBuiltin = namesOf(mariadbText), namesOf(mysqlNames)

func namesOf(text string) map[string]bool {
	m := map[string]bool{}
	for name := range strings.FieldsSeq(text) {
		m[name] = true
	}
	return m
}

// mysqlFunctions gives an action to the functions that do what their statement doesn't say.
var mysqlFunctions = map[string]string{
	"nextval": "sequence", "lastval": "sequence", "setval": "sequence",
	"load_file": "server_file",
	"get_lock":  "lock", "release_lock": "lock", "release_all_locks": "lock",
	"master_pos_wait": "replication", "source_pos_wait": "replication", "master_gtid_wait": "replication",
	"wait_for_executed_gtid_set": "replication", "wsrep_sync_wait_upto_gtid": "replication",
}

// treeNames are functions under the names that the parser gives them; empty: it is no function in the text.
var treeNames = map[string]string{
	"char_func": "char", "insert_func": "insert", "json_memberof": "",
	"'tidb`.(dateliteral": "", "'tidb`.(timeliteral": "", "'tidb`.(timestampliteral": "",
}

// isOwn reports whether a function is the server's own.
func (m *mreader) isOwn(name string) bool {
	if m.r.Dialect == DialectMySQL {
		return mysqlBuiltin[name]
	}
	return mariadbBuiltin[name]
}
