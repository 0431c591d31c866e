package postgres

import "github.com/gatefold/gatefold/internal/record"

// queryMessage is a Query: one text, of any number of statements.
type queryMessage struct{ text []byte }

func decodeQuery(b []byte) (queryMessage, bool) {
	r := body{b: b}
	q := queryMessage{r.text()}
	return q, r.done()
}

// parseMessage is a Parse: a statement is prepared.
type parseMessage struct {
	name, text []byte
	types      []byte // four bytes for each parameter type that the client declares
}

func decodeParse(b []byte) (parseMessage, bool) {
	r := body{b: b}
	p := parseMessage{name: r.text(), text: r.text()}
	p.types = r.take(4 * r.uint16())
	return p, r.done()
}

// executeMessage is an Execute: a portal runs, to its end or (max not 0) until so many rows.
type executeMessage struct {
	portal []byte
	max    uint32
}

func decodeExecute(b []byte) (executeMessage, bool) {
	r := body{b: b}
	e := executeMessage{r.text(), r.uint32()}
	return e, r.done()
}

// The two things that a Describe or a Close may name.
const (
	ofStatement = 'S'
	ofPortal    = 'P'
)

// namedMessage is a Describe or a Close.
type namedMessage struct {
	of   byte
	name []byte
}

func decodeNamed(b []byte) (namedMessage, bool) {
	r := body{b: b}
	n := namedMessage{r.byte(), r.text()}
	return n, r.done() && (n.of == ofStatement || n.of == ofPortal)
}

// callMessage is a FunctionCall: a function is called by its number.
type callMessage struct {
	function uint32
	args     []record.Param
}

// decodeCall puts the arguments into room.
func decodeCall(b []byte, room []record.Param) (callMessage, bool) {
	r := body{b: b}
	call := callMessage{function: r.uint32()}
	formats := r.take(2 * r.uint16())
	count := r.uint16()
	if r.bad || !formatsFit(formats, count) {
		return call, false
	}
	for i := range count {
		arg := record.Param{Format: formatOf(formats, i)}
		if size := r.uint32(); int32(size) == -1 {
			arg.Null = true
		} else {
			arg.Value = r.take(int(int32(size)))
		}
		if r.bad {
			return call, false
		}
		room = append(room, arg)
	}
	r.uint16() // the result's format
	call.args = room
	return call, r.done()
}

// formatsFit reports whether formats (two bytes each) are as many as count values may have: none (all text), one (for
// all) or one each; and whether each is text or binary.
func formatsFit(formats []byte, count int) bool {
	if n := len(formats) / 2; n > 1 && n != count {
		return false
	}
	for i := 0; i < len(formats); i += 2 {
		if formats[i] != 0 || formats[i+1] > 1 {
			return false
		}
	}
	return true
}

// formatOf returns the format of value i: 0 text, 1 binary.
func formatOf(formats []byte, i int) uint8 {
	switch len(formats) {
	case 0:
		return 0
	case 2:
		return formats[1]
	}
	return formats[2*i+1]
}

// notice is an ErrorResponse or a NoticeResponse (section 55.8), as far as it is recorded.
type notice struct {
	severity, code, message, detail []byte
}

// fatal reports whether the server ends the session with it.
func (n *notice) fatal() bool {
	return string(n.severity) == "FATAL" || string(n.severity) == "PANIC"
}

// decodeNotice reads what it can: of a message longer than what is held, the start is there.
func decodeNotice(b []byte) notice {
	r := body{b: b}
	var n notice
	for {
		kind := r.byte()
		if r.bad || kind == 0 {
			return n
		}
		value := r.text()
		switch kind {
		case 'S':
			if n.severity == nil {
				n.severity = value
			}
		case 'V': // the same, never translated
			n.severity = value
		case 'C':
			n.code = value
		case 'M':
			n.message = value
		case 'D':
			n.detail = value
		}
	}
}
