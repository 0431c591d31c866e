package policy

import (
	_ "embed"
	"slices"
	"strings"

	"github.com/gatefold/gatefold/internal/sqltext"
)

// catalogText lists the relations of schema pg_catalog of PostgreSQL 15, one a line: what a name without a schema
// means whatever the search path is, unless someone asked for another order by set_search_path.
//
//go:embed catalog.txt
var catalogText string

var catalogNames = strings.Fields(catalogText)

// secretive are the relations of the catalogs that hold passwords, rows of other tables, or what others are doing.
var secretive = []string{
	"pg_authid", "pg_shadow", "pg_user_mapping", "pg_user_mappings", "pg_subscription", "pg_largeobject",
	"pg_statistic", "pg_stats", "pg_statistic_ext_data", "pg_stats_ext", "pg_stats_ext_exprs", "pg_stat_activity",
	"pg_hba_file_rules", "pg_ident_file_mappings", "pg_file_settings", "_pg_user_mappings", "user_mapping_options",
}

// secretiveFunctions are those behind the secretive relations, and kin. What begins with pg_stat_get_backend_ is too.
var secretiveFunctions = []string{
	"pg_stat_get_activity", "pg_stat_get_wal_senders", "pg_stat_get_wal_receiver", "pg_mcv_list_items",
	"pg_show_all_file_settings", "pg_hba_file_rules", "pg_ident_file_mappings",
}

func secretiveFunction(name string) bool {
	return strings.HasPrefix(name, "pg_stat_get_backend_") || slices.Contains(secretiveFunctions, name)
}

// catalogOnly reports whether all that an effect reads is of the server's own catalogs, and nothing of it is secretive.
func catalogOnly(d sqltext.Dialect, e sqltext.Effect) bool {
	if d != sqltext.DialectPostgres {
		return !slices.ContainsFunc(e.Tables, func(t string) bool { return !mysqlCatalog(t) })
	}
	if slices.ContainsFunc(e.Functions, secretiveFunction) ||
		slices.ContainsFunc(e.Columns, secretiveFunction) { // x.f calls f
		return false
	}
	for _, t := range e.Tables {
		name := bareName(t)
		schema := strings.TrimSuffix(strings.TrimSuffix(t, name), ".")
		switch schema {
		case "pg_catalog", "information_schema":
		case "":
			if _, ok := slices.BinarySearch(catalogNames, name); !ok {
				return false
			}
		default:
			return false
		}
		if slices.Contains(secretive, name) {
			return false
		}
	}
	return true
}

// bareName is a table's name without its schema. Names with a dot in them are quoted, quotes in them doubled.
func bareName(table string) string {
	inside := false
	start := 0
	for i := range len(table) {
		switch {
		case table[i] == '"':
			inside = !inside
		case table[i] == '.' && !inside:
			start = i + 1
		}
	}
	return table[start:]
}
