package storetest

import (
	"time"

	"github.com/gatefold/gatefold/internal/record"
)

// Wares is a small archive, in four blocks, of sessions with MySQL: alice's program runs prepared statements with
// parameters of all kinds and long data, erin at the client is refused, loads a file and has a statement killed, and frank, whom
// she becomes on the same connection, fetches rows by a cursor.
func Wares() []Sealed {
	m := NewMaker()
	var blocks []Sealed
	seal := func() {
		b, raw := m.Seal()
		blocks = append(blocks, Sealed{b, raw})
	}
	param := func(typ uint32, value string) record.Param {
		return record.Param{Type: typ, Format: record.FormatMySQL, Value: []byte(value)}
	}
	sel, insert, wares := []string{"select"}, []string{"insert"}, []string{"shop.wares"}

	alice := m.OpenMySQL("alice", "app", "wares", "shop")
	add := alice.Prepare("1", "INSERT INTO wares VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '?', \"a?\", `t?` /* ? */)", insert, wares)
	first := alice.Run(add, param(record.MySQLLongLong, "\xfe\xff\xff\xff\xff\xff\xff\xff"), param(record.MySQLLong|record.UnsignedType, "\xff\xff\xff\xff"),
		param(record.MySQLDouble, "\x9a\x99\x99\x99\x99\x99\xb9\xbf"), param(record.MySQLNewDecimal, "-12.340"),
		param(record.MySQLDateTime, "\xea\x07\x0b\x17\x08\x01\x02\x03\x00\x00\x00"), param(record.MySQLTime, "\x01\x01\x00\x00\x00\x01\x01\x02"),
		param(record.MySQLString, "it's a zoë"), param(record.MySQLVarString, `C:\tmp`), record.Param{Type: record.MySQLNull, Format: record.FormatMySQL, Null: true})
	alice.OK(first, record.Record{Rows: 1, InsertID: 4711, Warnings: 2})
	picture := alice.Prepare("2", "UPDATE wares SET picture = ?, note = ? WHERE id = ?", []string{"update"}, wares)
	long := alice.Long(picture, "0", "\x89PNG\r\n", true)
	seal()

	m.Now = m.Now.Add(time.Minute)
	alice.Add(record.Record{Kind: record.KindData, Of: long, Bytes: 6, Text: []byte("\x1a\n\x00\xff"), Flags: record.FlagMore})
	alice.Add(record.Record{Kind: record.KindData, Of: long, Bytes: 10}) // its end was not known before
	alice.Long(picture, "1", "a quagga ", false)
	alice.Long(picture, "0", "the end", false)
	alice.Long(picture, "1", "in chalk", false)
	second := alice.Run(long, param(record.MySQLBlob, ""), param(record.MySQLVarString, ""), param(record.MySQLTiny, "\x07"))
	alice.OK(second, record.Record{Rows: 1, Text: []byte("Rows matched: 1  Changed: 1  Warnings: 0")})
	bulk := alice.Add(record.Record{Kind: record.KindExecute, Verdict: record.VerdictAllow, Of: alice.Prepare("3", "INSERT INTO tags (ware, tag) VALUES (?, ?)", insert, []string{"shop.tags"}),
		Portal: []byte(record.PortalBulk), Params: []record.Param{param(record.MySQLTiny, "\x07"), param(record.MySQLString, "old"),
			param(record.MySQLTiny, "\x08"), {Type: record.MySQLNull | record.DefaultType, Format: record.FormatMySQL, Null: true}}})
	alice.OK(bulk, record.Record{Rows: 2, InsertID: 9, Text: []byte("Records: 2  Duplicates: 0  Warnings: 0")})
	alice.Close()
	erin := m.OpenMySQL("erin", "app", "wares", "")
	erin.OK(erin.Command("init_db", "shop"), record.Record{})
	erin.Refuse("DELETE FROM wares", "no-deletes", []string{"delete"}, wares)
	several := erin.Query("UPDATE wares SET price = 1 WHERE id = 7; SELECT ROW_COUNT()", []string{"update", "select"}, wares)
	erin.OK(several, record.Record{Rows: 2, Bytes: 2, Text: []byte("Rows matched: 1  Changed: 1  Warnings: 0")})
	seal()

	m.Now = m.Now.Add(time.Minute)
	file := erin.Query("LOAD DATA LOCAL INFILE 'people.csv' INTO TABLE people", []string{"load_local", "insert"}, []string{"shop.people"})
	sum := record.Hash{0xde, 0xad, 0xbe, 0xef, 31: 1}
	erin.Add(record.Record{Kind: record.KindNotice, Of: file, Message: []byte("the target asks for file people.csv")})
	erin.OK(file, record.Record{Rows: 3, Bytes: 1234, Hash: sum[:], Text: []byte("Records: 3  Deleted: 0  Skipped: 0  Warnings: 0")})
	slow := erin.Query("SELECT SLEEP(3600)", sel, nil)
	erin.Add(record.Record{Kind: record.KindResult, Of: slow, Outcome: record.OutcomeCancelled, Code: []byte("70100"),
		Message: []byte("Query execution was interrupted"), Took: int64(3 * time.Second)})
	kill := erin.Add(record.Record{Kind: record.KindCancel, Verdict: record.VerdictAllow, Text: []byte("KILL QUERY 4701"), Message: []byte("asked: KILL QUERY 2147483649")})
	erin.OK(kill, record.Record{})
	erin.Close()
	seal()

	m.Now = m.Now.Add(time.Minute)
	frank := m.OpenMySQL("frank", "app", "wares", "shop")
	list := frank.Prepare("1", "SELECT * FROM wares WHERE id > ?", sel, wares)
	open := frank.Run(list, param(record.MySQLShort, "\x10\x27"))
	frank.OK(open, record.Record{Flags: record.FlagSuspended})
	for _, r := range []record.Record{{Rows: 100, Bytes: 4200, Flags: record.FlagSuspended}, {Rows: 20, Bytes: 840}} {
		fetch := record.Record{Kind: record.KindExecute, Verdict: record.VerdictAllow, Of: list, Portal: []byte(record.PortalCursor)}
		frank.OK(frank.Add(fetch), r)
	}
	frank.OK(frank.Command("reset_connection", ""), record.Record{})
	frank.State("sql_mode", "ANSI_QUOTES,NO_BACKSLASH_ESCAPES")
	frank.OK(frank.Query(`SELECT "id" FROM wares WHERE path = 'C:\'`, sel, wares), record.Record{Rows: 1, Bytes: 42})
	frank.Close()
	seal()
	return blocks
}
