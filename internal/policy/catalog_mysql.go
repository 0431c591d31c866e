package policy

import (
	"slices"
	"strings"
)

// mysqlDefinitions are the relations of MySQL's and MariaDB's own schemas that hold definitions, help and counts: no
// passwords, no privileges, no rows or samples of rows, no statements of others. What isn't listed is not meant.
var mysqlDefinitions = map[string][]string{
	"mysql": {
		"component", "engine_cost", "event", "func", "gtid_executed", "gtid_slave_pos", "help_category", "help_keyword",
		"help_relation", "help_topic", "innodb_index_stats", "innodb_table_stats", "plugin", "proc", "server_cost",
		"time_zone", "time_zone_leap_second", "time_zone_name", "time_zone_transition", "time_zone_transition_type",
	},
	"performance_schema": {
		"global_status", "global_variables", "performance_timers", "session_account_connect_attrs", "session_status",
		"session_variables", "setup_actors", "setup_consumers", "setup_instruments", "setup_objects", "setup_threads",
		"variables_info",
	},
	"sys": {
		"schema_auto_increment_columns", "schema_index_statistics", "schema_object_overview", "schema_redundant_indexes",
		"schema_table_statistics", "schema_unused_indexes", "version",
	},
}

// mysqlSecretive are the relations of information_schema that hold what others do or values out of tables. All others
// are definitions.
var mysqlSecretive = []string{
	"column_statistics", "innodb_ft_being_deleted", "innodb_ft_deleted", "innodb_ft_index_cache", "innodb_ft_index_table",
	"innodb_lock_waits", "innodb_locks", "innodb_trx", "metadata_lock_info", "optimizer_trace", "processlist",
	"profiling", "query_cache_info", "query_cache_queries", "slow_query_log", "user_attributes", "user_variables",
}

// mysqlCatalog reports whether a table is one of definitions only.
func mysqlCatalog(table string) bool {
	name := bareName(table)
	schema := strings.TrimSuffix(strings.TrimSuffix(table, name), ".")
	if schema == "information_schema" {
		return name != "*" && !slices.Contains(mysqlSecretive, name)
	}
	return slices.Contains(mysqlDefinitions[schema], name)
}
