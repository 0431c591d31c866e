package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// clientTest is MariaDB's test of its C API: prepared statements, cursors, long data, change_user, multi results.
func clientTest(ctx context.Context, a *attempt) error {
	if err := a.mysql.freshSuite(ctx); err != nil {
		return err
	}
	list, err := a.command(ctx, "mariadb-client-test", "--show-tests").Output()
	if err != nil {
		return fmt.Errorf("list the tests of mariadb-client-test: %w", err)
	}
	l := a.mysql.login
	passed, all := 0, 0
	for _, test := range strings.Fields(string(list)) {
		if !strings.HasPrefix(test, "test_") {
			continue
		}
		args := []string{"--no-defaults", "--silent", "--host=" + l.Host, "--port=" + a.mysql.port(), "--user=" + l.User, "--password=" + l.Password,
			"--basedir=" + suiteDir, "--vardir=" + a.dir, test}
		said, err := a.command(ctx, "mariadb-client-test", args...).CombinedOutput()
		all++
		if err != nil {
			a.sayf("%s: %v", test, err)
		} else {
			a.sayf("%s passes", test)
			passed++
		}
		if err := os.WriteFile(a.file(test+".log"), said, 0o600); err != nil {
			return err
		}
	}
	a.note = fmt.Sprintf("%d of %d tests pass", passed, all)
	return nil
}

// tools are MariaDB's other programs.
func tools(ctx context.Context, a *attempt) error {
	if err := a.mysql.fresh(ctx); err != nil {
		return err
	}
	a.hide(`(?m)^Uptime: .*$`, "Uptime: ...")
	a.hide(`\| [0-9]+ +\|`, "| ID |")
	a.hide(`\([0-9.]+ sec\)`, "(... sec)")
	a.hide(`(?i)kill (query )?[0-9]+`, "kill ${1}ID")
	if err := os.WriteFile(a.file("loaded.txt"), []byte("1\tä\n2\t\\N\n3\tc\n"), 0o644); err != nil {
		return err
	}
	table := "CREATE TABLE loaded (a INT PRIMARY KEY, b TEXT) DEFAULT CHARSET utf8mb4; CREATE TABLE big AS SELECT seq, REPEAT('x', 100) AS t FROM seq_1_to_20000"
	for _, line := range [][]string{
		{"mariadb", database, "-e", table},
		{"mariadb-import", "--local", "--default-character-set=utf8mb4", database, a.file("loaded.txt")},
		{"mariadb", "-t", "--default-character-set=utf8mb4", database, "-e", "SELECT * FROM loaded"},
		{"mariadb-import", "--local", "--replace", "--columns=a,b", database, a.file("loaded.txt")},
		{"mariadb-show"},
		{"mariadb-show", database},
		{"mariadb-show", "--count", database, "big"},
		{"mariadb-check", "--databases", database, "mysql"},
		{"mariadb-check", "--analyze", "--extended", database},
		{"mariadb-admin", "ping"},
		{"mariadb-admin", "status"},
		{"mariadb-admin", "create", database + "_2"},
		{"mariadb-admin", "--force", "drop", database + "_2"},
		{"mariadb-admin", "flush-tables"},
		{"mariadb-admin", "kill", "4294967"},
		{"mariadb-slap", "--concurrency=8", "--iterations=2", "--number-of-queries=800", "--auto-generate-sql", "--auto-generate-sql-load-type=mixed",
			"--create-schema=" + database + "_slap", "--csv=" + a.file("slap.csv")},
		{"mariadb", "-v", "-v", "-v", database, "-e", "SELECT 1; UPDATE loaded SET b = 'x'; SELECT COUNT(*) FROM big; USE mysql; SELECT DATABASE()"},
		{"mariadb", "--batch", "--force", database, "-e", "SELECT 'a\\tb', NULL; SELEKT; SELECT * FROM no_such; SELECT 'on'"},
		{"mariadb", "--xml", database, "-e", "SELECT * FROM loaded"},
		{"mariadb", "-E", database, "-e", "SHOW CREATE TABLE loaded"},
		{"mariadb", "-q", "--skip-column-names", database, "-e", "SELECT seq, t FROM big ORDER BY seq LIMIT 3"},
		{"mariadb", "--column-type-info", database, "-e", "SELECT * FROM loaded"},
		{"mariadb", "no_such_database", "-e", "SELECT 1"},
		{"mariadb", "--password=wrong", "-e", "SELECT 1"},
		{"mariadb-find-rows", "--help"},
	} {
		a.tell(a.mysqlTool(ctx, line[0], line[1:]...))
	}
	a.note = "import, show, check, admin, slap, the client in batch"
	return a.processList(ctx)
}

// processList asks mariadb-admin for what runs, and whether it names the one that asks.
func (a *attempt) processList(ctx context.Context) error {
	out, err := a.mysqlTool(ctx, "mariadb-admin", "processlist").CombinedOutput()
	if err != nil {
		a.out.Write(out)
		return fmt.Errorf("mariadb-admin processlist: %w", err)
	}
	a.sayf("processlist shows itself: %v", strings.Contains(string(out), "show processlist"))
	return nil
}

// loadData has a file loaded by the server and by the client, by one whom policy lets and by one whom it doesn't.
func loadData(ctx context.Context, a *attempt) error {
	if err := a.mysql.fresh(ctx); err != nil {
		return err
	}
	dir, err := filepath.EvalSymlinks(filepath.Join(a.mysql.server.Dir, "run"))
	if err != nil {
		return err
	}
	a.hide(regexp.QuoteMeta(dir), "SERVER") // where it is elsewhere
	var lines strings.Builder
	for i := range 100000 {
		fmt.Fprintf(&lines, "%d;\"line %d, ü\"\n", i, i)
	}
	for _, path := range []string{filepath.Join(dir, "rows.csv"), a.file("rows.csv")} {
		if err := os.WriteFile(path, []byte(lines.String()), 0o644); err != nil {
			return err
		}
	}
	const format = " INTO TABLE l FIELDS TERMINATED BY ';' OPTIONALLY ENCLOSED BY '\"' (a, b)"
	sum := "; SELECT COUNT(*), SUM(a), MD5(GROUP_CONCAT(b ORDER BY a)) FROM l; TRUNCATE l"
	run := func(text string) {
		a.tell(a.mysqlTool(ctx, "mariadb", "-vvv", "--local-infile=1", "--default-character-set=utf8mb4", database, "-e", text))
	}
	a.hide(`\([0-9.]+ sec\)`, "(... sec)")
	run("CREATE TABLE l (a INT, b VARCHAR(100)) DEFAULT CHARSET utf8mb4")
	run("LOAD DATA INFILE '" + filepath.Join(dir, "rows.csv") + "'" + format + sum)
	run("LOAD DATA LOCAL INFILE '" + a.file("rows.csv") + "'" + format + sum)
	run("LOAD DATA LOCAL INFILE '/no/such/file'" + format + "; SELECT 'and on'")
	run("LOAD DATA LOCAL INFILE '" + a.file("rows.csv") + "' INTO TABLE no_such; SELECT 'and on'")
	a.sayf("== the user whom policy does not let")
	careful := a.file("careful.cnf")
	if err := os.WriteFile(careful, a.mysql.careful.OptionFile(), 0o600); err != nil {
		return err
	}
	a.mysql.cnf = careful // here only, an attempt has its way by value
	for _, where := range []string{"LOCAL INFILE '" + a.file("rows.csv"), "INFILE '" + filepath.Join(dir, "rows.csv")} {
		a.tell(a.mysqlTool(ctx, "mariadb", "--local-infile=1", database, "-e", "LOAD DATA "+where+"'"+format))
		a.tell(a.mysqlTool(ctx, "mariadb", "-N", database, "-e", "SELECT CONCAT('rows: ', COUNT(*)) FROM l"))
	}
	a.note = "from the server and from the client; refused to whom policy doesn't let"
	return nil
}

// interrupt is Ctrl-C in the client at a terminal: it cancels the statement, and the client goes on.
func interrupt(ctx context.Context, a *attempt) error {
	a.hide(`(?s)^.*?== `, "== ")
	out, err := a.command(ctx, "/usr/bin/python3", a.script("mysql/python/interrupt.py"), a.mysql.cnf).CombinedOutput()
	a.out.Write(out)
	return err
}
