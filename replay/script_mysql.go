package replay

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gatefold/gatefold/internal/record"
)

const mysqlHead = `-- Written by gatefold export --format sql, for MySQL's client: mysql --binary-mode < this. What was not done, or can't be
-- done again from the record, is commented out, with the reason. sql_mode is set where the record tells of it.
`

// mysqlScript writes for MySQL's client, and MariaDB's.
type mysqlScript struct {
	set mySettings
}

func (m *mysqlScript) speaks(protocol string) bool { return protocol == mysqlProtocol }
func (m *mysqlScript) name() string                { return "MySQL" }
func (m *mysqlScript) head() string                { return mysqlHead }

func (m *mysqlScript) begin(session *record.Session) string {
	m.set = mySettings{}
	first := "SET NAMES utf8mb4;\n"
	if session.Database != "" {
		first += m.use(session.Database)
	}
	return first
}

// use chooses a schema: names are meant in it.
func (m *mysqlScript) use(schema string) string {
	name, err := myName(schema)
	if err != nil {
		return "-- not written: USE of a schema: " + err.Error() + "\n"
	}
	return "USE " + name + ";\n"
}

// note keeps what decides how texts are read. sql_mode is set again: of a login's it may be the target's own, which the next
// server need not have.
func (m *mysqlScript) note(name, value string) string {
	switch name {
	case "character_set_client":
		m.set.charset = strings.ToLower(value)
	case "sql_mode":
		if strings.Trim(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_,0123456789") != "" {
			m.set.quoting = quoting{}
			return ""
		}
		m.set.quoting = quoting{known: true}
		for mode := range strings.SplitSeq(value, ",") {
			m.set.ansi = m.set.ansi || mode == "ANSI_QUOTES"
			m.set.plain = m.set.plain || mode == "NO_BACKSLASH_ESCAPES"
		}
		return "SET SESSION sql_mode = '" + value + "';\n"
	}
	return ""
}

func (m *mysqlScript) unfit(h *Hit, text string) string {
	switch {
	case !utf8Named(m.set.charset) && beyondASCII(text):
		return "it was sent in " + m.set.charset
	case h.Result != nil && len(h.Result.Hash) > 0:
		return tookData
	}
	return ""
}

// write writes a statement, or of a bulk execution one for each row of its parameters.
func (m *mysqlScript) write(h *Hit) (string, error) {
	text, params := string(h.Text()), h.Params()
	pieces, why := scanMySQL(text, m.set.quoting)
	each := parameters(pieces)
	switch {
	case why != "":
		return "", errors.New(why)
	case !h.is(record.PortalBulk):
		params = params[:min(each, len(params))] // behind them are attributes, which say nothing to the statement
	case each == 0 || len(params) == 0 || len(params)%each != 0:
		return "", fmt.Errorf("it has %d parameters, and the record %d", each, len(params))
	}
	var all strings.Builder
	for first := true; first || len(params) > 0; first = false {
		n := min(each, len(params))
		sql, err := bindMySQL(text, params[:n], m.set)
		if err != nil {
			return "", err
		}
		all.WriteString(sql + "\n")
		params = params[n:]
	}
	return all.String(), nil
}

func (m *mysqlScript) command(h *Hit) string {
	switch string(h.Record.Name) {
	case "init_db":
		if len(h.Record.Text) > 0 {
			return m.use(string(h.Record.Text))
		}
	case "ping", "statistics", "stmt_close":
		return ""
	}
	return "-- not written: this is a command of the protocol, and no statement: " + Safe(headline(h)) + "\n"
}
