package recorder

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/gatefold/gatefold/internal/checkpoint"
	"github.com/gatefold/gatefold/internal/record"
)

// Archive is a sink whose blocks can be read again, and whose payloads can be erased.
type Archive interface {
	Sink
	// After yields blocks that end behind a position, by position; there may be more than it yields. Of a block its bounds and spans
	// are enough.
	After(ctx context.Context, pos uint64) iter.Seq2[*record.Block, error]
	// Redact erases the payloads of a session's records, and what their salts could be derived from, wherever they lie.
	// It returns what is left of the session's secret. When it returns an error, some may be erased; once it has begun
	// to, it is finished by the next start.
	Redact(ctx context.Context, id record.ID, seqs []uint64) (record.Secret, error)
}

// Home is an archive with a log of checkpoints: each block that it takes becomes a leaf of the log before it is
// acknowledged, so that the log lacks nothing that the journal has let go.
type Home struct {
	Archive
	log *checkpoint.Log

	mu       sync.Mutex
	redacted map[record.ID]record.Secret // of sessions that were redacted in this run: the sealer has the secret from before
}

// NewHome puts an archive and its log together. Blocks that a crash, or a loss of power, kept out of the log are added.
func NewHome(ctx context.Context, a Archive, log *checkpoint.Log) (*Home, error) {
	h := &Home{Archive: a, log: log, redacted: make(map[record.ID]record.Secret)}
	for {
		before, end := log.Size()
		for b, err := range a.After(ctx, end) {
			if err == nil {
				err = log.Add(checkpoint.LeafOf(b))
			}
			if err != nil {
				return nil, fmt.Errorf("add what the archive has to the log of checkpoints: %w", err)
			}
		}
		if now, _ := log.Size(); now == before {
			return h, nil
		}
	}
}

// Last is where the archive and the log end, so that a position never names two blocks, also where the archive was put
// back to an earlier state.
func (h *Home) Last(ctx context.Context) (end uint64, err error) {
	end, err = h.Archive.Last(ctx)
	_, logged := h.log.Size()
	return max(end, logged), err
}

// Put has the archive take a block, and then the log. Both leave alone what they have already.
func (h *Home) Put(ctx context.Context, b *record.Block, raw []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if changed := h.withoutErased(b); changed != nil {
		b, raw = changed, changed.AppendTo(nil)
	}
	if err := h.Archive.Put(ctx, b, raw); err != nil {
		return err
	}
	return h.log.Add(checkpoint.LeafOf(b))
}

// withoutErased returns the block with what is left of the secrets of sessions that were redacted while they were open;
// nil: it is as it should be.
func (h *Home) withoutErased(b *record.Block) *record.Block {
	if len(h.redacted) == 0 {
		return nil
	}
	spans, changed := slices.Clone(b.Spans), false
	for i := range spans {
		if left, ok := h.redacted[spans[i].Session]; ok && spans[i].Secret != left {
			spans[i].Secret, changed = left, true
		}
	}
	if !changed {
		return nil
	}
	c := *b
	c.Spans = spans
	return &c
}

// Head is how far a session's chain has got.
func (h *Home) Head(ctx context.Context, id record.ID) (last uint64, head record.Hash, secret record.Secret, ok bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.Archive.Head(ctx, id)
}

// Redact has the archive erase payloads. Blocks of the session that come later get what is left of its secret.
func (h *Home) Redact(ctx context.Context, id record.ID, seqs []uint64) (record.Secret, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	left, err := h.Archive.Redact(ctx, id, seqs)
	if left != "" {
		h.redacted[id] = left
	}
	return left, err
}
