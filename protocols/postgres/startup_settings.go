package postgres

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatefold/gatefold/protocols"
)

// passedOn are the run-time parameters that a client may set at login. They change how values are shown, how long
// things may take and how plans are chosen, never whose rights apply, which code is loaded or what a name in a statement
// means. All others are refused by name: nothing that policy can't see gets through here.
var passedOn = []string{
	"application_name", "array_nulls", "bytea_output", "client_connection_check_interval", "client_encoding",
	"client_min_messages", "constraint_exclusion", "cpu_index_tuple_cost", "cpu_operator_cost", "cpu_tuple_cost",
	"cursor_tuple_fraction", "datestyle", "default_statistics_target", "default_transaction_deferrable",
	"default_transaction_isolation", "default_transaction_read_only", "effective_cache_size", "enable_async_append",
	"enable_bitmapscan", "enable_gathermerge", "enable_hashagg", "enable_hashjoin", "enable_incremental_sort",
	"enable_indexonlyscan", "enable_indexscan", "enable_material", "enable_memoize", "enable_mergejoin",
	"enable_nestloop", "enable_parallel_append", "enable_parallel_hash", "enable_partition_pruning",
	"enable_partitionwise_aggregate", "enable_partitionwise_join", "enable_seqscan", "enable_sort", "enable_tidscan",
	"escape_string_warning", "extra_float_digits", "from_collapse_limit", "geqo", "geqo_threshold",
	"hash_mem_multiplier", "idle_in_transaction_session_timeout", "idle_session_timeout", "intervalstyle", "jit",
	"join_collapse_limit", "lc_messages", "lc_monetary", "lc_numeric", "lc_time", "lock_timeout",
	"maintenance_work_mem", "max_parallel_maintenance_workers", "max_parallel_workers",
	"max_parallel_workers_per_gather", "plan_cache_mode", "quote_all_identifiers", "random_page_cost",
	"seq_page_cost", "standard_conforming_strings", "statement_timeout", "synchronize_seqscans",
	"synchronous_commit", "tcp_keepalives_count", "tcp_keepalives_idle", "tcp_keepalives_interval",
	"tcp_user_timeout", "temp_buffers", "timezone", "timezone_abbreviations", "transaction_timeout",
	"work_mem", "xmlbinary", "xmloption",
}

// insteadOf says what to do in place of a setting that is refused and often asked for.
var insteadOf = map[string]string{
	"role":                      "Log in with the account that you need: identity=account.",
	"session_authorization":     "Log in with the account that you need: identity=account.",
	"search_path":               "Set it after login with SET search_path, where policy sees it and it is recorded, or name schemas in statements.",
	"session_preload_libraries": "Have it set at the target, with ALTER ROLE or ALTER DATABASE.",
	"local_preload_libraries":   "Have it set at the target, with ALTER ROLE or ALTER DATABASE.",
}

// allowedSettings returns a test for the names that may be passed on: passedOn and more.
func allowedSettings(more []string) func(name string) bool {
	names := make(map[string]bool, len(passedOn)+len(more))
	for _, n := range slices.Concat(passedOn, more) {
		names[strings.ToLower(n)] = true
	}
	return func(name string) bool { return names[name] }
}

// parameters sorts a StartupMessage's parameters into a startup.
type parameters struct {
	startup *startup
	allowed func(string) bool
	seen    map[string]bool
	options string
}

// take takes one parameter. user, database, options and replication are known by their exact spelling, as PostgreSQL
// knows them; settings in any case.
func (p *parameters) take(name, value string) error {
	key := strings.ToLower(name)
	if p.seen[key] {
		return violation(fmt.Sprintf("startup parameter %q is given twice", name))
	}
	p.seen[key] = true
	switch {
	case name == "user":
		p.startup.user = value
	case name == "database":
		p.startup.database = value
	case name == "options":
		p.options = value
	case name == "replication":
		return refuseReplication(value)
	case strings.HasPrefix(name, "_pq_."):
		p.startup.unknown = append(p.startup.unknown, name)
	default:
		return p.set(name, value)
	}
	return nil
}

// finish reads options, which a setting given by itself overrides, and checks that there is a user.
func (p *parameters) finish() error {
	if p.startup.user == "" {
		return &protocols.Error{Class: protocols.ClassDenied, Message: "no PostgreSQL user name specified in startup packet"}
	}
	pairs, err := parseOptions(p.options)
	if err != nil {
		return err
	}
	given := p.startup.settings
	p.startup.settings = map[string]string{}
	for _, pair := range pairs {
		if err := p.set(pair[0], pair[1]); err != nil {
			return err
		}
	}
	for name, value := range given {
		p.startup.settings[name] = value
	}
	return nil
}

func (p *parameters) set(name, value string) error {
	key := strings.ToLower(name)
	if !p.allowed(key) {
		hint := insteadOf[key]
		if hint == "" {
			hint = "Leave it out of the connection string; set it after login, where policy sees it and it is recorded."
		}
		return &protocols.Error{Class: protocols.ClassUnsupported, Hint: hint,
			Message: fmt.Sprintf("the gateway does not pass on startup parameter %q", name)}
	}
	p.startup.settings[key] = value
	return nil
}

// refuseReplication refuses a walsender connection; replication=false is as if it were not said.
func refuseReplication(value string) error {
	switch strings.ToLower(value) {
	case "false", "off", "no", "0", "":
		return nil
	}
	return &protocols.Error{Class: protocols.ClassUnsupported, Message: "the gateway does not support replication connections yet",
		Hint: "Connect to the target itself for replication."}
}

// parseOptions reads the startup parameter "options", a command line of the server: -c name=value, -cname=value or
// --name=value, split at white space that no backslash stands before (PostgreSQL's pg_split_opts). Other switches are
// refused by name.
func parseOptions(options string) (pairs [][2]string, err error) {
	words := splitOptions(options)
	for i := 0; i < len(words); i++ {
		word := words[i]
		var setting string
		switch {
		case word == "-c" && i+1 < len(words):
			i++
			setting = words[i]
		case strings.HasPrefix(word, "--"):
			setting = word[2:]
		case strings.HasPrefix(word, "-c") && len(word) > 2:
			setting = word[2:]
		default:
			return nil, &protocols.Error{Class: protocols.ClassUnsupported, Hint: "Write settings as -c name=value.",
				Message: fmt.Sprintf("the gateway does not pass on server option %q", word)}
		}
		name, value, ok := strings.Cut(setting, "=")
		if !ok || name == "" {
			return nil, violation(fmt.Sprintf("server option %q has no value: write it as -c name=value", setting))
		}
		pairs = append(pairs, [2]string{strings.ReplaceAll(name, "-", "_"), value})
	}
	return pairs, nil
}

// splitOptions splits at white space; a backslash takes the character after it as it is.
func splitOptions(s string) (words []string) {
	var word []byte
	inWord := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case strings.IndexByte(" \t\n\v\f\r", c) >= 0:
			if inWord {
				words = append(words, string(word))
			}
			word, inWord = word[:0], false
		case c == '\\':
			inWord = true
			if i++; i < len(s) {
				word = append(word, s[i])
			}
		default:
			inWord = true
			word = append(word, c)
		}
	}
	if inWord {
		words = append(words, string(word))
	}
	return words
}
