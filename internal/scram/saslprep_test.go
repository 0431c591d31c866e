package scram

import "testing"

// The first examples are those of RFC 4013, section 3. What SASLprep forbids stays as it is, as PostgreSQL has it.
func TestPrepare(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"soft hyphen is mapped to nothing", "I\u00adX", "IX"},
		{"nothing to do", "user", "user"},
		{"case stays", "USER", "USER"},
		{"NFKC of a feminine ordinal", "\u00aa", "a"},
		{"NFKC of a Roman numeral", "\u2168", "IX"},
		{"ASCII control characters are untouched", "a\x07b", "a\x07b"},
		{"right-to-left and a digit at the end: forbidden", "\u06271", "\u06271"},
		{"right-to-left at both ends", "\u06271\u0628", "\u06271\u0628"},
		{"right-to-left with Latin inside: forbidden", "\u0627\u2168\u0627", "\u0627\u2168\u0627"},
		{"other spaces become one", "a\u00a0\u3000b", "a  b"},
		{"composed", "A\u030angstro\u0308m", "\u00c5ngstr\u00f6m"},
		{"private use: forbidden, so not composed", "A\u030a\ue000", "A\u030a\ue000"},
		{"unassigned in Unicode 3.2: forbidden", "A\u030a\u0221", "A\u030a\u0221"},
		{"emoji, unassigned too", "A\u030a\U0001f600", "A\u030a\U0001f600"},
		{"nothing left: forbidden", "\u00ad\u200d", "\u00ad\u200d"},
		{"not UTF-8", "A\xff", "A\xff"},
	} {
		if got := string(prepare([]byte(tt.in))); got != tt.want {
			t.Errorf("%s: %q became %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}
