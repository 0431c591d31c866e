package replay

import (
	"strings"

	"github.com/gatefold/gatefold/internal/record"
)

const postgresHead = `-- Written by gatefold export --format sql. What was not done, or can't be done again from the record, is commented out,
-- with the reason. A text of several statements runs one by one here; it was one transaction. What a pipeline had done
-- before an error in it was undone with it: that is not known here.
SET standard_conforming_strings = on;
SET client_encoding = 'UTF8';
`

// postgresScript writes for psql.
type postgresScript struct {
	odd map[string]string // settings under which texts may read otherwise, that the session had
}

func (p *postgresScript) speaks(protocol string) bool {
	return protocol == "" || protocol == "postgres"
}
func (p *postgresScript) name() string { return "PostgreSQL" }
func (p *postgresScript) head() string { return postgresHead }

func (p *postgresScript) begin(*record.Session) string {
	p.odd = make(map[string]string)
	return ""
}

// note keeps what a setting that changes the meaning of texts is.
func (p *postgresScript) note(name, value string) string {
	usual := map[string]string{"standard_conforming_strings": "on", "client_encoding": "UTF8"}
	want, ok := usual[name]
	switch {
	case ok && value == want:
		delete(p.odd, name)
	case ok:
		p.odd[name] = value
	}
	return ""
}

func (p *postgresScript) unfit(h *Hit, text string) string {
	switch {
	case p.odd["standard_conforming_strings"] != "" && strings.Contains(text, `\`):
		return "it was read with standard_conforming_strings off, which its backslashes depend on"
	case p.odd["client_encoding"] != "" && beyondASCII(text):
		return "it was sent in " + p.odd["client_encoding"]
	case h.Result != nil && len(h.Result.Hash) > 0 && containsFold(text, "stdin"):
		return tookData
	}
	return ""
}

const tookData = "the data that it took is counted and hashed, not kept"

func beyondASCII(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r >= 0x80 })
}

func (p *postgresScript) write(h *Hit) (string, error) {
	sql, err := BindSQL(string(h.Text()), h.Params())
	return sql + "\n", err
}

func (p *postgresScript) command(*Hit) string { return "" }
