package recorder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"sync"

	"github.com/gatefold/gatefold/internal/record"
)

// folder is a home for tests: each block a file, all else read from them. It survives a kill as a real one does.
type folder struct {
	dir string

	mu      sync.Mutex
	fail    error              // what Put says instead of taking a block
	seen    map[uint64][]byte  // what Put was asked to take, also where it failed
	changed []uint64           // blocks that Put was asked to take with other bytes than before
	puts    int                // times that Put was asked
	taken   chan *record.Block // of each block taken, where there is room in it
}

func newFolder(dir string) *folder {
	return &folder{dir: dir, seen: map[uint64][]byte{}, taken: make(chan *record.Block, 1)}
}

func (f *folder) name(pos uint64) string {
	return filepath.Join(f.dir, fmt.Sprintf("%016x.block", pos))
}

func (f *folder) failWith(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = err
}

func (f *folder) Put(_ context.Context, b *record.Block, raw []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.puts++
	if old := f.seen[b.Pos]; old != nil && !bytes.Equal(old, raw) {
		f.changed = append(f.changed, b.Pos)
	}
	f.seen[b.Pos] = bytes.Clone(raw)
	if f.fail != nil {
		return f.fail
	}
	if _, err := os.Stat(f.name(b.Pos)); err == nil {
		return nil
	}
	if err := os.WriteFile(f.name(b.Pos)+".new", raw, 0o600); err != nil {
		return err
	}
	if err := os.Rename(f.name(b.Pos)+".new", f.name(b.Pos)); err != nil {
		return err
	}
	select {
	case f.taken <- b:
	default:
	}
	return nil
}

// blocks gives the blocks in order.
func (f *folder) blocks() iter.Seq2[*record.Block, error] {
	return func(yield func(*record.Block, error) bool) {
		names, err := filepath.Glob(filepath.Join(f.dir, "*.block"))
		for i := 0; err == nil && i < len(names); i++ {
			var raw []byte
			var b *record.Block
			if raw, err = os.ReadFile(names[i]); err == nil {
				if b, err = record.ParseBlock(raw); err == nil && !yield(b, nil) {
					return
				}
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

func (f *folder) Last(context.Context) (end uint64, err error) {
	for b, err := range f.blocks() {
		if err != nil {
			return 0, err
		}
		end = b.End
	}
	return end, nil
}

func (f *folder) Head(_ context.Context, id record.ID) (last uint64, head record.Hash, secret record.Secret, ok bool, err error) {
	for b, err := range f.blocks() {
		if err != nil {
			return last, head, secret, false, err
		}
		for _, s := range b.Spans {
			if s.Session == id {
				last, head, secret, ok = s.Last, s.After, s.Secret, true
			}
		}
	}
	return
}

func (f *folder) Open(ctx context.Context) (open []record.Session, err error) {
	sessions := map[record.ID]*record.Session{}
	for r, err := range f.records() {
		if err != nil {
			return nil, err
		}
		if sessions[r.Session] == nil {
			sessions[r.Session] = &record.Session{}
		}
		sessions[r.Session].Add(&r)
	}
	for _, s := range sessions {
		if s.Closed == 0 {
			open = append(open, *s)
		}
	}
	return open, nil
}

func (f *folder) Tail(_ context.Context, id record.ID) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		for r, err := range f.records() {
			if (err != nil || r.Session == id) && !yield(r, err) {
				return
			}
		}
	}
}

func (f *folder) records() iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		for b, err := range f.blocks() {
			if err != nil {
				yield(record.Record{}, err)
				return
			}
			for r, err := range b.Records() {
				if !yield(r, err) {
					return
				}
			}
		}
	}
}

// verify recomputes all that a home holds: blocks meet, spans and chains are continuous, Seqs have no gap. It returns the
// records of each session, split ones joined.
func (f *folder) verify() (map[record.ID][]record.Record, error) {
	sessions := map[record.ID][]record.Record{}
	heads := map[record.ID]record.Span{}
	end := uint64(0)
	if len(f.changed) > 0 {
		return nil, fmt.Errorf("blocks %x were not cut as before", f.changed)
	}
	for b, err := range f.blocks() {
		if err != nil {
			return nil, err
		}
		if end != 0 && b.Pos != end {
			return nil, fmt.Errorf("block %x does not follow %x", b.Pos, end)
		}
		end = b.End
		if err := verifyBlock(b, heads, sessions); err != nil {
			return nil, fmt.Errorf("block %x: %w", b.Pos, err)
		}
	}
	return sessions, nil
}

func verifyBlock(b *record.Block, heads map[record.ID]record.Span, sessions map[record.ID][]record.Record) error {
	for _, s := range b.Spans {
		before, ok := heads[s.Session]
		if !ok {
			before = record.Span{Session: s.Session, Last: ^uint64(0), After: record.Start(s.Session), Secret: s.Secret}
		}
		if s.First != before.Last+1 || s.Before != before.After || s.Secret != before.Secret || s.Secret == "" {
			return fmt.Errorf("session %v does not go on where it was: %d after %d", s.Session, s.First, before.Last)
		}
		heads[s.Session] = record.Span{Session: s.Session, Last: before.Last, After: s.Before, Secret: s.Secret}
	}
	raw, err := b.Unpack(nil)
	for n := 0; err == nil && len(raw) > 0; n++ {
		var env, payload []byte
		var r record.Record
		if env, payload, raw, err = record.NextRecord(raw); err != nil {
			return err
		}
		if err := errors.Join(record.DecodeEnvelope(env, &r), record.DecodePayload(payload, &r)); err != nil {
			return err
		}
		h := heads[r.Session]
		if r.Seq != h.Last+1 {
			return fmt.Errorf("session %v: %d follows %d", r.Session, r.Seq, h.Last)
		}
		h.Last, h.After = r.Seq, record.Next(h.After, h.Secret.Salts(), r.Seq, env, payload)
		heads[r.Session] = h
		if list := sessions[r.Session]; r.Kind == record.KindData && len(list) > 0 && list[len(list)-1].Flags&record.FlagMore != 0 {
			list[len(list)-1].Extend(&r)
			continue
		}
		sessions[r.Session] = append(sessions[r.Session], r.Clone())
	}
	for _, s := range b.Spans {
		if h := heads[s.Session]; h.After != s.After || h.Last != s.Last {
			return fmt.Errorf("session %v: the chain does not end in what the head says", s.Session)
		}
	}
	return err
}
