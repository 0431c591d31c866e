package replay

import (
	"strings"
	"unsafe"

	"github.com/gatefold/gatefold/internal/record"
)

// Hit is one thing that was done or said, with what belongs to it from other records. All of it is the receiver's.
type Hit struct {
	Session   record.Session
	Record    record.Record    // the action, or what was said; values that were split are joined
	Statement *record.Record   // Execute, Bind: the Parse of what runs; nil: none, or it can't be found
	Bind      *record.Record   // Execute: its Bind; nil: none
	Long      []*record.Record // Execute: Binds with long data of single parameters, which stand for these in it (MySQL)
	Result    *record.Record   // what came of it; nil: nothing yet

	found cursor // where a search found it
	told  bool   // a story has told of it, without its answer
}

// Text is what was said: the statement, also where only its execution was found.
func (h *Hit) Text() []byte {
	if len(h.Record.Text) == 0 && h.Statement != nil {
		return h.Statement.Text
	}
	return h.Record.Text
}

// Params are the parameters that an execution ran with, or those of the record itself.
func (h *Hit) Params() []record.Param { return withLong(h.bound().Params, h.Long) }

// bound is the record that holds the parameters.
func (h *Hit) bound() *record.Record {
	if h.Bind != nil {
		return h.Bind
	}
	return &h.Record
}

// fetches reports whether an execution only goes on with the rows of one before.
func (h *Hit) fetches() bool { return h.is(record.PortalCursor) }

// is reports whether an execution of MySQL's is of a certain kind.
func (h *Hit) is(portal string) bool {
	return h.Record.Kind == record.KindExecute && h.Session.Protocol == mysqlProtocol && string(h.Record.Portal) == portal
}

// mysqlProtocol is the name of the protocol whose sessions differ in what their records mean.
const mysqlProtocol = "mysql"

// bindings are the records that hold the parameters.
func (h *Hit) bindings() []*record.Record { return append([]*record.Record{h.bound()}, h.Long...) }

// behind are the records that h's refers to, in their order.
func (h *Hit) behind() []*record.Record {
	var list []*record.Record
	for _, r := range append([]*record.Record{h.Statement, h.Bind}, h.Long...) {
		if r != nil {
			list = append(list, r)
		}
	}
	return list
}

// Actions are what the statement does.
func (h *Hit) Actions() []string { return h.stated().Actions }

// stated is the record that holds the statement and what is known of it.
func (h *Hit) stated() *record.Record {
	if len(h.Record.Text) == 0 && h.Statement != nil {
		return h.Statement
	}
	return &h.Record
}

// answer is the record that tells what came of it.
func (h *Hit) answer() *record.Record {
	if h.Result != nil {
		return h.Result
	}
	return &h.Record
}

// tableNames are the tables touched, each as written and, where it is written with its schema, without.
func (h *Hit) tableNames() []string {
	tables := h.stated().Tables
	names := tables[:len(tables):len(tables)]
	for _, t := range tables {
		for i := len(t) - 1; i >= 0; i-- {
			if t[i] == '.' {
				names = append(names, t[i+1:])
				break
			}
		}
	}
	return names
}

// pathNames are the paths touched, each whole and by its last name.
func (h *Hit) pathNames() []string {
	paths := h.Record.Paths
	names := paths[:len(paths):len(paths)]
	for _, p := range paths {
		if at := strings.LastIndexByte(p, '/'); at >= 0 && at+1 < len(p) {
			names = append(names, p[at+1:])
		}
	}
	return names
}

// command is the line of a program that was run or of one that a terminal showed.
func (h *Hit) command() string {
	if h.Record.Kind != record.KindExec && h.Record.Kind != record.KindLine {
		return ""
	}
	return view(h.Text())
}

func (h *Hit) paramTexts() []string {
	var texts []string
	for _, p := range h.Params() {
		if !p.Null && p.Value != nil {
			texts = append(texts, string(p.AppendText(nil)))
		}
	}
	return texts
}

// flagNames are the words of the flags, bit by bit.
var flagNames = []string{"more", "masked", "unread", "suspended", "simple", "stderr", "terminal"}

// erased is the word for records whose payload was erased, beside the flags.
const erased = "erased"

// flags are those of all records of the hit.
func (h *Hit) flags() []string {
	words := flagWords(h.Record.Flags | h.stated().Flags | h.answer().Flags)
	for _, r := range append(h.behind(), &h.Record, h.answer()) {
		if len(r.Erased) > 0 {
			return append(words, erased)
		}
	}
	return words
}

func flagWords(bits record.Flags) []string {
	var names []string
	for i, name := range flagNames {
		if bits&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

func knownFlag(s string) bool { return s == erased || oneOf(flagNames...)(s) }

// view is b as a string for as long as b isn't changed: for comparing, never for keeping.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
