package recorder

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/record"
)

// The byte table is what another program would be written from: it names every field with its number and type.
func TestTheFormatPageHasEveryField(t *testing.T) {
	page, err := os.ReadFile("FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	types := map[record.Type]string{record.TypeID: "id", record.TypeUint: "uint", record.TypeInt: "int", record.TypeTime: "time",
		record.TypeFixed: "fixed", record.TypeBytes: "bytes", record.TypeString: "string", record.TypeStrings: "strings",
		record.TypeParams: "params"}
	for _, f := range record.Fields {
		if line := fmt.Sprintf("| %d %s | %s", f.Num, f.Name, types[f.Type]); !strings.Contains(string(page), line) {
			t.Errorf("%q is not in it", line)
		}
	}
}

func TestTheFormatPageHasEveryKind(t *testing.T) {
	page, err := os.ReadFile("FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	for k := record.KindNone; k <= record.KindLast; k++ {
		if cell := fmt.Sprintf("| %d %s |", k, k); !strings.Contains(string(page), cell) {
			t.Errorf("%q is not in it", cell)
		}
	}
}
