package record

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// One encoder and one decoder for all: both are safe to share, and each holds megabytes. The encoder works on one block
// at a time, so that the same records are the same bytes.
var (
	packer = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false)) // the block has sums of its own
		if err != nil {
			panic(err) // the options are constants
		}
		return e
	})
	unpacker = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(MaxRaw),
			zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			panic(err) // the options are constants
		}
		return d
	})
)

// Pack appends the compressed form of raw, which is records one behind the other, to dst.
func Pack(dst, raw []byte) []byte { return pack(packer, dst, raw) }

// pack appends a frame of raw, made by an encoder or, where that would find nothing to save, as it is.
func pack(encoder func() *zstd.Encoder, dst, raw []byte) []byte {
	if dense(raw) {
		return store(dst, raw)
	}
	return encoder().EncodeAll(raw, dst)
}

const (
	sampleStep = 64 << 10 // 64 KiB
	sampleSize = 1 << 10  // 1 KiB
)

// dense reports whether what is in raw is compressed or encrypted: in each of the samples all bytes are about as frequent. The
// squares of their counts add up to as much as chance has them do, or a quarter more; text, numbers and programs to several times that.
func dense(raw []byte) bool {
	if len(raw) < sampleStep {
		return false
	}
	const chance = sampleSize + sampleSize*sampleSize/256
	for ; len(raw) >= sampleStep; raw = raw[sampleStep:] {
		var count [256]uint32
		for _, c := range raw[sampleStep-sampleSize : sampleStep] {
			count[c]++
		}
		sum := uint32(0)
		for _, n := range count {
			sum += n * n
		}
		if sum > chance+chance/4 {
			return false
		}
	}
	return true
}

// store appends a frame that has raw as it is (RFC 8878, section 3.1.1): a header with the content's size in 4 bytes and no window
// of its own, and raw blocks of the size that a block may have.
func store(dst, raw []byte) []byte {
	const largest = 128 << 10 // 128 KiB
	le := binary.LittleEndian
	dst = le.AppendUint32(dst, 0xfd2fb528)
	dst = le.AppendUint32(append(dst, 2<<6|1<<5), uint32(len(raw)))
	for last := false; !last; {
		n := min(len(raw), largest)
		head := uint32(n) << 3
		if last = n == len(raw); last {
			head |= 1
		}
		dst = append(dst, byte(head), byte(head>>8), byte(head>>16))
		dst, raw = append(dst, raw[:n]...), raw[n:]
	}
	return dst
}

// Unpack returns the block's records uncompressed, one behind the other as NextRecord takes them, in dst where that has
// room; those that whoever made the block still has are copied. It allocates no more than the head says, and the head is bounded.
func (b *Block) Unpack(dst []byte) ([]byte, error) {
	if b.raw != nil {
		return append(dst[:0], b.raw...), nil
	}
	if b.Stored {
		return append(dst[:0], b.Data...), nil
	}
	if b.Raw < 0 || b.Raw > MaxRaw {
		return nil, blockError(prefixSize+36, "it claims more bytes than a block may hold")
	}
	if cap(dst) < b.Raw {
		dst = make([]byte, 0, b.Raw)
	}
	raw, err := unpacker().DecodeAll(b.Data, dst[:0:b.Raw])
	if err != nil {
		return nil, fmt.Errorf("unpack block %d: %w", b.Pos, err)
	}
	if len(raw) != b.Raw {
		return nil, fmt.Errorf("unpack block %d: its records have %d bytes, its head says %d", b.Pos, len(raw), b.Raw)
	}
	return raw, nil
}
