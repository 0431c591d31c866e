package mysql

import (
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gatefold/gatefold/internal/testenv"
)

// trickle is a connection that gives its bytes in small portions.
type trickle struct {
	net.Conn
	n int
}

func (c trickle) Read(p []byte) (int, error) { return c.Conn.Read(p[:min(len(p), c.n)]) }

func (c trickle) CloseWrite() error { return c.Conn.(*net.TCPConn).CloseWrite() }

// stmtID stands in a command for the id of the statement that was prepared last.
const stmtID = "\xee\xee\xee\xee"

func le16(n uint16) string { return string(binary.LittleEndian.AppendUint16(nil, n)) }
func le32(n uint32) string { return string(binary.LittleEndian.AppendUint32(nil, n)) }

func text(sql string) string     { return "\x03" + sql }
func prepareSQL(q string) string { return "\x16" + q }

// executeWith is COM_STMT_EXECUTE with its types and values behind the head.
func executeWith(flags byte, nulls, types, values string) string {
	s := "\x17" + stmtID + string(flags) + le32(1)
	if nulls == "" && types == "" {
		return s + values
	}
	if types == "" {
		return s + nulls + "\x00" + values
	}
	return s + nulls + "\x01" + types + values
}

// Conversations whose answers must be the same to the byte, directly and through the machine, however the bytes arrive.
var twinConversation = []string{
	"\x0e",
	text("CREATE TABLE t (a int auto_increment primary key, b longblob, c datetime(6), d time, e double, f bigint unsigned)"),
	text("INSERT INTO t (b) VALUES ('x'),('y')"),
	text("SELECT a,b FROM t; SELECT 1; INSERT INTO t (b) VALUES ('z'); SELECT 2"),
	text("SELECT * FROM nosuch"),
	// the flag of a cursor is left on after this (seen on 10.11)
	text("BEGIN NOT ATOMIC DECLARE a,b,c,d,e,f,g,h,i,j TEXT; DECLARE cu CURSOR FOR SELECT a FROM t PROCEDURE analyse(); " +
		"OPEN cu; FETCH cu INTO a,b,c,d,e,f,g,h,i,j; CLOSE cu; SELECT a,b; END"),
	text("SELECT 1; SELECT * FROM nosuch; SELECT 3"),
	text("SELECT a FROM t WHERE 0"),
	text("BEGIN"), text("ROLLBACK"), text("SET autocommit=0"), text("SELECT @@autocommit"), text("SET autocommit=1"),
	text("CREATE PROCEDURE p() BEGIN SELECT 1; SELECT a FROM t; INSERT INTO t (b) VALUES ('p'); END"),
	text("CALL p()"),
	text("CREATE PROCEDURE q(OUT x int) BEGIN SET x=5; END"),
	"\x04t\x00%", "\x04nosuch\x00",
	"\x1b\x01\x00", text("SELECT 1; SELECT 2"), "\x1b\x00\x00",
	"\x0d",
	// prepared statements
	prepareSQL("SELECT ?+1, ? FROM t"),
	executeWith(0, "\x00", "\x08\x00\xfd\x00", "\x05\x00\x00\x00\x00\x00\x00\x00\x03abc"),
	executeWith(0, "\x02", "\x08\x00\x06\x00", "\x05\x00\x00\x00\x00\x00\x00\x00"),
	executeWith(0, "\x01", "", "\x01z"), // types as before
	prepareSQL("SELECT 1 FROM nosuch"),
	prepareSQL("SET @a=1"), executeWith(0, "", "", ""), executeWith(0, "", "", "\x01"),
	prepareSQL("INSERT INTO t (b,c,d,e,f) VALUES (?,?,?,?,?)"),
	executeWith(0, "\x00", "\xfc\x00\x0c\x00\x0b\x00\x05\x00\x08\x80",
		"\x02hi\x0b\xe8\x07\x0c\x1f\x17\x3b\x3b\x40\x42\x0f\x00\x08\x01\x01\x00\x00\x00\x02\x03\x04\x00\x00\x00\x00\x00\x00\xf8\x3f\xff\xff\xff\xff\xff\xff\xff\xff"),
	"\x18" + stmtID + le16(0) + "long ", "\x18" + stmtID + le16(0) + "data",
	executeWith(0, "\x1e", "\xfc\x00\x06\x00\x06\x00\x06\x00\x06\x00", ""),
	"\x1a" + stmtID,
	executeWith(0, "\x1f", "\xfc\x00\x06\x00\x06\x00\x06\x00\x06\x00", ""),
	prepareSQL("INSERT INTO t (b) VALUES (?)"),
	"\xfa" + stmtID + le16(128) + "\xfd\x00" + "\x00\x03abc" + "\x01" + "\x00\x01z" + "\x02",
	"\xfa" + stmtID + le16(0) + "\x00\x04more",
	text("SELECT a,b,c,d,e,f FROM t ORDER BY a"),
	prepareSQL("SELECT a FROM t ORDER BY a"),
	executeWith(1, "", "", ""), // read-only cursor
	"\x1c" + stmtID + le32(2), "\x1c" + stmtID + le32(1), "\x1c" + stmtID + le32(100), "\x1c" + stmtID + le32(1),
	executeWith(1, "", "", ""), "\x1a" + stmtID,
	"\x19" + stmtID,
	executeWith(0, "", "", ""), // gone
	prepareSQL("CALL p()"), executeWith(0, "", "", ""),
	prepareSQL("CALL q(?)"), executeWith(0, "\x00", "\x08\x00", "\x05\x00\x00\x00\x00\x00\x00\x00"),
	"\x02nosuchdb", text("USE information_schema"), "\x02DB", "\x1f", text("SELECT DATABASE()"),
	text("SET sql_mode='ANSI_QUOTES'"), text("SELECT \"a\" FROM t"), text("SET sql_mode=''"), text("SELECT \"a\""),
	text("DO SLEEP(0.01)"), text("XA START 'x'"), text("XA END 'x'"), text("XA ROLLBACK 'x'"),
	text("HANDLER t OPEN"), text("HANDLER t READ FIRST"), text("HANDLER t CLOSE"),
	text("SELECT REPEAT('r', 70000)"), text("SELECT REPEAT('r', 200), a FROM t, (SELECT 1 UNION SELECT 2) x"),
	"\x09",
	text("KILL QUERY 99999999"),
	text("LOAD DATA LOCAL INFILE '/nosuch' INTO TABLE t (b)"),
}

func TestAnswersAreTheServersOwn(t *testing.T) {
	server := testenv.MariaDBForTest(t)
	for name, caps := range map[string]capabilities{
		"plain": rawCaps, "deprecate": rawCaps | clientDeprecateEOF | clientSessionTrack,
		"mariadb": rawCaps | clientDeprecateEOF | mariadbBulk | mariadbCacheMetadata | mariadbExtendedTypes | mariadbProgress,
		"cache":   rawCaps | mariadbCacheMetadata,
	} {
		t.Run(name, func(t *testing.T) {
			want := converse(t, server, server.Address(), caps)
			for _, cut := range []int{1 << 20, 1, 7} {
				s := newSplice(t, server, nil)
				s.cut.Store(int64(cut))
				got := converse(t, server, s.addr, caps)
				for i := range want {
					if !slices.Equal(got[i], want[i]) {
						t.Errorf("cut %d, %.60q:\n got %s\nwant %s", cut, twinConversation[i], strings.Join(got[i], "\n     "), strings.Join(want[i], "\n     "))
					}
				}
			}
		})
	}
}

var twins atomic.Uint64

// converse holds the conversation and returns the answers.
func converse(t *testing.T, server *testenv.MariaDBServer, addr string, caps capabilities) (all [][]string) {
	t.Helper()
	db := fmt.Sprintf("twin%06d", twins.Add(1)) // names of one length: it stands before them in answers
	server.MustExec(t, "", "CREATE DATABASE "+db)
	t.Cleanup(func() { server.MustExec(t, "", "DROP DATABASE IF EXISTS "+db) })
	c := dialRaw(t, addr, server.Superuser, server.Password, caps)
	c.do("\x02" + db)
	id := le32(0)
	for _, cmd := range twinConversation {
		if cmd == "\x02DB" {
			cmd = "\x02" + db
		}
		packets := c.do(strings.ReplaceAll(cmd, stmtID, id))
		var seen []string
		for i, p := range packets {
			if cmd[0] == comStmtPrepare && i == 0 && p[headSize] == answerOK {
				id = string(p[headSize+1 : headSize+5])
				p[headSize+1] = 0 // ids count up in a server
			}
			if cmd[0] != comStatistics {
				seen = append(seen, strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(show(p), fmt.Sprintf("\\x%02x%s", len(db), db), "DB"), db, "DB"),
					fmt.Sprintf("(%d)", binary.LittleEndian.Uint32([]byte(id))), "(ID)"))
			}
		}
		all = append(all, seen)
	}
	return all
}
