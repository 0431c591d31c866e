// Package shelltext tells what a command line does from its text alone.
package shelltext

// Facts is what a command line does. It is made once and never changed.
type Facts struct {
	// Understood is false when the line, or a piece of it, could not be read, or runs code that can't be: then the rest is
	// what of it was told.
	Understood bool
	Why        string // why it was not; empty when it was

	Programs []string // that it runs, in any branch: as written and, where that has a folder, without it; sorted
	Words    []string // that stand in it whole, without quotes; sorted
	Files    []File   // that it redirects from and to, and that programs known for it carry
	Masked   []byte   // the line with its secrets as ***; nil: there are none
}

// File is one that a command line reads or writes by what can be seen in it.
type File struct {
	Path  string // as written; relative to the home folder
	Write bool
	All   bool // with what is below it
}

// Hint says what to do about a line that was not understood; empty: it was.
func (f *Facts) Hint() string { return "" }

// Read reads a command line as a POSIX shell would.
func Read(line string) *Facts { return Unread("not read yet") }

// Unread makes the Facts of a line that was not read.
func Unread(why string) *Facts { return &Facts{Why: why} }

// MaskVariable masks the value of NAME=value where the name says that it is a secret; nil: it doesn't.
func MaskVariable(text string) []byte { return nil }
