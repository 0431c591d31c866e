package sqltext

import "strings"

// hints are what to do about a text that was not understood, by a piece of the reason. Some reasons are a protocol's
// (protocols.Action.Unsure).
var hints = [...]struct{ why, hint string }{
	{"client_encoding", "SET client_encoding TO UTF8, then send it again"},
	{"standard_conforming_strings", "SET standard_conforming_strings TO on, then send it again"},
	{"UTF-8", "send it in UTF-8 and without zero bytes; arbitrary bytes go as parameters or as '\\x...'::bytea"},
	{"longer than", "send long values as parameters, or by COPY, and many statements one by one"},
	{"in its pipeline", "send it after the answer to what is before it"},
	{"prepared in the protocol", "prepare it anew under another name, or run its text itself"},
	{"bound in the protocol", "run its query itself, or FETCH from the cursor by name"},
	{"in the same text may change", "send it by itself, after the one before it was answered"},
	{"version comment", "leave /*! and what closes it away"},
	{"deep", "put its parts into temporary tables or WITH clauses that are less nested"},
}

// Hint says what to do about a text that was not understood; empty: it was.
func (f *Facts) Hint() string {
	if f.Understood {
		return ""
	}
	for _, h := range hints {
		if strings.Contains(f.Why, h.why) {
			return h.hint
		}
	}
	if f.Dialect != DialectPostgres {
		return "check its spelling; what is not of MySQL's grammar needs a rule that permits the action \"unknown\""
	}
	return "check its spelling; what is newer than PostgreSQL 17 needs a rule that permits the action \"unknown\""
}
