// Package sqltext tells what a statement does from its text alone: which actions, on which tables, columns and
// functions, and whether it was understood at all. It never guesses: what it can't tell has an action of its own,
// which the policy denies unless a rule names it. DESIGN.md beside this file says what was measured and rejected.
package sqltext

// Facts is what a text does. It is made once, never changed and shared: its address stands for it in caches.
type Facts struct {
	// Understood is false when the text, or any piece of it, could not be read; nothing but Why, Masked and the
	// single action "unknown" is then told.
	Understood bool
	Why        string // why it was not understood; empty when it was
	Dialect    Dialect
	Statements int // how many the text holds; 0: an empty text, which does nothing

	// Effects holds one entry for each action of the text, in the order of Actions.
	Effects []Effect

	// Actions, Tables, Columns and Functions are unions over Effects: sorted, no value twice.
	Actions, Tables, Columns, Functions []string

	// HasWhere is true when every UPDATE and DELETE in the text has a WHERE that looks at a column. A text with
	// neither has it too.
	HasWhere bool
	// Digest is the fingerprint of the statement without its literals; 0: not understood.
	Digest uint64
	// Masked is the text with its secrets replaced by '***'. nil: there is nothing to mask, keep the text itself.
	Masked []byte

	bare *bare // nil: no table is without a schema, or the dialect has a search path
}

// Effect is one action and what it touches.
type Effect struct {
	Action    string
	Tables    []string // schema.table or table, as the server folds them; schema.*: all of it; sorted. See Facts.In
	Columns   []string // last part of the name only, MySQL's in lower case; "*" stands for any column; sorted
	Functions []string // schema.function or function, pg_catalog left out, MySQL's in lower case; sorted
}

// Unread makes the Facts of a text that was not read. The text itself is not kept: see UnreadText.
func Unread(why string) *Facts {
	return &Facts{
		Why:     why,
		Effects: []Effect{{Action: Unknown}},
		Actions: []string{Unknown},
	}
}

// UnreadText is Unread for a text that will be recorded all the same: where it may hold a secret, all that follows
// is masked, whichever way the server reads its quotes.
func UnreadText(text []byte, why string) *Facts {
	f := Unread(why)
	f.Masked = maskRest(text)
	return f
}
