package record

import (
	"encoding/binary"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// A block that was rewritten holds its records session by session, in the order of its head's sessions, packed in several
// frames, and before these, in a frame that decoders skip (RFC 8878, section 3.1.2), where each begins: so that a session
// is unpacked without all the others.
const (
	indexMagic = 0x184d2a5e // one of the sixteen magic numbers of skippable frames
	indexHead  = 4 + 4      // magic, length
	indexEntry = 4 + 4 + 4  // bytes of the frame's records, bytes of the frame, records
)

// frameSize is from how many bytes of records on a frame ends. The smaller, the less is unpacked for one session and the
// worse it packs: 128 KiB cost 3 % more than 256 KiB, 1 MiB 4 % less.
const frameSize = 256 << 10 // 256 KiB

// repacker packs what is kept for long: half the speed of packer, a fifth less.
var repacker = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBetterCompression),
		zstd.WithWindowSize(1<<20), zstd.WithEncoderCRC(false))
	if err != nil {
		panic(err) // the options are constants
	}
	return e
})

// Repack appends the data of a block that holds its records session by session. ends are where in raw each ends.
func Repack(dst, raw []byte, ends []int) []byte {
	var index, packed []byte
	from, count := 0, 0
	for i, end := range ends {
		count++
		if end-from < frameSize && i < len(ends)-1 {
			continue
		}
		was := len(packed)
		packed = pack(repacker, packed, raw[from:end])
		for _, n := range []int{end - from, len(packed) - was, count} {
			index = binary.LittleEndian.AppendUint32(index, uint32(n))
		}
		from, count = end, 0
	}
	dst = binary.LittleEndian.AppendUint32(dst, indexMagic)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(index)))
	return append(append(dst, index...), packed...)
}

// frame is one of a block's frames.
type frame struct {
	raw, count int // of its records
	data       []byte
}

// frames reads the index; nil: there is none that agrees with the block, which is then read whole.
func (b *Block) frames() []frame {
	if b.Stored || len(b.Data) < indexHead || binary.LittleEndian.Uint32(b.Data) != indexMagic {
		return nil
	}
	size := uint64(binary.LittleEndian.Uint32(b.Data[4:]))
	if size%indexEntry != 0 || size > uint64(len(b.Data)-indexHead) {
		return nil
	}
	index, data := b.Data[indexHead:indexHead+size], b.Data[indexHead+size:]
	all := make([]frame, 0, size/indexEntry)
	raw, count := 0, 0
	for ; len(index) > 0; index = index[indexEntry:] {
		packed := binary.LittleEndian.Uint32(index[4:])
		f := frame{raw: int(binary.LittleEndian.Uint32(index)), count: int(binary.LittleEndian.Uint32(index[8:]))}
		if uint64(packed) > uint64(len(data)) || f.raw > MaxRaw || f.count > MaxRaw {
			return nil
		}
		f.data, data = data[:packed], data[packed:]
		raw, count = raw+f.raw, count+f.count
		all = append(all, f)
	}
	if len(data) > 0 || raw != b.Raw || count != b.Count {
		return nil
	}
	return all
}

// Sorted reports whether the block holds its records session by session, as Repack packs them.
func (b *Block) Sorted() bool { return b.frames() != nil }

// Only returns the part of a rewritten block in which some sessions' records lie, those with Seqs from first to last (0: to
// the end), with whatever lies between. Its First, Last, Kinds and Words are those of the whole block, its Spans those that
// it holds some of, and Part is set. A block that can't be taken apart is returned as it is.
func (b *Block) Only(wanted func(ID) bool, first, last uint64) *Block {
	frames := b.frames()
	if len(frames) < 2 {
		return b
	}
	need := make([]bool, len(frames))
	part := *b
	part.Part, part.raw, part.Spans, part.Data, part.Count, part.Raw = true, nil, nil, nil, 0, 0
	at, f, begin := 0, 0, 0 // of the records before the span; the frame in which it begins, and the records before that
	for i := range b.Spans {
		s := &b.Spans[i]
		n := s.Last - s.First + 1
		if n > uint64(b.Count-at) {
			return b // its head lies; whoever reads it whole says so
		}
		for f < len(frames)-1 && at >= begin+frames[f].count {
			begin += frames[f].count
			f++
		}
		from, to := max(s.First, first), s.Last
		if last != 0 {
			to = min(to, last)
		}
		if wanted(s.Session) && from <= to {
			mark(need, frames, f, begin, at+int(from-s.First), at+int(to-s.First))
		}
		at += int(n)
	}
	if at != b.Count {
		return b
	}
	part.take(b, frames, need)
	return &part
}

// mark marks the frames of records from to to, both inclusive; frame f begins with record begin.
func mark(need []bool, frames []frame, f, begin, from, to int) {
	for ; f < len(frames) && begin <= to; f++ {
		if from < begin+frames[f].count {
			need[f] = true
		}
		begin += frames[f].count
	}
}

// take fills b, a part of whole, with the frames that are needed and the spans in them.
func (b *Block) take(whole *Block, frames []frame, need []bool) {
	at := 0
	var ranges [][2]int
	for i, f := range frames {
		if need[i] {
			b.Data = append(b.Data, f.data...)
			b.Count += f.count
			b.Raw += f.raw
			ranges = append(ranges, [2]int{at, at + f.count})
		}
		at += f.count
	}
	at = 0
	for i := range whole.Spans {
		end := at + int(whole.Spans[i].Last-whole.Spans[i].First) + 1
		for len(ranges) > 0 && ranges[0][1] <= at {
			ranges = ranges[1:]
		}
		if len(ranges) > 0 && ranges[0][0] < end {
			b.Spans = append(b.Spans, whole.Spans[i])
		}
		at = end
	}
}
