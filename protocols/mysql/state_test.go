package mysql

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/protocols"
)

// Ways to change how later texts are read, or the current schema, plain ones and such that no answer of the server's
// reports, or reports wrongly (tried on MariaDB 10.11). After each, what a text is judged under must be what the server
// reads it under.
var stateChanges = []string{
	text("SET sql_mode='ANSI_QUOTES'"), text("set @@session.Sql_Mode='NO_BACKSLASH_ESCAPES'"), text("SET `sql_mode`=DEFAULT"),
	text("SET NAMES latin1"), text("SET CHARACTER SET gbk"), text("SET character_set_client=sjis"), text("SET CHARSET utf8mb4"),
	text("SET sql_mode='ANSI_QUOTES', @a=(SELECT 1 UNION SELECT 2)"), // fails after it changed
	text("SET sql_mode=''"),
	text("EXECUTE IMMEDIATE 'SET sql_mode=\\'ANSI_QUOTES\\''"), text("EXECUTE IMMEDIATE CONCAT('SET sql_','mode=\\'\\'')"),
	text("PREPARE s FROM 'SET sql_mode=\"IGNORE_SPACE\"'"), text("EXECUTE s"), text("SET sql_mode=''"),
	prepareSQL("SET sql_mode='ANSI_QUOTES'"), executeWith(0, "", "", ""), text("SET sql_mode=''"),
	text("SET STATEMENT sql_mode='ANSI_QUOTES' FOR SELECT 1"),
	text("SET STATEMENT session_track_system_variables='' FOR SET sql_mode='ANSI_QUOTES'"),
	text("SET session_track_system_variables=''"), text("SET sql_mode=''"), text("SET session_track_schema=OFF"),
	text("CREATE PROCEDURE p2() BEGIN SET sql_mode='ANSI'; SELECT 1; END"), text("CALL p2()"),
	text("CREATE FUNCTION f2() RETURNS int BEGIN SET sql_mode='ANSI'; RETURN 1; END"), text("SELECT f2()"),
	text("CREATE PROCEDURE p3() BEGIN SET NAMES gbk; PREPARE z FROM 'SET sql_mode=\"ANSI\"'; EXECUTE z; END"), text("CALL p3()"),
	text("CREATE PROCEDURE p4() BEGIN SET sql_mode='ANSI'; SIGNAL SQLSTATE '45000'; END"), text("CALL p4()"),
	text("BEGIN NOT ATOMIC SET sql_mode='ANSI_QUOTES'; END"),
	text("SELECT 1; SET sql_mode='ANSI_QUOTES'; SELECT 2"), text("SET sql_mode=''; SELECT * FROM nosuch"),
	text("SET `sql_modé`='ANSI_QUOTES'"), text("SET `ſql_mode`=''"),
	text("/*!50000 SET */ /*!50000 sql_mode */ = 'ANSI_QUOTES'"), text("SET sql_mode=''"),
	text("USE information_schema"), "\x02mysql", text("/*!USE*/`information_schema`"), text("EXECUTE IMMEDIATE 'USE mysql'"),
	prepareSQL("USE information_schema"), executeWith(0, "", "", ""),
	text("CREATE DATABASE gone_soon"), text("USE gone_soon"), text("DROP DATABASE gone_soon"),
	text("SELECT 1; USE mysql; SELECT * FROM nosuch"),
	text("SET sql_mode='ORACLE'"), text("SET sql_mode='MSSQL'"), text("SET sql_mode='ANSI'"), "\x1f",
	text("SET GLOBAL sql_mode=@@global.sql_mode"), text("SET @x='sql_mode'"), text("SET NAMES utf8mb4"),
	text("USE mysql"), "\x04db\x00",
}

func TestTextsAreJudgedAsTheServerReadsThem(t *testing.T) {
	server := testenv.MariaDBForTest(t)
	for name, caps := range map[string]capabilities{"plain": rawCaps, "tracked": rawCaps | clientDeprecateEOF | clientSessionTrack} {
		t.Run(name, func(t *testing.T) {
			s := newSplice(t, server, nil)
			c := dialRaw(t, s.addr, server.Superuser, server.Password, caps)
			s.last().tape.Lenient = true
			c.do("\x02" + server.CreateDB(t))
			id := le32(0)
			for i, change := range stateChanges {
				packets := c.do(strings.ReplaceAll(change, stmtID, id))
				if change[0] == comStmtPrepare && packets[0][headSize] == answerOK {
					id = string(packets[0][headSize+1 : headSize+5])
				}
				mark := fmt.Sprintf("asked %d", i)
				row := c.do(text("SELECT @@sql_mode, @@character_set_client, DATABASE(), '" + mark + "'"))
				want := wantState(t, row, mark)
				got := ""
				for _, line := range strings.Split(s.last().tape.Text(), "\n") {
					if strings.Contains(line, mark+"'") {
						got = line
					}
				}
				if _, got, _ = strings.Cut(got, "\""); !strings.HasSuffix(got, want) || want == "" && !strings.HasSuffix(got, "\"") {
					t.Errorf("after %q:\n got %q\nwant %q at its end", change, got, want)
				}
			}
		})
	}
}

// wantState is how the tape shows the state that a row tells.
func wantState(t *testing.T, packets [][]byte, mark string) (want string) {
	t.Helper()
	for _, p := range packets {
		if r := (body{b: p[headSize:]}); strings.HasSuffix(string(r.b), mark) && r.b[0] != 3 {
			st := sessionState{dialect: protocols.DialectMariaDB, mode: r.lenencText(), charset: r.lenencText()}
			if r.b[0] != answerFile {
				st.schema = r.lenencText()
			}
			reading, why := st.reading()
			if why != "" {
				want += fmt.Sprintf(" unsure=%q", why)
			}
			if reading.Schema != "" {
				want += " in=" + reading.Schema
			}
			if reading.ANSIQuotes {
				want += " ansi"
			}
			if reading.NoBackslashEscapes {
				want += " raw"
			}
			return want
		}
	}
	return "no row: " + fmt.Sprintf("%q", packets)
}
