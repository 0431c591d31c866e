package clickhouse

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gatefold/gatefold/internal/record"
)

// row is a record as it stands in the table.
type row struct {
	record.Record
	block uint64
	place uint32

	params, raws [][]byte // of Params: as text; their bytes where these are others
	types        []uint32
	forms        []uint16
}

// column is one column of the table records: how it is filled from a row and read into one.
type column interface {
	label() string
	add(*row)
	send(driver.BatchColumn) error
	reset()
	room() any // where Scan puts the value
	take(*row) error
}

// columnOf is a column of values of one type. Values are kept until they are sent: they borrow as the row does.
type columnOf[T any] struct {
	name string
	get  func(*row) T
	set  func(*row, T) error
	list []T
	one  T
}

func (c *columnOf[T]) label() string                    { return c.name }
func (c *columnOf[T]) add(r *row)                       { c.list = append(c.list, c.get(r)) }
func (c *columnOf[T]) send(to driver.BatchColumn) error { return to.Append(c.list) }
func (c *columnOf[T]) reset()                           { clear(c.list); c.list = c.list[:0] }
func (c *columnOf[T]) room() any                        { return &c.one }
func (c *columnOf[T]) take(r *row) error                { return c.set(r, c.one) }

// plain is a column that is one field of a record.
func plain[T any](name string, at func(*row) *T) column {
	return &columnOf[T]{name: name, get: func(r *row) T { return *at(r) }, set: func(r *row, v T) error { *at(r) = v; return nil }}
}

// text is a column of bytes. What is read is the row's own.
func text(name string, at func(*row) *[]byte) column {
	return &columnOf[string]{name: name, get: func(r *row) string { return string(*at(r)) }, set: func(r *row, v string) error {
		*at(r) = []byte(v)
		return nil
	}}
}

// fixed is a column of an id.
func fixed(name string, at func(*row) *record.ID) column {
	var last record.ID // most often the next is the same
	word := string(last[:])
	same := func(r *row) string {
		if id := *at(r); id != last {
			last, word = id, string(id[:])
		}
		return word
	}
	return &columnOf[string]{name: name, get: same, set: func(r *row, v string) error {
		if len(v) != len(record.ID{}) {
			return fmt.Errorf("column %s holds no id", name)
		}
		*at(r) = record.ID([]byte(v))
		return nil
	}}
}

// word is a column of one of the words that people use for a number; those of a newer gatefold are kind-24 and alike.
func word[T ~uint8](name string, at func(*row) *T, parse func(string) (T, error), say func(T) string) column {
	return &columnOf[string]{name: name, get: func(r *row) string { return say(*at(r)) }, set: func(r *row, v string) (err error) {
		*at(r), err = number(v, name, parse)
		return err
	}}
}

// columnOfField is the name of a field's column: InsertID is insert_id, PID is pid.
func columnOfField(name string) string {
	var b strings.Builder
	for i, c := range name {
		if i > 0 && unicode.IsUpper(c) && unicode.IsLower(rune(name[i-1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}

// number reads such a word.
func number[T ~uint8](s, name string, parse func(string) (T, error)) (T, error) {
	if digits, unknown := strings.CutPrefix(s, name+"-"); unknown {
		n, err := strconv.ParseUint(digits, 10, 8)
		return T(n), err
	}
	return parse(s)
}

// columns are those of the table records, in no particular order. They are one user's.
func columns() []column {
	return []column{
		fixed("session", func(r *row) *record.ID { return &r.Session }),
		plain("seq", func(r *row) *uint64 { return &r.Seq }),
		plain("of", func(r *row) *uint64 { return &r.Of }),
		&columnOf[time.Time]{name: "at", get: func(r *row) time.Time { return time.Unix(0, r.At) },
			set: func(r *row, v time.Time) error { r.At = v.UnixNano(); return nil }},
		plain("took", func(r *row) *int64 { return &r.Took }),
		plain("rows", func(r *row) *uint64 { return &r.Rows }),
		plain("bytes", func(r *row) *uint64 { return &r.Bytes }),
		plain("length", func(r *row) *uint64 { return &r.Length }),
		plain("stream", func(r *row) *uint32 { return &r.Stream }),
		plain("epoch", func(r *row) *uint32 { return &r.Epoch }),
		word("kind", func(r *row) *record.Kind { return &r.Kind }, record.ParseKind, record.Kind.String),
		word("verdict", func(r *row) *record.Verdict { return &r.Verdict }, record.ParseVerdict, record.Verdict.String),
		word("outcome", func(r *row) *record.Outcome { return &r.Outcome }, record.ParseOutcome, record.Outcome.String),
		&columnOf[uint32]{name: "flags", get: func(r *row) uint32 { return uint32(r.Flags) },
			set: func(r *row, v uint32) error { r.Flags = record.Flags(v); return nil }},
		text("code", func(r *row) *[]byte { return &r.Code }),
		plain("insert_id", func(r *row) *uint64 { return &r.InsertID }),
		plain("warnings", func(r *row) *uint64 { return &r.Warnings }),

		text("text", func(r *row) *[]byte { return &r.Text }),
		byteses("params", func(r *row) *[][]byte { return &r.params }),
		byteses("params_raw", func(r *row) *[][]byte { return &r.raws }),
		plain("params_type", func(r *row) *[]uint32 { return &r.types }),
		plain("params_form", func(r *row) *[]uint16 { return &r.forms }),
		text("name", func(r *row) *[]byte { return &r.Name }),
		text("portal", func(r *row) *[]byte { return &r.Portal }),
		text("message", func(r *row) *[]byte { return &r.Message }),
		text("hash", func(r *row) *[]byte { return &r.Hash }),
		plain("digest", func(r *row) *uint64 { return &r.Digest }),
		plain("rule", func(r *row) *string { return &r.Rule }),
		plain("actions", func(r *row) *[]string { return &r.Actions }),
		plain("tables", func(r *row) *[]string { return &r.Tables }),
		plain("columns", func(r *row) *[]string { return &r.Columns }),
		plain("programs", func(r *row) *[]string { return &r.Programs }),
		plain("paths", func(r *row) *[]string { return &r.Paths }),

		plain("user", func(r *row) *string { return &r.User }),
		plain("account", func(r *row) *string { return &r.Account }),
		plain("target", func(r *row) *string { return &r.Target }),
		plain("database", func(r *row) *string { return &r.Database }),
		plain("protocol", func(r *row) *string { return &r.Protocol }),
		plain("client", func(r *row) *string { return &r.Client }),
		plain("app", func(r *row) *string { return &r.App }),
		plain("tls", func(r *row) *string { return &r.TLS }),
		plain("gateway", func(r *row) *string { return &r.Gateway }),
		plain("build", func(r *row) *string { return &r.Build }),
		plain("config", func(r *row) *string { return &r.Config }),
		plain("policy", func(r *row) *string { return &r.Policy }),
		plain("credential", func(r *row) *string { return &r.Credential }),
		plain("peer", func(r *row) *string { return &r.Peer }),
		plain("pid", func(r *row) *uint64 { return &r.PID }),
		plain("version", func(r *row) *string { return &r.Version }),
		fixed("parent", func(r *row) *record.ID { return &r.Parent }),
		text("erased", func(r *row) *[]byte { return &r.Erased }),

		plain("block", func(r *row) *uint64 { return &r.block }),
		plain("place", func(r *row) *uint32 { return &r.place }),
	}
}

// byteses is a column of lists of bytes.
func byteses(name string, at func(*row) *[][]byte) column {
	return &columnOf[[]string]{name: name, get: func(r *row) []string {
		list := make([]string, len(*at(r)))
		for i, v := range *at(r) {
			list[i] = string(v)
		}
		return list
	}, set: func(r *row, v []string) error {
		list := make([][]byte, len(v))
		for i := range v {
			list[i] = []byte(v[i])
		}
		*at(r) = list
		return nil
	}}
}

// labels are the columns' names for a statement.
func labels(all []column) string {
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = "`" + c.label() + "`"
	}
	return strings.Join(names, ", ")
}

// Bits of params_form beside the format, which is its low byte.
const (
	formNull = 1 << 8
	formRaw  = 1 << 9
)

// flatten lays the record's parameters out in columns.
func (r *row) flatten() {
	r.params, r.raws, r.types, r.forms = nil, nil, nil, nil
	if len(r.Params) == 0 {
		return
	}
	n := len(r.Params)
	r.params, r.raws = make([][]byte, n), make([][]byte, n)
	r.types, r.forms = make([]uint32, n), make([]uint16, n)
	for i := range r.Params {
		p := &r.Params[i]
		r.types[i], r.forms[i] = p.Type, uint16(p.Format)
		switch {
		case p.Null:
			r.forms[i] |= formNull
		case p.Format == record.FormatText:
			r.params[i] = p.Value
		default:
			if r.params[i] = p.AppendText(nil); string(r.params[i]) != string(p.Value) {
				r.raws[i] = p.Value
				r.forms[i] |= formRaw
			}
		}
	}
}

// gather makes parameters of the columns again.
func (r *row) gather() error {
	n := len(r.types)
	if len(r.params) != n || len(r.raws) != n || len(r.forms) != n {
		return fmt.Errorf("the parameters of record #%d of session %v are not all there", r.Seq, r.Session)
	}
	if n == 0 {
		return nil
	}
	r.Params = make([]record.Param, n)
	for i := range r.Params {
		p, form := &r.Params[i], r.forms[i]
		p.Type, p.Format, p.Null = r.types[i], uint8(form), form&formNull != 0
		switch {
		case p.Null:
		case form&formRaw != 0:
			p.Value = r.raws[i]
		default:
			p.Value = r.params[i]
		}
	}
	return nil
}
