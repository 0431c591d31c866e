package sqltext

import (
	"strings"
	"sync"
)

// maxSchemas is how many schemas one Facts is kept for.
const maxSchemas = 16

// bare holds what a text with unqualified names does in the schemas that were current when it was sent.
type bare struct {
	mu sync.Mutex
	in map[string]*Facts
}

// In returns the Facts of the same text where schema is the current one: tables without a schema are in it. What is
// returned is f itself where there is nothing to say, and for one schema the same address again, while it is kept.
func (f *Facts) In(schema string) *Facts {
	if f.bare == nil || schema == "" {
		return f
	}
	f.bare.mu.Lock()
	defer f.bare.mu.Unlock()
	if q := f.bare.in[schema]; q != nil {
		return q
	}
	if f.bare.in == nil || len(f.bare.in) >= maxSchemas {
		f.bare.in = make(map[string]*Facts, 1)
	}
	q := f.qualified(schema)
	f.bare.in[strings.Clone(schema)] = q
	return q
}

// qualified is f with a schema before every table that has none.
func (f *Facts) qualified(schema string) *Facts {
	q := *f
	q.bare, q.Effects, q.Actions, q.Tables, q.Columns, q.Functions = nil, make([]Effect, len(f.Effects)), nil, nil, nil, nil
	fold := strings.EqualFold(schema, "information_schema") // its names are the same in any case of letters
	if fold {
		schema = strings.ToLower(schema)
	}
	prefix := quoted(schema) + "."
	for i, e := range f.Effects {
		tables := make([]string, len(e.Tables))
		for j, t := range e.Tables {
			switch tables[j] = t; {
			case hasSchema(t):
			case fold:
				tables[j] = prefix + strings.ToLower(t)
			default:
				tables[j] = prefix + t
			}
		}
		e.Tables = tables
		q.Effects[i] = e
	}
	return seal(&q)
}

// hasSchema reports whether a table of an Effect has one: a dot outside quotes.
func hasSchema(table string) bool {
	inside := false
	for i := range len(table) {
		switch {
		case table[i] == '"':
			inside = !inside
		case table[i] == '.' && !inside:
			return true
		}
	}
	return false
}
