// Package policy decides: may this subject open this target, may this statement pass. Decisions are pure functions
// of the rules and of what they are given; the default is no.
//
// Rules are written in Cedar (see starter.cedar). A request's principal is User::"alice", who is in Group::"dba"; its
// resource is Target::"orders"; its action is Action::"connect" when a session opens, and then, for each effect of a
// statement, the action of that effect: Action::"select", Action::"delete" and so on (sqltext.Actions has them all).
// Every effect has to be allowed. Actions are in groups: "read", "write", "ddl", "maintain", "session", "admin" and
// "opaque" (what no text tells: DO, CALL, COPY to a program, ...), and all of them but "connect" in "any".
//
// DESIGN.md beside this file lists the attributes that conditions may read. Every attribute is there in every
// request, and rules are type-checked against that when they are loaded: Cedar passes over a rule that fails while
// it is evaluated, even one that forbids. Should one fail all the same, the decision is no.
package policy

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"path"
	"strings"

	"github.com/cedar-policy/cedar-go"
)

// Source is one policy file.
type Source struct {
	Name string // shown in errors and decisions
	Text []byte
}

// Set is the rules in force. It never changes; safe for concurrent use.
type Set struct {
	rules     []*rule
	byID      map[cedar.PolicyID]*rule
	hash      string
	readsTime bool
}

// rule is a Cedar policy with what is said of it.
type rule struct {
	id     string
	where  string // file:line
	short  string // the same without the file's folder, for users
	advice string
	watch  bool // of a permit: whoever it lets pass is watched
	policy *cedar.Policy
	parts  []part // of a permit: what has to be so, each by itself
	sight  sight
	names  []string // of a forbid: the strings that it compares with
}

// Load reads policy files. It refuses what could not be decided later: a rule that names an action, an attribute or
// a type that there is none of, or that compares what can't be compared; two rules of one id. All mistakes of all
// files are told, each with file:line:column.
func Load(sources []Source) (*Set, error) {
	s := &Set{byID: map[cedar.PolicyID]*rule{}}
	h := sha256.New()
	var errs []error
	for _, src := range sources {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(src.Text)))
		h.Write(size[:])
		h.Write(src.Text)
		errs = append(errs, s.load(src)...)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	s.hash = hex.EncodeToString(h.Sum(nil))
	return s, nil
}

func (s *Set) load(src Source) (errs []error) {
	list, err := cedar.NewPolicyListFromBytes(src.Name, src.Text)
	if err != nil {
		return []error{parseError(src.Name, err)}
	}
	for _, p := range list {
		r := newRule(p)
		if err := r.check(); err != nil {
			errs = append(errs, err)
			continue
		}
		old := s.byID[cedar.PolicyID(r.id)]
		if old != nil && r.id == r.short { // two rules without an @id on one line
			r.id = r.place()
			old = s.byID[cedar.PolicyID(r.id)]
		}
		if old != nil {
			errs = append(errs, fmt.Errorf("%s: rule id %q is taken by %s; give each rule an @id of its own", r.place(), r.id, old.where))
			continue
		}
		s.rules = append(s.rules, r)
		s.byID[cedar.PolicyID(r.id)] = r
		s.readsTime = s.readsTime || reads(p, timeAttributes...)
	}
	return errs
}

func newRule(p *cedar.Policy) *rule {
	pos := p.Position()
	r := &rule{
		where: fmt.Sprintf("%s:%d", pos.Filename, pos.Line), short: fmt.Sprintf("%s:%d", path.Base(pos.Filename), pos.Line), policy: p,
		sight: sightOf(p), names: namesOf(p),
	}
	notes := p.Annotations()
	r.advice = string(notes["advice"])
	_, r.watch = notes["watch"]
	if r.id = string(notes["id"]); r.id == "" {
		r.id = r.short
	}
	if p.Effect() == cedar.Permit {
		r.parts = partsOf(p)
	}
	return r
}

// place is file:line:column.
func (r *rule) place() string {
	return fmt.Sprintf("%s:%d", r.where, r.policy.Position().Column)
}

// check refuses a rule that may fail when it is evaluated, or that can never hold.
func (r *rule) check() error {
	for key := range r.policy.Annotations() {
		switch key {
		case "id", "advice", "about", "watch":
		default:
			return fmt.Errorf("%s: annotation @%s is unknown; @id, @advice, @about and @watch are known", r.place(), key)
		}
	}
	if r.watch && r.policy.Effect() == cedar.Forbid {
		return fmt.Errorf("%s: rule %q forbids, and @watch is for what a rule permits; write permit, or leave @watch away", r.place(), r.id)
	}
	switch r.id {
	case DefaultDeny, RuleError, Nothing:
		return fmt.Errorf("%s: rule id %q has a meaning of its own; choose another", r.place(), r.id)
	}
	if err := validate(r.id, r.policy); err != nil {
		return fmt.Errorf("%s: rule %q: %s", r.place(), r.id, plainly(err))
	}
	return nil
}

// parseError puts the place of a syntax error first: the parser says `parse error at <input>:3:12 "tok": ...`.
func parseError(name string, err error) error {
	text := strings.TrimPrefix(err.Error(), "parser error: ")
	rest, ok := strings.CutPrefix(text, "parse error at ")
	if !ok {
		return fmt.Errorf("%s:%s", name, strings.TrimPrefix(text, "<input>:"))
	}
	pos, rest, _ := strings.Cut(rest, " ")
	if _, after, ok := strings.Cut(pos, ":"); ok {
		pos = after
	}
	return fmt.Errorf("%s:%s: near %s", name, pos, rest)
}

// Hash names the rules: the SHA-256 over all sources, in hexadecimal.
func (s *Set) Hash() string { return s.hash }

// Rules is how many there are.
func (s *Set) Rules() int { return len(s.rules) }

// ReadsTime reports whether a rule looks at the time: a decision then must not be kept for later.
func (s *Set) ReadsTime() bool { return s.readsTime }

// All goes through the rules in the order of their files, so that the same question has the same answer to the
// letter.
func (s *Set) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for _, r := range s.rules {
			if !yield(cedar.PolicyID(r.id), r.policy) {
				return
			}
		}
	}
}
