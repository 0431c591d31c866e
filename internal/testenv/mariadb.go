package testenv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// MariaDBServer is a throwaway MariaDB.
type MariaDBServer struct {
	Server
	Socket     string // path of its unix socket
	GeneralLog string // path of its general log, where Options.LogStatements
}

// MariaDBSuperuser is the name of every throwaway MariaDB's superuser.
const MariaDBSuperuser = "root"

// MariaDB starts a throwaway server as Postgres does. It has the plugin of client_ed25519 (accounts IDENTIFIED VIA
// ed25519) beside mysql_native_password, and no binary log, see Options.Settings: {"log_bin": "binlog"}. The variables of
// MariaDB's manual are settings ("lower_case_table_names": "1"); an empty value is an option that takes none.
func MariaDB(ctx context.Context, opt Options) (*MariaDBServer, error) {
	if err := EnsureMariaDB(); err != nil {
		return nil, err
	}
	s := &MariaDBServer{Server: Server{Host: "127.0.0.1", Superuser: MariaDBSuperuser, Password: NewPassword(), kind: mariadb{}, opt: opt}}
	if err := s.begin(ctx); err != nil {
		return nil, err
	}
	s.Socket = filepath.Join(s.SocketDir, mariadbSocket)
	if opt.LogStatements {
		s.GeneralLog = generalLog(s.DataDir)
	}
	return s, nil
}

// MariaDBRuns reports whether a server of MariaDB runs in dir, whoever started it.
func MariaDBRuns(dir string) bool { return runs(mariadb{}, dir) }

// StopMariaDB ends the server of MariaDB in dir, whoever started it. Where none runs there is nothing to do.
func StopMariaDB(dir string) error { return stop(mariadb{}, dir) }

// mariadb is how MariaDB does it.
type mariadb struct{}

func (mariadb) name() string       { return "MariaDB" }
func (mariadb) protocol() string   { return "mysql" }
func (mariadb) outlive(int) []int  { return nil }
func (mariadb) accounts() []string { return []string{"mysql", "nobody"} }

// signals shut it down cleanly, then with force. There is nothing in between.
func (mariadb) signals() []syscall.Signal { return []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} }

// Files beside the data folder, and in the socket's folder.
const mariadbSocket = "mysql.sock"

func myCnf(data string) string       { return filepath.Join(filepath.Dir(data), "my.cnf") }
func mariadbPID(data string) string  { return filepath.Join(filepath.Dir(data), "mariadbd.pid") }
func generalLog(data string) string  { return filepath.Join(filepath.Dir(data), "general.log") }
func mariadbTmp(data string) string  { return filepath.Join(filepath.Dir(data), "tmp") }
func rootSQLFile(data string) string { return filepath.Join(filepath.Dir(data), "root.sql") }

// rootSQL leaves one account that can log in, from anywhere, with a password: the server has it before it listens.
// Grants are off while a server is installed, so it writes the table (MariaDB: "mysql.global_priv Table").
const rootSQL = `USE mysql;
INSERT INTO global_priv SELECT '%%', User, JSON_SET(Priv, '$.plugin', 'mysql_native_password', '$.authentication_string', PASSWORD('%s'))
  FROM global_priv WHERE User = 'root' AND Host = 'localhost';
DELETE FROM global_priv WHERE User = 'root' AND Host <> '%%';
DELETE FROM proxies_priv;
`

// install takes 0.8 s of CPU, of which the system tables are most. Small logs and no flushing save a third, and 100 MB.
func (m mariadb) install(ctx context.Context, s *Server) error {
	path, err := MariaDBBinary("mariadb-install-db")
	if err != nil {
		return err
	}
	if err := makeTmp(s); err != nil {
		return err
	}
	cnf := map[string]string{"innodb_log_file_size": logFileSize, "innodb_buffer_pool_size": "16M", "tmpdir": mariadbTmp(s.DataDir)}
	maps.Copy(cnf, volatile)
	if v, ok := s.opt.Settings["lower_case_table_names"]; ok {
		cnf["lower_case_table_names"] = v
	}
	if err := writeMyCnf(s, cnf); err != nil {
		return err
	}
	sql := rootSQLFile(s.DataDir)
	if err := s.write(sql, fmt.Appendf(nil, rootSQL, s.Password)); err != nil {
		return err
	}
	defer os.Remove(sql)
	return s.run(exec.CommandContext(ctx, path, "--defaults-file="+myCnf(s.DataDir), "--datadir="+s.DataDir,
		"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve", "--cross-bootstrap", "--extra-file="+sql))
}

// makeTmp makes a folder for temporary tables. A server that starts removes all that it finds in its own: in a folder that
// servers share those of others, which then fail.
func makeTmp(s *Server) error {
	tmp := mariadbTmp(s.DataDir)
	if err := os.Mkdir(tmp, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return s.account.own(tmp)
}

const logFileSize = "16M"

// volatile are the settings of a server that asks the kernel to write nothing at once: SIGKILL it survives.
var volatile = map[string]string{
	"innodb_flush_method": "nosync", "innodb_flush_log_at_trx_commit": "2", "aria_sync_log_dir": "NEVER", "debug_no_sync": "",
}

// command writes my.cnf as a whole: a throwaway server has no other settings than these.
func (m mariadb) command(s *Server) (*exec.Cmd, error) {
	if err := s.makeSocketDir(); err != nil {
		return nil, err
	}
	cnf := map[string]string{
		"datadir":                 s.DataDir,
		"socket":                  filepath.Join(s.SocketDir, mariadbSocket),
		"pid_file":                mariadbPID(s.DataDir),
		"tmpdir":                  mariadbTmp(s.DataDir),
		"bind_address":            s.Host,
		"port":                    strconv.Itoa(s.Port),
		"skip_name_resolve":       "ON", // 127.0.0.1 is not localhost: accounts are the same on all machines
		"plugin_load_add":         "auth_ed25519",
		"character_set_server":    "utf8mb4",
		"default_time_zone":       "+00:00",
		"max_connections":         "300",
		"innodb_buffer_pool_size": "32M",
		"innodb_log_file_size":    logFileSize,
	}
	if s.opt.TLS {
		cnf["ssl_cert"], cnf["ssl_key"] = filepath.Join(s.DataDir, certFile), filepath.Join(s.DataDir, keyFile)
		cnf["ssl_ca"] = filepath.Join(s.DataDir, authorityFile)
	}
	if s.opt.LogStatements {
		cnf["general_log"], cnf["general_log_file"] = "ON", generalLog(s.DataDir)
	}
	if !s.opt.Durable {
		maps.Copy(cnf, volatile)
	}
	maps.Copy(cnf, s.opt.Settings)
	if err := writeMyCnf(s, cnf); err != nil {
		return nil, err
	}
	_ = os.Remove(mariadbPID(s.DataDir)) // a killed server's
	path, err := MariaDBBinary("mariadbd")
	if err != nil {
		return nil, err
	}
	return exec.Command(path, "--defaults-file="+myCnf(s.DataDir)), nil
}

func writeMyCnf(s *Server, cnf map[string]string) error {
	var b strings.Builder
	b.WriteString("[mariadbd]\n")
	for _, name := range slices.Sorted(maps.Keys(cnf)) {
		b.WriteString(name)
		if cnf[name] != "" {
			b.WriteString(" = " + optionValue(cnf[name]))
		}
		b.WriteByte('\n')
	}
	return s.write(myCnf(s.DataDir), []byte(b.String()))
}

// optionValue is a value as an option file has it (MariaDB: "Configuring MariaDB with Option Files").
func optionValue(v string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(v) + `"`
}

// ready goes by what the log says after the server has read its accounts: earlier it only queues connections.
func (mariadb) ready(_ *Server, said string) bool {
	return strings.Contains(said, ": ready for connections.")
}

// running reads the pid file, and the socket's folder from my.cnf.
func (mariadb) running(data string) (running, bool) {
	var r running
	text, err := os.ReadFile(myCnf(data))
	if err != nil {
		return r, false
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " = ")
		switch value = strings.Trim(value, `"`); name {
		case "socket":
			r.socket = filepath.Dir(value)
		case "port":
			r.port, _ = strconv.Atoi(value)
		}
	}
	text, err = os.ReadFile(mariadbPID(data))
	if err != nil {
		return r, false
	}
	r.pid, _ = strconv.Atoi(string(bytes.TrimSpace(text)))
	r.ready = lives(r.pid, data)
	return r, r.ready
}
