package local

import (
	"fmt"
	"testing"

	"github.com/gatefold/gatefold/internal/record"
)

// What a crash left of a note of what is being erased is a whole one or none.
func FuzzParseRedact(f *testing.F) {
	id := record.ID{1, 6: 0x70}
	whole := fmt.Sprintf("%s\n%s\n2\n77\nend\n", redactTitle, id)
	f.Add(whole)
	f.Add(whole[:len(whole)-5])
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		id, seqs, err := parseRedact(text)
		if err != nil {
			return
		}
		if len(seqs) == 0 || len(seqs) > len(text) || id == (record.ID{}) && text == "" {
			t.Errorf("%q was read as %v of %v", text, seqs, id)
		}
	})
}
