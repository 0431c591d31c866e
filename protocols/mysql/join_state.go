package mysql

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gatefold/gatefold/protocols"
)

// loginQuery asks for what decides how the target reads statements, for what it calls the session, of which a greeting has only
// 32 bits, and for which server it is. For the casts see stateQuery.
const loginQuery = "SELECT CAST(@@version AS BINARY), CAST(@@sql_mode AS BINARY), CAST(@@character_set_client AS BINARY)," +
	" CAST(DATABASE() AS BINARY), @@lower_case_table_names, CONNECTION_ID()," +
	" CAST(CONCAT_WS(' ', @@hostname, @@port, @@datadir) AS BINARY)"

// look asks the target how it reads statements. One that won't say, as where it wants a new password first, is joined all
// the same: its state is unknown, which is said.
func (l *login) look(status uint16) (*target, error) {
	t := &target{caps: l.caps, thread: uint64(l.greeting.thread), version: l.greeting.version}
	row, err := l.row(loginQuery, 7)
	if err != nil {
		return nil, err
	}
	if row != nil {
		t.version = printable(string(row[0][:min(len(row[0]), maxVersion)]))
		t.server = string(row[6])
		t.state = sessionState{foldNames: string(row[4]) != "0", mode: row[1], charset: row[2], schema: row[3]}
		if thread, err := strconv.ParseUint(string(row[5]), 10, 64); err == nil && uint32(thread) == l.greeting.thread {
			t.thread = thread
		}
	}
	t.state.dialect, t.state.version = dialectOf(t.version, l.greeting.mariaDB())
	t.state.status = status
	return t, nil
}

// query sends a COM_QUERY and reads the first packet of the answer, which is not empty.
func (l *login) query(text string) ([]byte, error) {
	l.packets.seq = 0
	b := []byte{comQuery}
	if l.caps.has(clientQueryAttributes) {
		b = append(b, 0, 1) // no parameters, one set of them
	}
	if err := l.packets.write(append(b, text...)); err != nil {
		return nil, targetIO("ask for the session's state", err)
	}
	return l.next()
}

func (l *login) next() ([]byte, error) {
	payload, err := l.packets.read(maxReply)
	if err != nil {
		return nil, targetIO("read the session's state", err)
	}
	if len(payload) == 0 {
		return nil, brokeProtocol(fmt.Errorf("an empty packet in an answer"))
	}
	return payload, nil
}

// row asks for one row of so many columns ("COM_QUERY Response", "Text Resultset"). nil: the target answers with an error,
// as where it wants a new password set first.
func (l *login) row(text string, columns int) ([][]byte, error) {
	payload, err := l.query(text)
	if err != nil || payload[0] == answerError {
		return nil, err
	}
	r := body{b: payload}
	defined := true
	if n := r.lenenc(); n != uint64(columns) {
		return nil, brokeProtocol(fmt.Errorf("%d columns, want %d", n, columns))
	}
	if l.caps.has(mariadbCacheMetadata) {
		defined = r.byte() == 1
	}
	if defined {
		for range columns {
			if _, err := l.next(); err != nil {
				return nil, err
			}
		}
	}
	if !l.caps.has(clientDeprecateEOF) {
		if _, err := l.next(); err != nil {
			return nil, err
		}
	}
	return l.onlyRow(columns)
}

// onlyRow reads a row and the end of the rows.
func (l *login) onlyRow(columns int) ([][]byte, error) {
	payload, err := l.next()
	if err != nil || payload[0] == answerError {
		return nil, err
	}
	r := body{b: payload}
	row := make([][]byte, columns)
	for i := range row {
		if len(r.b) > 0 && r.b[0] == answerFile { // NULL
			r.byte()
			continue
		}
		row[i] = r.lenencText()
	}
	if !r.done() {
		return nil, brokeProtocol(fmt.Errorf("a row that is malformed"))
	}
	end, err := l.next()
	if err != nil || end[0] == answerError {
		return nil, err
	}
	if end[0] != answerEOF {
		return nil, brokeProtocol(fmt.Errorf("more than one row"))
	}
	return row, nil
}

// dialectOf reads a version: "10.11.19-MariaDB-log" or, in a greeting, "5.5.5-10.11.19-MariaDB-log" is 101119.
func dialectOf(version string, mariaDB bool) (protocols.Dialect, uint32) {
	dialect := protocols.DialectMySQL
	if mariaDB || strings.Contains(strings.ToLower(version), "mariadb") {
		dialect = protocols.DialectMariaDB
		version = strings.TrimPrefix(version, "5.5.5-")
	}
	number := uint32(0)
	for i, part := range strings.SplitN(version, ".", 3) {
		digits := strings.IndexFunc(part, func(r rune) bool { return r < '0' || r > '9' })
		if digits >= 0 {
			part = part[:digits]
		}
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			n = 0
		}
		number += uint32(n) * [...]uint32{10000, 100, 1}[i]
	}
	return dialect, number
}
