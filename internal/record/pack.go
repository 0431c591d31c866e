package record

import (
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
func Pack(dst, raw []byte) []byte { return packer().EncodeAll(raw, dst) }

// Unpack returns the block's records uncompressed, one behind the other as NextRecord takes them, in dst where that has
// room; those that whoever made the block still has are copied. It allocates no more than the head says, and the head is bounded.
func (b *Block) Unpack(dst []byte) ([]byte, error) {
	if b.raw != nil {
		return append(dst[:0], b.raw...), nil
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
