package mysql

import (
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/protocols/protocoltest"
)

// ask sends a command and reads its answer, without clientDeprecateEOF and with no marker behind it: the next command is the
// first after it.
func (c *raw) ask(cmd string) (seen []string) {
	c.t.Helper()
	c.write(0, []byte(cmd))
	if cmd[0] == comStmtSendLongData || cmd[0] == comStmtClose {
		return nil
	}
	definitions := 0
	for rows := false; ; {
		p := c.read()
		seen = append(seen, string(p))
		switch {
		case definitions > 0:
			definitions--
			rows = cmd[0] != comStmtPrepare
			if definitions > 0 || rows {
				continue
			}
			return seen
		case p[0] == answerError, !rows && p[0] == answerOK && cmd[0] != comStmtPrepare, rows && p[0] == answerEOF && len(p) < maxEOFPacket:
			return seen
		case cmd[0] == comStmtPrepare:
			r := body{b: p[5:]}
			for range 2 {
				if n := int(r.uint16()); n > 0 {
					definitions += n + 1
				}
			}
			if definitions == 0 {
				return seen
			}
		case !rows:
			definitions = int(p[0]) + 1
		}
	}
}

// asks is a conversation with a server, and what the tape has of it. stmtID is the statement prepared last that worked.
func asks(t *testing.T, server *testenv.MariaDBServer, caps capabilities, cmds ...string) (answers []string, told string) {
	t.Helper()
	s := newSplice(t, server, func(m *machine) { m.s.(*protocoltest.Words).Lenient = true })
	c := dialRaw(t, s.addr, server.Superuser, server.Password, caps)
	id := ""
	for _, cmd := range cmds {
		seen := c.ask(strings.ReplaceAll(cmd, stmtID, id))
		answer := strings.Join(seen, "\n")
		if cmd[0] == comStmtPrepare && answer[0] == answerOK {
			id = answer[1:5]
		}
		answers = append(answers, answer)
	}
	return answers, s.last().tape.Text()
}

// A digit before a word of a version comment is no part of that word: USE went unseen, and the names after it were taken
// for those of the schema before.
func TestMarksBehindVersions(t *testing.T) {
	for text, want := range map[string]marks{
		"/*!50000use hr*/": marksState, "/*!100100use/**/hr*/": marksState, "/*M!100100use hr*/": marksState,
		"SET SESSION/*!50000sql_mode*/='ANSI_QUOTES'": marksState, "LOAD DATA/*!50000local*/INFILE 'x'": marksLocal,
		"SET collation_connection=10": marksState, "SELECT a1use, 50000use": 0, "SELECT 1": 0,
	} {
		if got := markText([]byte(text)); got != want {
			t.Errorf("%s: marks %b, want %b", text, got, want)
		}
	}
}

// "select row_count() union select salary from salaries" went ahead of the gateway's question, and was judged under the schema
// before the USE.
func TestDiagnosticsAreWholeTexts(t *testing.T) {
	for text, want := range map[string]bool{
		"SELECT ROW_COUNT()": true, " show warnings;": true, "SHOW COUNT(*) ERRORS": true, "select found_rows()": true,
		"select row_count() union select salary from salaries": false, "select row_count() from salaries": false,
		"select\x00row_count()": false, "show warnings limit 1": false, "": false,
	} {
		if got := diagnostic([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func onTape(t *testing.T, tape string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(tape, w) {
			t.Errorf("no %s in\n%s", w, tape)
		}
	}
}

// The target answered the gateway's own question in UTF-16, where no sql_mode was recognised and the schema was another name.
func TestSettingsAreAskedInBytes(t *testing.T) {
	server := testenv.MariaDBForTest(t)
	for _, charset := range []string{"utf16", "ucs2", "utf32", "utf16le", "swe7", "NULL"} {
		_, tape := asks(t, server, rawCaps, text("SET character_set_results="+charset+", sql_mode='ANSI_QUOTES'"), text("SELECT 1"), text("USE mysql"), text("SELECT 2"))
		onTape(t, tape, `allow query "SELECT 1" ansi`, `allow query "SELECT 2" in=mysql ansi`)
	}
}

// In swe7 ^ and ~ are letters; and PREPARE's literal loses its backslashes where it is for a moment in that.
func TestCharacterSetsThatLackASCII(t *testing.T) {
	server := testenv.MariaDBForTest(t)
	_, tape := asks(t, server, rawCaps, text("SET NAMES swe7"), text("SELECT 1^2"), text("SET character_set_client=utf8mb4"), text("SELECT 3"),
		text("SET collation_connection=latin1_bin"), text("SELECT 4"))
	onTape(t, tape, `allow query "SELECT 1^2" unsure="character_set_client is swe7"`,
		`allow query "SELECT 3" unsure="character_set_connection is swe7"`, "allow query \"SELECT 4\"\n")
}

// MariaDB parses a prepared text again, under the character set of then, when a table has changed: what was a string in UTF-8
// was a UNION in GBK.
func TestPreparedTextsAreReadAnew(t *testing.T) {
	server := testenv.MariaDBForTest(t)
	name := server.CreateDB(t)
	for _, q := range []string{"CREATE TABLE t (a int, b text)", "CREATE TABLE hidden (a int)", "INSERT INTO t VALUES (1, 'b')", "INSERT INTO hidden VALUES (4242)"} {
		server.MustExec(t, name, q)
	}
	execute := "\x17" + stmtID + "\x00" + le32(1)
	_, tape := asks(t, server, rawCaps, "\x02"+name, prepareSQL("SELECT a, 1 FROM t WHERE b <> 'x€\\' UNION SELECT a, 2 FROM hidden -- '"),
		execute, text("SET NAMES gbk"), text("ALTER TABLE t ADD c int"), execute, text("SET NAMES utf8mb4"), execute)
	const unsure = ` unsure="character_set_client is another than when it was prepared"`
	if strings.Count(tape, unsure) != 1 {
		t.Errorf("no single%s in\n%s", unsure, tape)
	}
	answers, tape := asks(t, server, rawCaps, prepareSQL("SELECT 'x'"), text("SET NAMES gbk"), execute)
	if strings.Contains(tape, "unsure") {
		t.Errorf("what reads alike in all character sets is refused: %q\n%s", answers, tape)
	}
}

// Values are on record as the server takes them: by its own types and long data, whatever it refused before.
func TestValuesAreThoseThatRan(t *testing.T) {
	server := testenv.MariaDBForTest(t)
	execute := func(rest string) string { return "\x17" + stmtID + "\x00" + le32(1) + rest }
	const blob = "\xfc\x00"
	for name, test := range map[string]struct {
		caps capabilities
		cmds []string
		last string // answer
	}{
		// -1 was nothing to the gateway, and to the server what was prepared last: its long data went.
		"reset of the last": {rawCaps, []string{prepareSQL("SELECT ?, ?"), prepareSQL("SELECT 'forbidden'"), "\x18" + stmtID + "\x00\x00innocent",
			"\x1a\xff\xff\xff\xff", execute("\x01\x01" + blob + blob + "\x03abc")}, "\x08innocent\x03abc"},
		// The server refuses these before it forgets long data, and took "evil" for the value of what followed.
		"bulk of another flag":    {rawCaps | mariadbBulk, []string{prepareSQL("DO ?"), "\x18" + stmtID + "\x00\x00evil", "\xfa" + stmtID + "\xc0\x00" + blob + "\x00\x03abc", execute("\x00\x01" + blob + "\x08innocent")}, "Incorrect arguments"},
		"bulk without capability": {rawCaps, []string{prepareSQL("DO ?"), "\x18" + stmtID + "\x00\x00evil", "\xfa" + stmtID + "\x80\x00" + blob + "\x00\x03abc", execute("\x00\x01" + blob + "\x08innocent")}, "Incorrect arguments"},
		// ... and before it reads types.
		"types of a bulk that can't be": {rawCaps | mariadbBulk, []string{prepareSQL("SELECT ?"), execute("\x00\x01" + blob + "\x03abc"), "\xfa" + stmtID + "\x80\x00\x08\x00\x0012345678", execute("\x00\x00\x07DELETE!")}, "Incorrect arguments"},
		"types of which one is none":    {rawCaps, []string{prepareSQL("SELECT ?, ?"), execute("\x00\x01" + blob + blob + "\x01a\x01b"), execute("\x01\x01\x20\x00\x08\x0012345678"), execute("\x01\x00\x07DELETE!")}, "Incorrect arguments"},
		// Two is as good as one to the server: types follow.
		"types announced by two": {rawCaps, []string{prepareSQL("SELECT ?"), execute("\x00\x01" + blob + "\x03abc"), execute("\x00\x02\x0f\x00\x0dDELETE FROM t")}, "Incorrect arguments"},
	} {
		t.Run(name, func(t *testing.T) {
			answers, tape := asks(t, server, test.caps, test.cmds...)
			if got := answers[len(answers)-1]; !strings.Contains(got, test.last) {
				t.Errorf("got %q, want %q\n%s", got, test.last, tape)
			}
		})
	}
}

// What is known of a prepared statement grows with its text, and a session could keep as many of the longest as it liked.
func TestTextsOfPreparedStatementsAreBounded(t *testing.T) {
	k := newTalk(clientProtocol41, 0)
	k.m.maxText = 1 << 20
	text := strings.Repeat("x", 1<<20)
	prepare := func(id byte) {
		k.Client(pack(0, prepareSQL(text)))
		if k.m.cmd.phase != phaseIdle {
			k.server(pack(1, "\x00"+string(id)+"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
		}
	}
	for id := range byte(40) {
		prepare(id)
	}
	if len(k.m.stmts) != 32 || k.m.texts != maxPrepared {
		t.Errorf("%d statements, %d bytes", len(k.m.stmts), k.m.texts)
	}
	k.Client(pack(0, "\x19\x05\x00\x00\x00")) // room for one more
	prepare(100)
	if k.m.stmts[100] == nil || k.m.texts != maxPrepared || k.Err != nil {
		t.Errorf("%d statements, %d bytes, %v", len(k.m.stmts), k.m.texts, k.Err)
	}
}
