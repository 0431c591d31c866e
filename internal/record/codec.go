package record

import "encoding/binary"

// The first byte of an envelope and of a payload is its version: the least that has all its fields, so that a reader that
// doesn't know one of them says that it is too old, and not that the record is damaged. 0 is that of a payload that was erased.
const (
	codecVersion    = 1
	envelopeVersion = 2 // InsertID, Warnings
	payloadVersion  = 2 // Programs, Paths
)

// AppendEnvelope appends the canonical encoding of r's envelope: the version, then the fields by ascending number,
// each as its number and its value, zero values left out. DecodeEnvelope is its mirror, line by line.
func (r *Record) AppendEnvelope(dst []byte) []byte {
	dst = append(dst, r.envelopeVersion())
	dst = putID(dst, 1, &r.Session)
	dst = putUint(dst, 2, r.Seq)
	dst = putUint(dst, 3, r.Of)
	dst = putFixed(dst, 4, uint64(r.At))
	dst = putUint(dst, 5, zigzag(r.Took))
	dst = putUint(dst, 6, r.Rows)
	dst = putUint(dst, 7, r.Bytes)
	dst = putUint(dst, 8, r.Length)
	dst = putUint(dst, 9, uint64(r.Stream))
	dst = putUint(dst, 10, uint64(r.Epoch))
	dst = putUint(dst, 11, uint64(r.Kind))
	dst = putUint(dst, 12, uint64(r.Verdict))
	dst = putUint(dst, 13, uint64(r.Outcome))
	dst = putUint(dst, 14, uint64(r.Flags))
	dst = putBytes(dst, 15, r.Code)
	dst = putUint(dst, 16, r.InsertID)
	return putUint(dst, 17, r.Warnings)
}

// envelopeVersion is the least that has all fields that r sets.
func (r *Record) envelopeVersion() byte {
	if r.InsertID|r.Warnings != 0 {
		return envelopeVersion
	}
	return codecVersion
}

// DecodeEnvelope sets the fields of r's envelope from b and leaves the payload's alone. Byte slices alias b. What is
// not canonical is an error: one record has one encoding.
func DecodeEnvelope(b []byte, r *Record) error {
	d := newDecoder(b, envelopeVersion)
	d.id(1, &r.Session)
	r.Seq = d.uint(2, 64)
	r.Of = d.uint(3, 64)
	r.At = int64(d.fixed(4))
	r.Took = unzigzag(d.uint(5, 64))
	r.Rows = d.uint(6, 64)
	r.Bytes = d.uint(7, 64)
	r.Length = d.uint(8, 64)
	r.Stream = uint32(d.uint(9, 32))
	r.Epoch = uint32(d.uint(10, 32))
	r.Kind = Kind(d.uint(11, 8))
	r.Verdict = Verdict(d.uint(12, 8))
	r.Outcome = Outcome(d.uint(13, 8))
	r.Flags = Flags(d.uint(14, 32))
	r.Code = d.bytes(15)
	r.InsertID = d.uint(16, 64)
	r.Warnings = d.uint(17, 64)
	d.isVersion(b, r.envelopeVersion())
	return d.end()
}

// AppendPayload appends the canonical encoding of r's payload or, where it was erased, what stands in its place.
func (r *Record) AppendPayload(dst []byte) []byte {
	if len(r.Erased) > 0 {
		return append(append(dst, 0), r.Erased...)
	}
	dst = append(dst, r.payloadVersion())
	dst = putBytes(dst, 32, r.Text)
	dst = putParams(dst, 33, r.Params)
	dst = putBytes(dst, 34, r.Name)
	dst = putBytes(dst, 35, r.Portal)
	dst = putBytes(dst, 36, r.Message)
	dst = putBytes(dst, 37, r.Hash)
	dst = putFixed(dst, 38, r.Digest)
	dst = putString(dst, 39, r.Rule)
	dst = putStrings(dst, 40, r.Actions)
	dst = putStrings(dst, 41, r.Tables)
	dst = putStrings(dst, 42, r.Columns)
	dst = putStrings(dst, 43, r.Programs)
	dst = putStrings(dst, 44, r.Paths)
	dst = putString(dst, 64, r.User)
	dst = putString(dst, 65, r.Account)
	dst = putString(dst, 66, r.Target)
	dst = putString(dst, 67, r.Database)
	dst = putString(dst, 68, r.Protocol)
	dst = putString(dst, 69, r.Client)
	dst = putString(dst, 70, r.App)
	dst = putString(dst, 71, r.TLS)
	dst = putString(dst, 72, r.Gateway)
	dst = putString(dst, 73, r.Build)
	dst = putString(dst, 74, r.Config)
	dst = putString(dst, 75, r.Policy)
	dst = putString(dst, 76, r.Credential)
	dst = putString(dst, 77, r.Peer)
	dst = putUint(dst, 78, r.PID)
	dst = putString(dst, 79, r.Version)
	return putID(dst, 80, &r.Parent)
}

// payloadVersion is the least that has all fields that r sets.
func (r *Record) payloadVersion() byte {
	if len(r.Programs)+len(r.Paths) > 0 {
		return payloadVersion
	}
	return codecVersion
}

// DecodePayload sets the fields of r's payload from b and leaves the envelope's alone. Byte slices alias b; strings
// and lists that r already holds are kept where they are the same, so that a reader of many records allocates little.
func DecodePayload(b []byte, r *Record) error {
	r.Erased = nil
	if _, ok := Erased(b); ok {
		erased := b[1:]
		err := DecodePayload([]byte{codecVersion}, r)
		r.Erased = erased
		return err
	}
	d := newDecoder(b, payloadVersion)
	r.Text = d.bytes(32)
	r.Params = d.params(33)
	r.Name = d.bytes(34)
	r.Portal = d.bytes(35)
	r.Message = d.bytes(36)
	r.Hash = d.bytes(37)
	r.Digest = d.fixed(38)
	d.string(39, &r.Rule)
	d.strings(40, &r.Actions)
	d.strings(41, &r.Tables)
	d.strings(42, &r.Columns)
	d.strings(43, &r.Programs)
	d.strings(44, &r.Paths)
	d.string(64, &r.User)
	d.string(65, &r.Account)
	d.string(66, &r.Target)
	d.string(67, &r.Database)
	d.string(68, &r.Protocol)
	d.string(69, &r.Client)
	d.string(70, &r.App)
	d.string(71, &r.TLS)
	d.string(72, &r.Gateway)
	d.string(73, &r.Build)
	d.string(74, &r.Config)
	d.string(75, &r.Policy)
	d.string(76, &r.Credential)
	d.string(77, &r.Peer)
	r.PID = d.uint(78, 64)
	d.string(79, &r.Version)
	d.id(80, &r.Parent)
	d.isVersion(b, r.payloadVersion())
	return d.end()
}

// AppendRecord appends r as it stands in a block: envelope and payload, each behind its length.
func AppendRecord(dst []byte, r *Record) []byte {
	start := len(dst)
	dst = prefix(r.AppendEnvelope(append(dst, 0)), start, 1)
	var length [binary.MaxVarintLen64]byte
	room := binary.PutUvarint(length[:], uint64(len(r.Text))) // a payload is longer: its length takes that much, rarely more
	start = len(dst)
	return prefix(r.AppendPayload(append(dst, length[:room]...)), start, room)
}

// prefix puts the length of what begins room bytes behind dst[start] before it, where room is kept for it. A length that
// takes more moves what follows.
func prefix(dst []byte, start, room int) []byte {
	var length [binary.MaxVarintLen64]byte
	n := len(dst) - start - room
	size := binary.PutUvarint(length[:], uint64(n))
	if size > room {
		dst = append(dst, length[room:size]...) // room, whatever its content
		copy(dst[start+size:], dst[start+room:start+room+n])
	}
	copy(dst[start:], length[:size])
	return dst
}

// NextRecord takes the first record off b. All that it returns aliases b.
func NextRecord(b []byte) (env, payload, rest []byte, err error) {
	d := decoder{all: b, rest: b}
	env = d.take(d.uvarint())
	payload = d.take(d.uvarint())
	if d.err != nil {
		return nil, nil, b, d.err
	}
	return env, payload, d.rest, nil
}

// Decode takes the first record off b into r; byte slices alias b.
func Decode(b []byte, r *Record) (rest []byte, err error) {
	env, payload, rest, err := NextRecord(b)
	if err != nil {
		return b, err
	}
	if err := DecodeEnvelope(env, r); err != nil {
		return b, err
	}
	return rest, DecodePayload(payload, r)
}
