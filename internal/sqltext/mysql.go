package sqltext

import (
	"sync"

	"github.com/pingcap/tidb/pkg/parser"
)

// parsers are kept: one is 200 places of stack and a few tables.
var parsers = sync.Pool{New: func() any { return parser.New() }}

// mysqlText reads a text of MySQL or MariaDB, and tells whether the Facts hold for the literals in text only.
func mysqlText(r Reading, text []byte) (f *Facts, literal bool) {
	p := parsers.Get().(*parser.Parser)
	defer parsers.Put(p)
	return UnreadText(text, "statements of MySQL are not read yet"), true
}
