package clickhouse

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unsafe"

	"github.com/ClickHouse/clickhouse-go/v2/lib/column"

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

// recordColumn is one column of the table records: how it is filled from a row, and read into one.
type recordColumn interface {
	label() string
	add(*row)
	told() bool // of some row: else the table's default says it
	send(column.Interface) error
	reset()
	take(*row, *unpacking) error
}

// columnOf is a column of values of one type. Values are kept until they are sent: they borrow as the row does.
type columnOf[T any] struct {
	name  string
	get   func(*row) T
	set   func(*row, *unpacking) error
	tells func(T) bool // isn't what the table has where nothing is inserted
	list  []T
}

func (c *columnOf[T]) label() string                      { return c.name }
func (c *columnOf[T]) add(r *row)                         { c.list = append(c.list, c.get(r)) }
func (c *columnOf[T]) told() bool                         { return slices.ContainsFunc(c.list, c.tells) }
func (c *columnOf[T]) send(to column.Interface) error     { return sendAll(to, c.list) }
func (c *columnOf[T]) reset()                             { clear(c.list); c.list = c.list[:0] }
func (c *columnOf[T]) take(r *row, from *unpacking) error { return c.set(r, from) }

// listOf is a column of lists.
type listOf[T any] struct{ columnOf[[]T] }

func (c *listOf[T]) send(to column.Interface) error { return sendLists(to, c.list) }

// set, long and some tell a value from the default of its column.
func set[T comparable](v T) bool {
	var none T
	return v != none
}
func long[T any](v []T) bool { return len(v) > 0 }
func some(id string) bool    { return id != noID }

var noID = string(make([]byte, len(record.ID{})))

// number is a column of numbers.
func number[T uint32 | uint64 | int64](name string, at func(*row) *T) recordColumn {
	size := int(unsafe.Sizeof(T(0)))
	return &columnOf[T]{name: name, tells: set[T], get: func(r *row) T { return *at(r) }, set: func(r *row, from *unpacking) error {
		*at(r) = T(from.number(size))
		return nil
	}}
}

// text is a column of bytes. What is read is the row's own.
func text(name string, at func(*row) *[]byte) recordColumn {
	return &columnOf[string]{name: name, tells: set[string], get: func(r *row) string { return view(*at(r)) }, set: func(r *row, from *unpacking) error {
		*at(r) = from.bytes()
		return nil
	}}
}

// name is a column of strings of which there are few.
func name(name string, at func(*row) *string) recordColumn {
	return &columnOf[string]{name: name, tells: set[string], get: func(r *row) string { return *at(r) }, set: func(r *row, from *unpacking) error {
		*at(r) = from.name()
		return nil
	}}
}

// fixed is a column of an id.
func fixed(name string, at func(*row) *record.ID) recordColumn {
	var last record.ID // most often the next is the same
	word := string(last[:])
	same := func(r *row) string {
		if id := *at(r); id != last {
			last, word = id, string(id[:])
		}
		return word
	}
	return &columnOf[string]{name: name, tells: some, get: same, set: func(r *row, from *unpacking) error {
		copy(at(r)[:], from.take(len(record.ID{})))
		return nil
	}}
}

// word is a column of one of the words that people use for a number; those of a newer gatefold are kind-24 and alike.
func word[T ~uint8](name string, at func(*row) *T, parse func(string) (T, error), say func(T) string) recordColumn {
	var words [256]string
	for i := range words {
		words[i] = say(T(i))
	}
	return &columnOf[string]{name: name, tells: set[string], get: func(r *row) string { return words[*at(r)] }, set: func(r *row, from *unpacking) (err error) {
		*at(r), err = numbered(from.name(), name, parse)
		return err
	}}
}

// names is a column of lists of strings of which there are few.
func names(name string, at func(*row) *[]string) recordColumn {
	return &listOf[string]{columnOf[[]string]{name: name, tells: long[string], get: func(r *row) []string { return *at(r) }, set: func(r *row, from *unpacking) error {
		*at(r) = list(from, 1, from.name)
		return nil
	}}}
}

// texts is a column of lists of bytes.
func texts(name string, at func(*row) *[][]byte) recordColumn {
	return &listOf[[]byte]{columnOf[[][]byte]{name: name, tells: long[[]byte], get: func(r *row) [][]byte { return *at(r) }, set: func(r *row, from *unpacking) error {
		*at(r) = list(from, 1, from.bytes)
		return nil
	}}}
}

// numbers is a column of lists of numbers.
func numbers[T uint16 | uint32](name string, at func(*row) *[]T) recordColumn {
	size := int(unsafe.Sizeof(T(0)))
	return &listOf[T]{columnOf[[]T]{name: name, tells: long[T], get: func(r *row) []T { return *at(r) }, set: func(r *row, from *unpacking) error {
		*at(r) = list(from, size, func() T { return T(from.number(size)) })
		return nil
	}}}
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

// numbered reads such a word.
func numbered[T ~uint8](s, name string, parse func(string) (T, error)) (T, error) {
	if digits, unknown := strings.CutPrefix(s, name+"-"); unknown {
		n, err := strconv.ParseUint(digits, 10, 8)
		return T(n), err
	}
	return parse(s)
}

// columns are those of the table records, in no particular order. They are one user's.
func columns() []recordColumn {
	return []recordColumn{
		fixed("session", func(r *row) *record.ID { return &r.Session }),
		number("seq", func(r *row) *uint64 { return &r.Seq }),
		number("of", func(r *row) *uint64 { return &r.Of }),
		&columnOf[time.Time]{name: "at", tells: set[time.Time], get: func(r *row) time.Time { return time.Unix(0, r.At) }, set: func(r *row, from *unpacking) error { r.At = int64(from.number(8)); return nil }},
		number("took", func(r *row) *int64 { return &r.Took }),
		number("rows", func(r *row) *uint64 { return &r.Rows }),
		number("bytes", func(r *row) *uint64 { return &r.Bytes }),
		number("length", func(r *row) *uint64 { return &r.Length }),
		number("stream", func(r *row) *uint32 { return &r.Stream }),
		number("epoch", func(r *row) *uint32 { return &r.Epoch }),
		word("kind", func(r *row) *record.Kind { return &r.Kind }, record.ParseKind, record.Kind.String),
		word("verdict", func(r *row) *record.Verdict { return &r.Verdict }, record.ParseVerdict, record.Verdict.String),
		word("outcome", func(r *row) *record.Outcome { return &r.Outcome }, record.ParseOutcome, record.Outcome.String),
		&columnOf[uint32]{name: "flags", tells: set[uint32], get: func(r *row) uint32 { return uint32(r.Flags) },
			set: func(r *row, from *unpacking) error { r.Flags = record.Flags(from.number(4)); return nil }},
		text("code", func(r *row) *[]byte { return &r.Code }),
		number("insert_id", func(r *row) *uint64 { return &r.InsertID }),
		number("warnings", func(r *row) *uint64 { return &r.Warnings }),

		text("text", func(r *row) *[]byte { return &r.Text }),
		texts("params", func(r *row) *[][]byte { return &r.params }),
		texts("params_raw", func(r *row) *[][]byte { return &r.raws }),
		numbers("params_type", func(r *row) *[]uint32 { return &r.types }),
		numbers("params_form", func(r *row) *[]uint16 { return &r.forms }),
		text("name", func(r *row) *[]byte { return &r.Name }),
		text("portal", func(r *row) *[]byte { return &r.Portal }),
		text("message", func(r *row) *[]byte { return &r.Message }),
		text("hash", func(r *row) *[]byte { return &r.Hash }),
		number("digest", func(r *row) *uint64 { return &r.Digest }),
		name("rule", func(r *row) *string { return &r.Rule }),
		names("actions", func(r *row) *[]string { return &r.Actions }),
		names("tables", func(r *row) *[]string { return &r.Tables }),
		names("columns", func(r *row) *[]string { return &r.Columns }),
		names("programs", func(r *row) *[]string { return &r.Programs }),
		names("paths", func(r *row) *[]string { return &r.Paths }),

		// Of records that begin a session:
		name("user", func(r *row) *string { return &r.User }),
		name("account", func(r *row) *string { return &r.Account }),
		name("target", func(r *row) *string { return &r.Target }),
		name("database", func(r *row) *string { return &r.Database }),
		name("protocol", func(r *row) *string { return &r.Protocol }),
		name("client", func(r *row) *string { return &r.Client }),
		name("app", func(r *row) *string { return &r.App }),
		name("tls", func(r *row) *string { return &r.TLS }),
		name("gateway", func(r *row) *string { return &r.Gateway }),
		name("build", func(r *row) *string { return &r.Build }),
		name("config", func(r *row) *string { return &r.Config }),
		name("policy", func(r *row) *string { return &r.Policy }),
		name("credential", func(r *row) *string { return &r.Credential }),
		name("peer", func(r *row) *string { return &r.Peer }),
		name("version", func(r *row) *string { return &r.Version }),
		number("pid", func(r *row) *uint64 { return &r.PID }),
		fixed("parent", func(r *row) *record.ID { return &r.Parent }),
		text("erased", func(r *row) *[]byte { return &r.Erased }),

		number("block", func(r *row) *uint64 { return &r.block }),
		number("place", func(r *row) *uint32 { return &r.place }),
	}
}

// labels are the columns' names for a statement.
func labels(all []recordColumn) string {
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
