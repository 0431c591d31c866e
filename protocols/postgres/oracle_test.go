package postgres

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	oracle "github.com/jackc/pgproto3/v2"

	"github.com/gatefold/gatefold/internal/record"
)

// random makes well-formed messages with an independent implementation.
type random struct{ *rand.Rand }

func (r random) text() string {
	b := make([]byte, r.IntN(12))
	for i := range b {
		b[i] = byte(1 + r.IntN(255))
	}
	return string(b)
}

func (r random) values() (values [][]byte) {
	for range r.IntN(6) {
		switch r.IntN(4) {
		case 0:
			values = append(values, nil)
		default:
			values = append(values, []byte(r.text()))
		}
	}
	return values
}

// formats is none, one for all, or one each.
func (r random) formats(n int) (formats []int16) {
	switch r.IntN(3) {
	case 1:
		n = 1
	case 2:
		n = 0
	}
	for range n {
		formats = append(formats, int16(r.IntN(2)))
	}
	return formats
}

func encodeBody(t *testing.T, msg oracle.Message) []byte {
	t.Helper()
	b, err := msg.Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b[headSize:]
}

// Well-formed messages decode alike in pgproto3/v2, which shares no code with the relay.
func TestDecodersAgree(t *testing.T) {
	r := random{rand.New(rand.NewPCG(1, 2))}
	for range 2000 {
		checkQueryParse(t, r)
		checkBind(t, r)
		checkCall(t, r)
		checkNamed(t, r)
		checkNotice(t, r)
	}
}

func checkQueryParse(t *testing.T, r random) {
	query := oracle.Query{String: r.text()}
	if q, ok := decodeQuery(encodeBody(t, &query)); !ok || string(q.text) != query.String {
		t.Fatalf("Query %q: %q, %v", query.String, q.text, ok)
	}
	parse := oracle.Parse{Name: r.text(), Query: r.text()}
	for range r.IntN(5) {
		parse.ParameterOIDs = append(parse.ParameterOIDs, r.Uint32())
	}
	p, ok := decodeParse(encodeBody(t, &parse))
	if !ok || string(p.name) != parse.Name || string(p.text) != parse.Query || !slices.Equal(ownTypes(p.types), parse.ParameterOIDs) {
		t.Fatalf("Parse %+v: %+v, %v", parse, p, ok)
	}
}

func checkBind(t *testing.T, r random) {
	bind := oracle.Bind{DestinationPortal: r.text(), PreparedStatement: r.text(), Parameters: r.values(), ResultFormatCodes: r.formats(3)}
	bind.ParameterFormatCodes = r.formats(len(bind.Parameters))
	if len(bind.ParameterFormatCodes) == 1 && len(bind.Parameters) == 0 {
		bind.ParameterFormatCodes = nil
	}
	b := encodeBody(t, &bind)
	h, _, ok := decodeBindHead(b)
	if !ok || string(h.portal) != bind.DestinationPortal || string(h.statement) != bind.PreparedStatement {
		t.Fatalf("Bind %+v: %+v, %v", bind, h, ok)
	}
	var v values
	v.begin(h, nil)
	_, params, ok := v.feed(b[h.size:], nil)
	if !ok || !v.whole() {
		t.Fatalf("Bind %+v: not read whole", bind)
	}
	sameValues(t, params, bind.Parameters, bind.ParameterFormatCodes)
	streamed := feedInPortions(t, h, b[h.size:], 1+r.IntN(7))
	sameValues(t, streamed, bind.Parameters, bind.ParameterFormatCodes)
}

// feedInPortions reads values in portions of n bytes and joins them, as a reader of the record does.
func feedInPortions(t *testing.T, h bindHead, b []byte, n int) (all []record.Param) {
	var v values
	v.begin(h, nil)
	for piece := range slices.Chunk(b, n) {
		rest, params, ok := v.feed(piece, nil)
		if !ok {
			t.Fatal("not well-formed in portions")
		}
		if len(rest) > 0 {
			last := &all[len(all)-1]
			last.Value = append(bytes.Clone(last.Value), rest...)
		}
		all = append(all, params...)
	}
	if !v.whole() {
		t.Fatal("not read whole in portions")
	}
	return all
}

func sameValues(t *testing.T, params []record.Param, want [][]byte, formats []int16) {
	t.Helper()
	if len(params) != len(want) {
		t.Fatalf("%d values, want %d", len(params), len(want))
	}
	for i, p := range params {
		var format int16
		switch len(formats) {
		case 0:
		case 1:
			format = formats[0]
		default:
			format = formats[i]
		}
		if p.Null != (want[i] == nil) || !bytes.Equal(p.Value, want[i]) || int16(p.Format) != format {
			t.Fatalf("value %d is %+v, want %q in format %d", i, p, want[i], format)
		}
	}
}

func checkCall(t *testing.T, r random) {
	call := oracle.FunctionCall{Function: r.Uint32(), Arguments: r.values()}
	for _, f := range r.formats(len(call.Arguments)) {
		call.ArgFormatCodes = append(call.ArgFormatCodes, uint16(f))
	}
	if len(call.ArgFormatCodes) > len(call.Arguments) {
		call.ArgFormatCodes = nil
	}
	c, ok := decodeCall(encodeBody(t, &call), nil)
	if !ok || c.function != call.Function {
		t.Fatalf("FunctionCall %+v: %+v, %v", call, c, ok)
	}
	var formats []int16
	for _, f := range call.ArgFormatCodes {
		formats = append(formats, int16(f))
	}
	sameValues(t, c.args, call.Arguments, formats)
}

func checkNamed(t *testing.T, r random) {
	execute := oracle.Execute{Portal: r.text(), MaxRows: r.Uint32()}
	if e, ok := decodeExecute(encodeBody(t, &execute)); !ok || string(e.portal) != execute.Portal || e.max != execute.MaxRows {
		t.Fatalf("Execute %+v: %+v, %v", execute, e, ok)
	}
	of := "SP"[r.IntN(2)]
	describe, closing := oracle.Describe{ObjectType: of, Name: r.text()}, oracle.Close{ObjectType: of, Name: r.text()}
	if d, ok := decodeNamed(encodeBody(t, &describe)); !ok || d.of != of || string(d.name) != describe.Name {
		t.Fatalf("Describe %+v: %+v, %v", describe, d, ok)
	}
	if c, ok := decodeNamed(encodeBody(t, &closing)); !ok || c.of != of || string(c.name) != closing.Name {
		t.Fatalf("Close %+v: %+v, %v", closing, c, ok)
	}
}

func checkNotice(t *testing.T, r random) {
	msg := oracle.ErrorResponse{Severity: "FEHLER", SeverityUnlocalized: "FATAL", Code: "57P01", Message: "m" + r.text(), Detail: "d" + r.text(), Hint: "h"}
	n := decodeNotice(encodeBody(t, &msg))
	if !n.fatal() || string(n.code) != msg.Code || string(n.message) != msg.Message || string(n.detail) != msg.Detail {
		t.Fatalf("ErrorResponse %+v: %q", msg, n)
	}
}
