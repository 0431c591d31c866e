package record

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"iter"
	"strconv"
)

// Block is a run of records of any number of sessions, sealed: what stores keep. Its bytes are its identity: they are the
// same whenever the same journal is cut at the same places.
type Block struct {
	Pos, End    uint64 // journal positions: of its first entry, and of what follows. Pos is its name and dedup token
	First, Last int64  // the earliest and the latest At, unix nanoseconds
	Count       int    // records
	Raw         int    // bytes of the records before compression
	Kinds       uint64 // the kinds within: 1<<Kind
	Spans       []Span // the sessions within, in order of first appearance
	Words       Filter // the words said
	Data        []byte // zstd of the records, in the journal's order or, rewritten, session by session: see Repack
	Stored      bool   // Data are the records as they are: zstd would not make them smaller
	Part        bool   // Only made it: what it says of the whole block is not so of its records

	// Beside are, where a store made the block up of records that were looked for, what these refer to and what answers them: an
	// answer that is in neither isn't there. nil: the block is not made up.
	Beside []Record

	raw []byte // the records, where whoever made the block still has them
}

// Bounds of a block. MaxRaw and MaxBlock bound what a reader allocates.
const (
	MaxRaw   = 16 << 20 // 16 MiB of records before compression
	MaxBlock = 32 << 20 // 32 MiB of a block's bytes
)

const (
	blockMagic   = "gfblock"
	blockVersion = 3 // 2 ended in a SHA-256 of all before, 1 was a draft
	blockStored  = 4 // as 3, but Stored, and the data begin at a multiple of HeadRoom

	prefixSize  = len(blockMagic) + 1 + 4 + 4              // magic, version, lengths of head and data
	fixedSize   = 8 + 8 + 8 + 8 + 4 + 4 + 8 + 4            // Pos to Kinds, number of spans
	minSpan     = 16 + 1 + 1 + 32 + 1 + rootSize           // Span
	trailerSize = 4 + 4                                    // CRCs: of the head, behind it, and of the data, at the very end
	minBlock    = prefixSize + fixedSize + 5 + trailerSize // without spans, words and data
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// AppendTo appends the block's bytes: prefix, head, CRC-32C of both, data, CRC-32C of these. Numbers are little endian. The sums
// are for accidents: that records are as they were sealed is what their chains say, whose values the head has.
func (b *Block) AppendTo(dst []byte) []byte {
	start := len(dst)
	dst = b.appendHead(dst)
	data := len(dst)
	return finish(append(dst, b.Data...), start, data)
}

// HeadRoom is what lies before the records where a block is made around them: a page, so that a file of it can be written from
// where they are.
const HeadRoom = 4 << 10 // 4 KiB

// Seal gives the bytes of a block of the records that lie in buf, one behind the other, behind HeadRoom bytes. Where nothing
// would be saved by packing them and the head has room before them, it is made around them, in buf; else in dst's room.
// Its Data lie in what is returned, and the records are kept with it (WithRaw).
func (b *Block) Seal(dst, buf []byte) []byte {
	raw := buf[HeadRoom:]
	b.Raw = len(raw)
	b.WithRaw(raw)
	if b.Stored = dense(raw); b.Stored {
		if head := b.appendHead(buf[:0:HeadRoom]); len(head) == HeadRoom {
			b.Data = raw
			return finish(buf, 0, HeadRoom)
		}
		b.Stored = false
	}
	dst = b.appendHead(dst[:0])
	data := len(dst)
	dst = Pack(dst, raw)
	b.Data = dst[data:len(dst):len(dst)]
	return finish(dst, 0, data)
}

// appendHead appends all before the data, with room for the head's CRC and the data's length.
func (b *Block) appendHead(dst []byte) []byte {
	le, start := binary.LittleEndian, len(dst)
	version := byte(blockVersion)
	if b.Stored {
		version = blockStored
	}
	dst = append(append(dst, blockMagic...), version)
	dst = append(dst, make([]byte, prefixSize-len(blockMagic)-1)...) // the lengths
	dst = le.AppendUint64(dst, b.Pos)
	dst = le.AppendUint64(dst, b.End)
	dst = le.AppendUint64(dst, uint64(b.First))
	dst = le.AppendUint64(dst, uint64(b.Last))
	dst = le.AppendUint32(dst, uint32(b.Count))
	dst = le.AppendUint32(dst, uint32(b.Raw))
	dst = le.AppendUint64(dst, b.Kinds)
	dst = le.AppendUint32(dst, uint32(len(b.Spans)))
	for i := range b.Spans {
		dst = b.Spans[i].appendTo(dst)
	}
	dst = append(dst, b.Words.Hashes)
	dst = le.AppendUint32(dst, uint32(len(b.Words.Bits)))
	dst = append(dst, b.Words.Bits...)
	le.PutUint32(dst[start+len(blockMagic)+1:], uint32(len(dst)-start-prefixSize))
	return append(dst, make([]byte, dataStart(dst[start:])-(len(dst)-start))...) // the CRC, and zeros before it
}

// lengths are those of a block's head and data. One that no block has is cut to MaxBlock, which is as wrong.
func lengths(b []byte) (head, data int) {
	le := binary.LittleEndian
	return int(min(le.Uint32(b[len(blockMagic)+1:]), MaxBlock)), int(min(le.Uint32(b[len(blockMagic)+5:]), MaxBlock))
}

// dataStart is where in a block's bytes its data begin, right behind the head's CRC.
func dataStart(b []byte) int {
	head, _ := lengths(b)
	n := prefixSize + head + 4
	if b[len(blockMagic)] == blockStored {
		n = (n + HeadRoom - 1) / HeadRoom * HeadRoom
	}
	return n
}

// finish puts in what is known when the data are there: their length and both CRCs.
func finish(dst []byte, start, data int) []byte {
	le := binary.LittleEndian
	le.PutUint32(dst[start+len(blockMagic)+5:], uint32(len(dst)-data))
	le.PutUint32(dst[data-4:], crc32.Checksum(dst[start:data-4], castagnoli))
	return le.AppendUint32(dst, crc32.Checksum(dst[data:], castagnoli))
}

// Sum tells a block's bytes from others, for a store's directory: their SHA-256, from version 3 on without the data, whose CRC and whose
// chains' values are in the rest. raw was parsed before, or made by AppendTo.
func Sum(raw []byte) Hash {
	if raw[len(blockMagic)] < 3 {
		return sha256.Sum256(raw)
	}
	h := sha256.New()
	h.Write(raw[:dataStart(raw)])
	h.Write(raw[len(raw)-4:])
	return Hash(h.Sum(nil))
}

// ParseBlock reads a block's bytes. It checks all of them: no flipped byte passes. Errors are a *FormatError or a
// *VersionError. The block's slices alias b.
func ParseBlock(b []byte) (*Block, error) {
	head, data, err := checkBlock(b)
	if err != nil {
		return nil, err
	}
	blk, err := parseHead(head)
	if err != nil {
		return nil, err
	}
	blk.Data, blk.Stored = data, b[len(blockMagic)] == blockStored
	if blk.Stored && len(data) != blk.Raw {
		return nil, blockError(prefixSize+36, "it holds its records as they are, and its head says another size")
	}
	return blk, nil
}

// checkBlock checks lengths and sums, and so names the part that is damaged.
func checkBlock(b []byte) (head, data []byte, err error) {
	if len(b) < minBlock || len(b) > MaxBlock {
		return nil, nil, blockError(len(b), "it has "+strconv.Itoa(len(b))+" bytes, which no block has")
	}
	if string(b[:len(blockMagic)]) != blockMagic {
		return nil, nil, blockError(0, "it does not begin as a block does")
	}
	v := int(b[len(blockMagic)])
	switch {
	case v > blockStored:
		return nil, nil, &VersionError{"block", v, blockStored}
	case v < 2:
		return nil, nil, blockError(len(blockMagic), "there is no such version")
	}
	last := 4
	if v == 2 {
		last = sha256.Size
	}
	nhead, ndata := lengths(b)
	start := dataStart(b)
	if start+ndata+last != len(b) {
		return nil, nil, blockError(len(blockMagic)+1, "its lengths do not add up to its size: cut short, or the lengths are damaged")
	}
	end := start - 4
	if crc32.Checksum(b[:end], castagnoli) != binary.LittleEndian.Uint32(b[end:]) {
		return nil, nil, blockError(prefixSize, "its head, up to byte "+strconv.Itoa(start)+", does not match its checksum")
	}
	body := len(b) - last
	data = b[start:body]
	if v == 2 && sha256.Sum256(b[:body]) != [sha256.Size]byte(b[body:]) ||
		v > 2 && crc32.Checksum(data, castagnoli) != binary.LittleEndian.Uint32(b[body:]) {
		return nil, nil, blockError(start, "its data or its hash is damaged: they do not match")
	}
	head = b[prefixSize : prefixSize+nhead]
	for i, c := range b[prefixSize+nhead : end] {
		if c != 0 {
			return nil, nil, blockError(prefixSize+nhead+i, "there is something between its head and its data")
		}
	}
	return head, data, nil
}

func parseHead(h []byte) (*Block, error) {
	le := binary.LittleEndian
	if len(h) < fixedSize+5 {
		return nil, blockError(prefixSize, "its head is too short")
	}
	blk := &Block{
		Pos: le.Uint64(h), End: le.Uint64(h[8:]), First: int64(le.Uint64(h[16:])), Last: int64(le.Uint64(h[24:])),
		Count: int(le.Uint32(h[32:])), Raw: int(le.Uint32(h[36:])), Kinds: le.Uint64(h[40:]),
	}
	spans, rest := uint64(le.Uint32(h[48:])), h[fixedSize:]
	if blk.Raw > MaxRaw || blk.Count > blk.Raw {
		return nil, blockError(prefixSize+32, "it claims more records or bytes than a block may hold")
	}
	if spans > uint64(len(rest)/minSpan) {
		return nil, blockError(prefixSize+48, "it claims more sessions than it lists")
	}
	blk.Spans = make([]Span, spans)
	for i := range blk.Spans {
		var err error
		if rest, err = blk.Spans[i].parse(rest); err != nil {
			return nil, blockError(prefixSize+len(h)-len(rest), err.Error())
		}
	}
	if len(rest) < 5 || int64(len(rest)) != 5+int64(le.Uint32(rest[1:])) || rest[0] > maxHashes || len(rest) > 5+maxFilter {
		return nil, blockError(prefixSize+len(h)-len(rest), "its filter of words is not one")
	}
	blk.Words = Filter{Bits: rest[5:], Hashes: rest[0]}
	return blk, nil
}

func blockError(offset int, reason string) error { return &FormatError{"block", offset, reason} }

// Records gives the block's records in order. A record borrows: its byte slices are valid until the next. An error is
// the last that it gives.
func (b *Block) Records() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		var r Record
		raw, err := b.Unpack(nil)
		for n := 0; err == nil && n < b.Count; n++ {
			at := raw
			if raw, err = Decode(raw, &r); err != nil {
				err = within(err, b.Raw-len(at))
				break
			}
			if !yield(r, nil) {
				return
			}
		}
		if err == nil && len(raw) > 0 {
			err = &FormatError{"block's records", b.Raw - len(raw), "there are more than its head says"}
		}
		if err != nil {
			yield(Record{}, err)
		}
	}
}

// within moves a record's error to its place among the unpacked records.
func within(err error, start int) error {
	if f, ok := err.(*FormatError); ok {
		return &FormatError{"block's records", start + f.Offset, f.Reason}
	}
	return err
}
