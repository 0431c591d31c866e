package replay

import (
	"math"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gatefold/gatefold/internal/record"
)

// shape is what a field's values look like.
type shape uint8

const (
	isName    shape = iota // a name; * stands for anything
	isPiece                // a piece of something longer
	isNumber               // 12, >12, >=12, <12, <=12
	isLasting              // a duration, compared as a number
	isAddress              // an address, a network, an address with its port
	isTime                 // since, until, time
)

// need is what must be known of a hit before a condition on it can be decided.
type need uint8

const (
	needRecord    need = iota // the record
	needSession               // its session's id
	needLine                  // its session's line in the directory
	needStatement             // the statement and parameters that an execution names
	needResult                // what came of it
	needWhole                 // all of it
)

// field is one name in the query language.
type field struct {
	name   string
	also   string // another name of it; may be empty
	sample string // a good value
	kind   shape
	need   need
	deep   bool              // it looks into what was said
	begins bool              // a value is the beginning of what is looked for
	slash  bool              // a value may begin with a slash and is no regular expression then
	known  func(string) bool // nil: any value; else is this one possible

	each   func(h *Hit, fits func(string) bool) bool // isName, isPiece, isAddress: does any of the strings fit
	number func(h *Hit) (uint64, bool)               // isNumber, isLasting; false: not told
	narrow func(n *record.Narrow, v value)
	groups func(h *Hit) []string // what to count hits by, where that isn't each of each
}

// value is one alternative of a condition, read.
type value struct {
	text   string // folded
	glob   bool
	op     string // isNumber: "=", ">", ...
	number uint64
	net    netip.Prefix   // isAddress
	re     *regexp.Regexp // isPiece: written /.../
}

func fieldNamed(name string) *field {
	for i := range fields {
		if fields[i].name == name || name != "" && fields[i].also == name {
			return &fields[i]
		}
	}
	return nil
}

// example shows a field in use, for errors.
func (f *field) example() string {
	switch f.kind {
	case isTime:
		if f.name == "time" {
			return `like time:today, time:2026-11-23 or time:"2026-11-23 15:04"; from and to: since:2h until:10m`
		}
		return "like " + f.name + ":" + f.sample + ", " + f.name + ":2026-11-23, " + f.name + `:"2026-11-23 15:04", ` + f.name + ":today"
	case isNumber, isLasting:
		return "like " + f.name + ":" + f.sample + " or " + f.name + ":>" + f.sample
	}
	return "like " + f.name + ":" + f.sample
}

// parse reads one alternative. why is empty when it could.
func (f *field) parse(s string, t token) (v value, why string) {
	if t.regex {
		v.re, why = compile(s)
		return v, why
	}
	if s == "" {
		return v, "there is nothing between two commas"
	}
	v.text = fold(s)
	switch f.kind {
	case isNumber, isLasting:
		return f.parseNumber(v, s)
	case isAddress:
		if net, err := netip.ParsePrefix(s); err == nil {
			v.net = net.Masked()
		} else if strings.Contains(s, "/") {
			return v, "this is no network"
		}
	case isName:
		v.glob = !t.quoted && strings.Contains(s, "*")
		if f.begins && !v.glob {
			v.text, v.glob = v.text+"*", true
		}
		if f.known != nil && !f.known(v.text) && (!v.glob || f.begins) {
			return v, "there is no " + f.name + " of this name"
		}
	}
	return v, ""
}

func (f *field) parseNumber(v value, s string) (value, string) {
	v.op = "="
	for _, op := range []string{">=", "<=", ">", "<", "="} {
		if rest, ok := strings.CutPrefix(s, op); ok {
			v.op, s = op, rest
			break
		}
	}
	if f.kind == isLasting {
		d, err := time.ParseDuration(s)
		if err != nil || d < 0 {
			return v, "this is no duration"
		}
		v.number = uint64(d)
		return v, ""
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return v, "this is no whole number"
	}
	v.number = n
	return v, ""
}

// fits decides one value against a hit.
func (f *field) fits(v value, h *Hit) bool {
	switch f.kind {
	case isNumber, isLasting:
		n, told := f.number(h)
		return told && compare(n, v.op, v.number)
	case isPiece:
		if v.re != nil {
			return f.each(h, v.re.MatchString)
		}
		return f.each(h, func(s string) bool { return containsFold(s, v.text) })
	case isAddress:
		return f.each(h, func(s string) bool { return addressFits(s, v) })
	}
	return f.each(h, func(s string) bool {
		if v.glob {
			return globFold(v.text, s)
		}
		return equalFold(v.text, s)
	})
}

func compare(n uint64, op string, to uint64) bool {
	switch op {
	case ">":
		return n > to
	case ">=":
		return n >= to
	case "<":
		return n < to
	case "<=":
		return n <= to
	}
	return n == to
}

// addressFits decides an address with its port against an address, a network, or both with its port.
func addressFits(s string, v value) bool {
	addr, err := netip.ParseAddrPort(s)
	if v.net.IsValid() {
		return err == nil && v.net.Contains(addr.Addr().Unmap())
	}
	if err == nil {
		if want, werr := netip.ParseAddr(v.text); werr == nil {
			return addr.Addr().Unmap() == want.Unmap()
		}
	}
	return equalFold(v.text, s)
}

// one makes a field of one string.
func one(get func(h *Hit) string) func(*Hit, func(string) bool) bool {
	return func(h *Hit, fits func(string) bool) bool {
		s := get(h)
		return s != "" && fits(s)
	}
}

// some makes a field of several strings.
func some(get func(h *Hit) []string) func(*Hit, func(string) bool) bool {
	return func(h *Hit, fits func(string) bool) bool {
		for _, s := range get(h) {
			if fits(s) {
				return true
			}
		}
		return false
	}
}

// count makes a field of a number that every record has.
func count(get func(h *Hit) uint64) func(*Hit) (uint64, bool) {
	return func(h *Hit) (uint64, bool) {
		n := get(h)
		return n, true
	}
}

func clamp(n int64) uint64 {
	if n < 0 {
		return math.MaxUint64
	}
	return uint64(n)
}
