package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/gatefold/gatefold/internal/testenv"
)

// mariadbSuite is MariaDB's own test suite against a server that it has not started ("extern"), with the settings that its
// results were made with.
var mariadbSuite = list{protocol: "mysql", start: suiteTwins.start, programs: []program{
	{name: "mariadb-client-test", run: clientTest},
	{name: "mariadb-test", run: mariadbTest},
	{name: "mariadb-test-quick", quick: true, part: true, run: mariadbTestQuick},
}}

// suiteDir is where Debian's mariadb-test has it.
const suiteDir = "/usr/share/mysql/mysql-test"

// suiteTwins are set as include/default_mysqld.cnf of the suite has it, where that can matter to a result.
var suiteTwins = twins{setUp: suiteAccounts, settings: map[string]string{
	"character_set_server": "latin1", "default_storage_engine": "myisam", "default_time_zone": "SYSTEM",
	"skip_name_resolve": "OFF", // its results say root@localhost
	"local_infile":      "ON", "log_bin_trust_function_creators": "ON", "max_allowed_packet": "16M",
	"connect_timeout": "60", "key_buffer_size": "1M", "sort_buffer_size": "256K", "max_heap_table_size": "1M",
	"aria_pagecache_buffer_size": "8M", "use_stat_tables": "preferably", "histogram_type": "json_hb",
	"innodb_buffer_pool_size": "8M", "innodb_log_buffer_size": "2M", "log_basename": "mysqld",
	"binlog_direct_non_transactional_updates": "ON", "performance_schema": "ON",
}}

// suiteAccounts makes what the suite finds on servers that it starts itself: root@localhost with no password, whom the
// gateway and this program still reach by theirs.
func suiteAccounts(ctx context.Context, s *testenv.MariaDBServer) error {
	return s.Exec(ctx, "", fmt.Sprintf(`CREATE USER root@localhost IDENTIFIED VIA mysql_native_password USING PASSWORD('%s') OR mysql_native_password;
		GRANT ALL ON *.* TO root@localhost WITH GRANT OPTION`, s.Password))
}

// freshSuite drops all that tests have left, and makes the databases that they begin with.
func (e mysqlEnd) freshSuite(ctx context.Context) error {
	config, err := e.server.Login().Config("")
	if err != nil {
		return err
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	var drop string
	const left = "SELECT COALESCE(GROUP_CONCAT(CONCAT('DROP DATABASE `', REPLACE(SCHEMA_NAME, '`', '``'), '`;') SEPARATOR ''), '') FROM information_schema.SCHEMATA " +
		"WHERE SCHEMA_NAME NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')"
	if err := db.QueryRowContext(ctx, left).Scan(&drop); err != nil {
		return err
	}
	return e.server.Exec(ctx, "", drop+`SET GLOBAL sql_mode = DEFAULT; CREATE DATABASE test CHARACTER SET latin1; CREATE DATABASE mtr;
		CREATE TABLE mtr.test_suppressions (pattern VARCHAR(255)) ENGINE=MyISAM;
		CREATE PROCEDURE mtr.add_suppression(pattern VARCHAR(255)) BEGIN END`)
}

// again is how many failed tests are run a second time, alone and on empty databases: what one leaves behind fails others.
const again = 60

func mariadbTest(ctx context.Context, a *attempt) error      { return a.suite(ctx, 1) }
func mariadbTestQuick(ctx context.Context, a *attempt) error { return a.suite(ctx, 12) }

// suite runs each nth test of the list.
func (a *attempt) suite(ctx context.Context, nth int) error {
	tests, err := readTests(a.script("mysql/mariadb-test.txt"), nth)
	if err != nil {
		return err
	}
	result, err := a.runTests(ctx, tests)
	if err != nil {
		return err
	}
	passed, repeated := 0, 0
	for _, test := range tests {
		if result[test] != "pass" && repeated < again {
			repeated++
			alone, err := a.runTests(ctx, []string{test})
			if err != nil {
				return err
			}
			result[test] = alone[test]
		}
		if result[test] == "pass" {
			passed++
		}
		a.sayf("%s %s", test, result[test])
	}
	a.note = fmt.Sprintf("%d of %d tests pass", passed, len(tests))
	return nil
}

func readTests(path string, nth int) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var tests []string
	n := 0
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if n%nth == 0 {
			tests = append(tests, line)
		}
		n++
	}
	return tests, nil
}

// suiteSays is a test's line in the report, and, for one that failed, the words of mysqltest.
var suiteSays = regexp.MustCompile(`(?m)^([a-z0-9_]+\.[^ ]+) +\[ (\w+) \]|^(mysqltest: .*|.*Could not open connection.*|-{3} .*)$`)

// runTests runs tests on empty databases and returns what came of each: pass, or why not.
func (a *attempt) runTests(ctx context.Context, tests []string) (map[string]string, error) {
	if err := a.mysql.freshSuite(ctx); err != nil {
		return nil, err
	}
	dir, err := filepath.EvalSymlinks(filepath.Join(a.mysql.server.Dir, "run"))
	if err != nil {
		return nil, err
	}
	l := a.mysql.certified
	args := []string{"mariadb-test-run.pl", "--vardir=" + filepath.Join(dir, "var"), "--force", "--max-test-fail=0", "--retry=0",
		"--testcase-timeout=1", "--suite-timeout=15", "--nowarnings", "--no-check-testcases"}
	extern := []string{"host=" + l.Host, "port=" + a.mysql.port(), "user=" + l.User, "protocol=tcp", "ssl-ca=" + l.CA}
	if l.Cert != "" {
		extern = append(extern, "ssl-cert="+l.Cert, "ssl-key="+l.Key)
	}
	for _, option := range extern {
		args = append(args, "--extern", option)
	}
	// The server writes files into the suite's folder, as another account: umask 0.
	cmd := a.command(ctx, "sh", append([]string{"-c", `umask 0; exec perl "$@"`, "sh"}, append(args, tests...)...)...)
	cmd.Dir = suiteDir
	log, err := os.Create(a.file(fmt.Sprintf("mtr-%s-%d.log", tests[0], len(tests))))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	ended := cmd.Run() // as failed where a test did
	said, err := os.ReadFile(log.Name())
	if err != nil {
		return nil, err
	}
	result, last := map[string]string{}, ""
	for _, m := range suiteSays.FindAllSubmatch(said, -1) {
		if test := string(m[1]); test != "" {
			result[test], last = string(m[2]), test
		} else if result[last] == "fail" {
			result[last] += ": " + string(m[3])
		}
	}
	if i := slices.IndexFunc(tests, func(t string) bool { return result[t] == "" }); i >= 0 {
		return result, fmt.Errorf("mariadb-test-run says nothing of %s (%v): %s", tests[i], ended, bytes.TrimSpace(said[max(0, len(said)-300):]))
	}
	return result, nil
}
