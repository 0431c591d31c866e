package record

import "iter"

// WithRaw keeps with a block the records that its Data is made of, so that an Outline need not unpack them. raw is borrowed
// as long as the block is used. It returns the block.
func (b *Block) WithRaw(raw []byte) *Block {
	b.raw = raw
	return b
}

// Outline gives the block's records in order, each with its envelope and, where the session's line takes something from
// its payload (Session.Add), with that: an Open's, a Join's, a Close's. It allocates nothing for any other. A record borrows:
// its byte slices are valid until the next. An error is the last that it gives.
func (b *Block) Outline() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		rest, err := b.Unpacked()
		var r Record
		n := 0
		for ; err == nil && len(rest) > 0; n++ {
			start := b.Raw - len(rest)
			if rest, err = outline(rest, &r); err != nil {
				err = within(err, start)
			} else if !yield(r, nil) {
				return
			}
		}
		if err == nil && n != b.Count {
			err = &FormatError{"block's records", b.Raw, "there are not as many as its head says"}
		}
		if err != nil {
			yield(Record{}, err)
		}
	}
}

// outline takes the first record off b into r.
func outline(b []byte, r *Record) (rest []byte, err error) {
	env, payload, rest, err := NextRecord(b)
	if err != nil {
		return b, err
	}
	*r = Record{}
	if err := DecodeEnvelope(env, r); err != nil {
		return b, err
	}
	switch r.Kind {
	case KindOpen, KindJoin, KindClose:
		return rest, DecodePayload(payload, r)
	}
	return rest, nil
}

// Unpacked returns the records one behind the other, as Unpack does: those that whoever made the block still has, or that
// are stored, which are borrowed as they are, or unpacked.
func (b *Block) Unpacked() ([]byte, error) {
	if b.raw != nil {
		return b.raw, nil
	}
	if b.Stored {
		return b.Data, nil
	}
	return b.Unpack(nil)
}
