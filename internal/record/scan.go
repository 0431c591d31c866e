package record

import "unicode/utf8"

// what is how the words of a payload's field are found; part of AddPayload.
type what uint8

const (
	unknownField what = iota
	saidText          // its bytes are said
	saidList          // each of its strings is
	saidParams
	saidSession // as saidText, in a session's Open and Join only
	quietBytes
	quietFixed
	quietUint
	quietID
)

// saying tells it of each field by its number. A test holds it to AddRecord.
var saying = func() (t [256]what) {
	for _, f := range Fields {
		switch {
		case f.Part != Payload:
		case f.Type == TypeParams:
			t[f.Num] = saidParams
		case f.Type == TypeStrings:
			t[f.Num] = saidList
		case f.Type == TypeFixed:
			t[f.Num] = quietFixed
		case f.Type == TypeUint:
			t[f.Num] = quietUint
		case f.Type == TypeID:
			t[f.Num] = quietID
		case f.Name == "Hash":
			t[f.Num] = quietBytes
		case f.Num >= firstSessionField:
			t[f.Num] = saidSession
		default:
			t[f.Num] = saidText
		}
	}
	return t
}()

// firstSessionField is the number from which fields are those of a session's Open and Join.
const firstSessionField = 64

// AddPayload adds the words of an encoded payload of a record of kind k, as AddRecord does of the record (whose Code is not
// in its payload), without making a record of it: no strings, no lists. It fails on exactly what DecodePayload fails on;
// s may then hold some of its words.
func (s *WordSet) AddPayload(k Kind, payload []byte) error {
	if _, ok := Erased(payload); ok {
		return nil
	}
	d := newDecoder(payload, payloadVersion)
	opens := k == KindOpen || k == KindJoin
	version := byte(codecVersion)
	for last := byte(0); d.num > last; {
		last = d.num
		if last == 43 || last == 44 {
			version = payloadVersion
		}
		switch saying[last] {
		case saidText:
			addText(s, d.bytes(last))
		case saidSession:
			if b := d.bytes(last); opens {
				addText(s, b)
			}
		case saidList:
			s.addList(&d)
		case saidParams:
			s.addParams(&d)
		case quietBytes:
			d.bytes(last)
		case quietFixed:
			d.fixed(last)
		case quietUint:
			d.uint(last, 64)
		case quietID:
			var id ID
			d.id(last, &id)
		default:
			return d.end()
		}
	}
	d.isVersion(payload, version)
	return d.end()
}

func (s *WordSet) addList(d *decoder) {
	for range d.count(1) {
		addText(s, d.take(d.uvarint()))
	}
	if d.err == nil {
		d.next()
	}
}

func (s *WordSet) addParams(d *decoder) {
	for range d.count(3) {
		var p Param
		if d.param(&p); d.err != nil {
			return
		}
		s.addParam(&p)
	}
	if d.err == nil {
		d.next()
	}
}

func (s *WordSet) addParam(p *Param) {
	if p.Format == 0 {
		addText(s, p.Value)
		return
	}
	s.text = p.AppendText(s.text[:0])
	addText(s, s.text)
	if p.Format == FormatMySQL && cutShort(p.Value) {
		addText(s, p.Value)
	}
}

// cutShort reports whether v is UTF-8 but for the last character, of which there is only the beginning: the first part of a
// text that goes on in other records, which is read as a text when it is put together.
func cutShort(v []byte) bool {
	for n := 1; n < utf8.UTFMax && n <= len(v); n++ {
		if end := v[len(v)-n:]; utf8.RuneStart(end[0]) {
			return !utf8.FullRune(end) && utf8.Valid(v[:len(v)-n])
		}
	}
	return false
}
