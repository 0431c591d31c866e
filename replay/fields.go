package replay

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"

	"github.com/gatefold/gatefold/internal/record"
)

// fields is the query language's table: a test holds that every field of a record is here or named as left out.
var fields = []field{
	// Whose session it was.
	{name: "user", need: needLine, sample: "alice", each: one(func(h *Hit) string { return h.Session.User }),
		narrow: func(n *record.Narrow, v value) { exactly(&n.User, v) }},
	{name: "account", need: needLine, sample: "app", each: one(func(h *Hit) string { return h.Session.Account }),
		narrow: func(n *record.Narrow, v value) { exactly(&n.Account, v) }},
	{name: "target", need: needLine, sample: "orders", each: one(func(h *Hit) string { return h.Session.Target }),
		narrow: func(n *record.Narrow, v value) { exactly(&n.Target, v) }},
	{name: "database", need: needLine, sample: "shop", each: one(func(h *Hit) string { return h.Session.Database }),
		narrow: func(n *record.Narrow, v value) { exactly(&n.Database, v) }},
	{name: "protocol", need: needLine, sample: "postgres", each: one(func(h *Hit) string { return h.Session.Protocol }),
		narrow: func(n *record.Narrow, v value) { exactly(&n.Protocol, v) }},
	{name: "session", need: needSession, sample: "01931b5e", each: func(h *Hit, fits func(string) bool) bool { return fits(h.Session.ID.String()) },
		begins: true, known: knownID, narrow: narrowSession},
	{name: "parent", need: needLine, sample: "01931b5e-7c1a-7f3e-8a4b-0123456789ab", each: one(func(h *Hit) string {
		if h.Session.Parent.IsZero() {
			return ""
		}
		return h.Session.Parent.String()
	})},
	{name: "client", need: needLine, sample: "10.0.0.5", kind: isAddress, each: one(func(h *Hit) string { return h.Session.Client }),
		groups: func(h *Hit) []string { return []string{address(h.Session.Client)} }},
	{name: "app", need: needLine, sample: "psql", each: one(func(h *Hit) string { return h.Session.App })},
	{name: "pid", need: needLine, sample: "4711", kind: isNumber, number: count(func(h *Hit) uint64 { return h.Session.PID }),
		narrow: func(n *record.Narrow, v value) {
			if v.op == "=" {
				n.PID = v.number
			}
		}},

	// What kind of record, and the policy's word on it.
	{name: "kind", sample: "query", known: knownKind, each: one(func(h *Hit) string { return h.Record.Kind.String() })},
	{name: "verdict", sample: "deny", known: oneOf("allow", "deny"), each: one(func(h *Hit) string {
		if h.Record.Verdict == record.VerdictNone {
			return ""
		}
		return h.Record.Verdict.String()
	}), narrow: func(n *record.Narrow, v value) {
		if verdict, err := record.ParseVerdict(v.text); err == nil && !v.glob {
			n.Verdict = verdict
		}
	}},
	{name: "rule", sample: "no-salaries", each: one(func(h *Hit) string { return h.Record.Rule })},
	{name: "epoch", sample: "3", kind: isNumber, number: count(func(h *Hit) uint64 { return uint64(h.Record.Epoch) })},
	{name: "seq", sample: "12", kind: isNumber, number: count(func(h *Hit) uint64 { return h.Record.Seq })},
	{name: "stream", sample: "1", kind: isNumber, number: count(func(h *Hit) uint64 { return uint64(h.Record.Stream) })},
	{name: "flag", sample: "masked", known: knownFlag, need: needWhole, each: some((*Hit).flags)},

	// What was said, what it does and touches.
	{name: "text", sample: `"where id ="`, kind: isPiece, need: needStatement, deep: true,
		each: func(h *Hit, fits func(string) bool) bool { return fits(view(h.Text())) }, narrow: inner},
	{name: "param", sample: "4711", kind: isPiece, need: needStatement, deep: true, each: some((*Hit).paramTexts)},
	{name: "action", sample: "delete", need: needStatement, each: some((*Hit).Actions)},
	{name: "table", sample: "orders", need: needStatement, each: some((*Hit).tableNames),
		groups: func(h *Hit) []string { return h.stated().Tables }, narrow: named},
	{name: "column", sample: "salary", need: needStatement, each: some(func(h *Hit) []string { return h.stated().Columns }), narrow: named},
	{name: "command", sample: `"systemctl stop"`, kind: isPiece, need: needStatement, deep: true, each: one((*Hit).command), narrow: inner},
	{name: "program", sample: "fdisk", each: some(func(h *Hit) []string { return h.Record.Programs }), narrow: named},
	{name: "path", sample: "/etc/shadow", slash: true, each: some((*Hit).pathNames), groups: func(h *Hit) []string { return h.Record.Paths }, narrow: named},
	{name: "digest", sample: "50fde20626009aba", need: needStatement, each: one(func(h *Hit) string { return hexDigest(h.stated().Digest) }),
		narrow: func(n *record.Narrow, v value) {
			if d, err := strconv.ParseUint(v.text, 16, 64); err == nil && !v.glob && hexDigest(d) == v.text {
				n.Digest = d
			}
		}},
	{name: "name", sample: "stmt_1", need: needStatement, each: one(func(h *Hit) string { return view(h.stated().Name) })},
	{name: "portal", sample: "c1", each: one(func(h *Hit) string { return view(h.Record.Portal) })},
	{name: "length", sample: "1048576", kind: isNumber, number: count(func(h *Hit) uint64 { return h.Record.Length })},

	// What came of it.
	{name: "outcome", sample: "failed", known: knownOutcome, need: needResult, each: one(func(h *Hit) string {
		if h.answer().Outcome == record.OutcomeNone {
			return ""
		}
		return h.answer().Outcome.String()
	})},
	{name: "code", also: "error", sample: "42501", need: needResult, each: one(func(h *Hit) string { return view(h.answer().Code) })},
	{name: "message", sample: "deadlock", kind: isPiece, need: needResult, deep: true,
		each: one(func(h *Hit) string { return view(h.answer().Message) })},
	{name: "rows", sample: "1000", kind: isNumber, need: needResult, number: told(func(r *record.Record) uint64 { return r.Rows })},
	{name: "bytes", sample: "1048576", kind: isNumber, need: needResult, number: told(func(r *record.Record) uint64 { return r.Bytes })},
	{name: "insert_id", also: "insertid", sample: "4711", kind: isNumber, need: needResult, number: func(h *Hit) (uint64, bool) {
		n := h.answer().InsertID
		return n, n != 0
	}},
	{name: "warnings", sample: "1", kind: isNumber, need: needResult, number: told(func(r *record.Record) uint64 { return r.Warnings })},
	{name: "took", also: "duration", sample: "2s", kind: isLasting, need: needResult, number: told(func(r *record.Record) uint64 { return clamp(r.Took) })},
	{name: "hash", sample: "9f86d081*", need: needResult, each: one(func(h *Hit) string { return hex.EncodeToString(h.answer().Hash) })},

	// When.
	{name: "since", sample: "2h", kind: isTime},
	{name: "until", sample: "10m", kind: isTime},
	{name: "time", sample: "today", kind: isTime},

	// How the gateway and the target stood: on the records that open and join a session.
	{name: "tls", sample: "TLS1.3*", each: one(func(h *Hit) string { return h.Record.TLS })},
	{name: "gateway", sample: "gw1", each: one(func(h *Hit) string { return h.Record.Gateway })},
	{name: "build", sample: "v0.2.0", each: one(func(h *Hit) string { return h.Record.Build })},
	{name: "config", sample: "91bc*", each: one(func(h *Hit) string { return h.Record.Config })},
	{name: "policy", sample: "3f2a*", each: one(func(h *Hit) string { return h.Record.Policy })},
	{name: "credential", sample: "3", each: one(func(h *Hit) string { return h.Record.Credential })},
	{name: "peer", sample: "10.0.1.7", kind: isAddress, each: one(func(h *Hit) string { return h.Record.Peer }),
		groups: func(h *Hit) []string { return []string{address(h.Record.Peer)} }},
	{name: "version", sample: "15*", each: one(func(h *Hit) string { return h.Record.Version })},
}

// address is an address without its port.
func address(s string) string {
	if addr, err := netip.ParseAddrPort(s); err == nil {
		return addr.Addr().Unmap().String()
	}
	return s
}

func exactly(dst *string, v value) {
	if !v.glob {
		*dst = v.text
	}
}

// narrowSession narrows by an id's beginning. A session condition is a prefix: parse has turned it into a glob.
func narrowSession(n *record.Narrow, v value) {
	if prefix, ok := strings.CutSuffix(v.text, "*"); ok && !strings.Contains(prefix, "*") {
		n.Prefix = strings.ReplaceAll(prefix, "-", "")
	}
}

// named narrows by the words of a name that stands whole in a record.
func named(n *record.Narrow, v value) {
	if v.glob {
		return
	}
	eachWord([]byte(v.text), func(start, end int) bool {
		n.Words = append(n.Words, []byte(v.text[start:end]))
		return true
	})
}

// inner narrows by the words that stand whole in a piece of text: those that neither begin nor end it.
func inner(n *record.Narrow, v value) {
	if v.re != nil {
		n.Words = append(n.Words, requiredWords(v.re)...)
		return
	}
	first, last := true, ""
	eachWord([]byte(v.text), func(start, end int) bool {
		if last != "" {
			n.Words = append(n.Words, []byte(last))
		}
		last = ""
		if !first || start > 0 {
			last = v.text[start:end]
		}
		if end == len(v.text) {
			last = ""
		}
		first = false
		return true
	})
	if last != "" {
		n.Words = append(n.Words, []byte(last))
	}
}

// told makes a number that only an answer tells.
func told(get func(r *record.Record) uint64) func(*Hit) (uint64, bool) {
	return func(h *Hit) (uint64, bool) {
		r := h.answer()
		return get(r), r.Outcome != record.OutcomeNone || r.Kind == record.KindClose || r.Kind == record.KindGap
	}
}

func hexDigest(d uint64) string {
	if d == 0 {
		return ""
	}
	const digits = 16
	s := strconv.FormatUint(d, 16)
	return strings.Repeat("0", digits-len(s)) + s
}

func oneOf(words ...string) func(string) bool {
	return func(s string) bool {
		for _, w := range words {
			if w == s {
				return true
			}
		}
		return false
	}
}

func knownKind(s string) bool {
	_, err := record.ParseKind(s)
	return err == nil
}

func knownOutcome(s string) bool {
	_, err := record.ParseOutcome(s)
	return err == nil
}

// knownID reports whether s can be the beginning of a session's id.
func knownID(s string) bool {
	return strings.Trim(s, "0123456789abcdef-*") == ""
}
