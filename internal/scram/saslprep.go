package scram

import (
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// codePoints is a set of code points: pairs of first and last, ascending.
type codePoints [][2]rune

func (t codePoints) has(r rune) bool {
	_, found := slices.BinarySearchFunc(t, r, func(pair [2]rune, r rune) int {
		switch {
		case pair[1] < r:
			return -1
		case pair[0] > r:
			return 1
		}
		return 0
	})
	return found
}

// prepare returns password as SASLprep (RFC 4013) makes it, or as it is where SASLprep forbids it: PostgreSQL's server
// and libpq both fall back to the raw bytes, so that a password in any encoding works as long as both spell it alike.
// As in PostgreSQL the checks run on what was mapped, before normalisation, and pure ASCII passes untouched. The result
// is a copy that the caller wipes.
func prepare(password []byte) []byte {
	if isASCII(password) || !utf8.Valid(password) {
		return slices.Clone(password)
	}
	mapped := mapRunes(password)
	defer clear(mapped)
	if len(mapped) == 0 || forbidden(mapped) || mixedDirections(mapped) {
		return slices.Clone(password)
	}
	plain := make([]byte, 0, len(password))
	for _, r := range mapped {
		plain = utf8.AppendRune(plain, r)
	}
	defer clear(plain)
	// NFKC grows a string by up to 11 times its bytes (U+FDFA); room for all of it means no stray copy.
	return norm.NFKC.Append(make([]byte, 0, 11*len(plain)), plain...)
}

// mapRunes is step 1, mapping: other spaces become a space, what is commonly mapped to nothing goes.
func mapRunes(password []byte) []rune {
	mapped := make([]rune, 0, len(password))
	for i := 0; i < len(password); {
		r, n := utf8.DecodeRune(password[i:])
		i += n
		switch {
		case otherSpaces.has(r):
			mapped = append(mapped, ' ')
		case !mappedToNothing.has(r):
			mapped = append(mapped, r)
		}
	}
	return mapped
}

// forbidden is step 3, prohibited output and unassigned code points.
func forbidden(mapped []rune) bool {
	return slices.ContainsFunc(mapped, func(r rune) bool { return prohibited.has(r) || unassigned.has(r) })
}

// mixedDirections is step 4: a string with a right-to-left character starts and ends with one and has no
// left-to-right character (RFC 3454, section 6).
func mixedDirections(mapped []rune) bool {
	if !slices.ContainsFunc(mapped, rightToLeft.has) {
		return false
	}
	return slices.ContainsFunc(mapped, leftToRight.has) ||
		!rightToLeft.has(mapped[0]) || !rightToLeft.has(mapped[len(mapped)-1])
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
