package sqltext

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	pg "github.com/pganalyze/pg_query_go/v6"
	"github.com/pganalyze/pg_query_go/v6/parser"
)

// Postgres reads a text with PostgreSQL's own grammar. text is not kept.
func Postgres(text []byte) *Facts { return Read(Reading{}, text) }

// postgres also tells whether the Facts hold for the literals in text only.
func postgres(text []byte) (f *Facts, literal bool) {
	if bytes.IndexByte(text, 0) >= 0 || !utf8.Valid(text) {
		return UnreadText(text, "it is not valid UTF-8"), true
	}
	f, literal, err := readPostgres(text)
	if err != nil {
		f = Unread(err.Error())
	}
	f.Masked = MaskPostgres(text)
	return f, literal || err != nil
}

func readPostgres(text []byte) (*Facts, bool, error) {
	if err := measure(text); err != nil {
		return nil, true, err
	}
	s := string(text)
	tree, err := pg.Parse(s)
	if err != nil {
		return nil, true, syntaxError(err)
	}
	w := newWalker()
	for _, stmt := range tree.GetStmts() {
		w.statement(stmt.GetStmt())
	}
	if w.err != nil {
		return nil, true, w.err
	}
	f := w.facts()
	f.Statements = len(tree.GetStmts())
	if f.Digest, err = pg.FingerprintToUInt64(s); err != nil {
		return nil, true, fmt.Errorf("fingerprint: %w", err)
	}
	return f, w.literal, nil
}

// syntaxError says what the grammar did not take. The grammar's message may quote a literal, and a literal may be a
// secret: of a quoted token only that there was one is told.
func syntaxError(err error) error {
	var e *parser.Error
	if !errors.As(err, &e) {
		return errors.New("syntax error")
	}
	near := strings.IndexByte(e.Message, '"')
	if near < 0 {
		return errors.New(e.Message)
	}
	return fmt.Errorf("%sposition %d", e.Message[:near], e.Cursorpos)
}

func tooLong(text []byte, limit int) *Facts {
	return UnreadText(text, fmt.Sprintf("it is longer than %d bytes", limit))
}

// seal fills in what follows from the effects: the unions, in order.
func seal(f *Facts) *Facts {
	slices.SortFunc(f.Effects, func(a, b Effect) int { return order(a.Action) - order(b.Action) })
	for i := range f.Effects {
		e := &f.Effects[i]
		e.Tables, e.Columns, e.Functions = set(e.Tables), set(e.Columns), set(e.Functions)
		f.Actions = append(f.Actions, e.Action)
		f.Tables = append(f.Tables, e.Tables...)
		f.Columns = append(f.Columns, e.Columns...)
		f.Functions = append(f.Functions, e.Functions...)
	}
	f.Actions, f.Tables, f.Columns, f.Functions = set(f.Actions), set(f.Tables), set(f.Columns), set(f.Functions)
	return f
}

// order is an action's place in the vocabulary.
func order(action string) int {
	return slices.IndexFunc(Actions, func(a ActionInfo) bool { return a.Name == action })
}

// set sorts values and drops doubles.
func set(values []string) []string {
	slices.Sort(values)
	return slices.Compact(values)
}
