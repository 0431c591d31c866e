package main

import (
	"context"
	"os/exec"
	"path/filepath"
)

// driver is a script that talks by somebody's driver and prints what it sees.
type driver struct {
	program []string // its interpreter and what comes before the script
	script  string   // below testdata/mysql
	args    []string
}

// run runs the script on an empty database.
func (d driver) run(ctx context.Context, a *attempt) error {
	if err := a.mysql.fresh(ctx); err != nil {
		return err
	}
	args := append(append([]string{}, d.program[1:]...), a.script("mysql/"+d.script))
	cmd := a.command(ctx, d.program[0], append(args, d.args...)...)
	a.tellWhere(cmd)
	a.hide(`KILL (QUERY )?[0-9]+`, "KILL ${1}ID")
	return a.mustTell(cmd)
}

// tellWhere tells a script its login by the environment.
func (a *attempt) tellWhere(cmd *exec.Cmd) {
	l := a.mysql.login
	cmd.Env = append(cmd.Env, "COMPAT_HOST="+l.Host, "COMPAT_PORT="+a.mysql.port(), "COMPAT_USER="+l.User,
		"COMPAT_PASSWORD="+l.Password, "COMPAT_DATABASE="+database, "COMPAT_CA="+l.CA, "NODE_PATH="+a.npm+"/node_modules",
		"COMPAT_ODBC="+odbcDriver())
}

var (
	python = []string{"/usr/bin/python3", "-u"}
	node   = []string{"node"}
	perl   = []string{"/usr/bin/perl"}
	java   = []string{"java", "-Dfile.encoding=UTF-8", "-Duser.timezone=UTC", "-cp", "/usr/share/java/mariadb-java-client.jar"} // it compiles, too
)

var drivers = []program{
	{name: "node-mysql2", quick: true, run: driver{program: node, script: "node/mysql2.js"}.run},
	{name: "node-mariadb", run: driver{program: node, script: "node/mariadb.js"}.run},
	{name: "pymysql", run: driver{program: python, script: "python/dbapi.py", args: []string{"pymysql"}}.run},
	{name: "python-mysqldb", run: driver{program: python, script: "python/dbapi.py", args: []string{"MySQLdb"}}.run},
	{name: "python-odbc", run: driver{program: python, script: "python/odbc.py"}.run},
	{name: "perl-dbd-mariadb", run: driver{program: perl, script: "perl/dbd.pl", args: []string{"MariaDB"}}.run},
	{name: "perl-dbd-mysql", run: driver{program: perl, script: "perl/dbd.pl", args: []string{"mysql"}}.run},
	{name: "java-mariadb", run: driver{program: java, script: "java/Talk.java"}.run},
	{name: "php", run: driver{program: []string{"php"}, script: "php/mysqli.php"}.run},
	{name: "ruby-mysql2", run: driver{program: []string{"ruby"}, script: "ruby/mysql2.rb"}.run},
}

// odbcDriver is the path of MariaDB's ODBC driver, which Debian doesn't register by itself.
func odbcDriver() string {
	found, _ := filepath.Glob("/usr/lib/*/odbc/libmaodbc.so")
	if len(found) == 0 {
		return "MariaDB"
	}
	return found[0]
}
