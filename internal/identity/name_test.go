package identity

import (
	"errors"
	"strings"
	"testing"
)

func TestNormalName(t *testing.T) {
	for name, want := range map[string]string{
		"alice": "alice", "Alice": "Alice", "alice@example.org": "alice@example.org", "a.b-c_d+e": "a.b-c_d+e",
		"Zoe\u0308": "Zo\u00eb", "\uff21lice": "Alice", "7of9": "7of9", strings.Repeat("a", 128): strings.Repeat("a", 128),
	} {
		if got, err := NormalName(name); err != nil || got != want {
			t.Errorf("%q becomes %q, %v; want %q", name, got, err, want)
		}
	}
	for _, name := range []string{
		"", " ", "a b", "alice=app", "alice/app", "-alice", ".alice", "@", "a\x00", "a\nb", "a'b", `a"b`, "a`b", "a;b", "a:b", "a\u200bb",
		"a\u202eb", "\xff", strings.Repeat("a", 129),
	} {
		if got, err := NormalName(name); !errors.Is(err, ErrName) {
			t.Errorf("%q becomes %q, %v", name, got, err)
		}
	}
}
