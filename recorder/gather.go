package recorder

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/gatefold/gatefold/internal/record"
)

// gathering makes a batch of blocks that follow one another: their records session by session, by the sessions' ids. The same
// records are the same batch, whatever blocks they lay in.
type gathering struct {
	f      *Follower
	parts  map[record.ID]*share
	pos    uint64
	end    uint64
	raw    int
	count  int
	kinds  uint64
	first  int64 // At
	last   int64
	bucket int64         // partition
	env    record.Record // reused
}

// share is what a batch has of a session.
type share struct {
	span record.Span
	raw  []byte
}

// gather takes blocks from a position on, as many as a batch holds. full: there may be more.
func (g *gathering) gather(ctx context.Context, from uint64) (full bool, err error) {
	g.pos, g.end = from, from
	for b, err := range g.f.opts.Home.After(ctx, from) {
		if err != nil {
			return false, fmt.Errorf("read on in the archive: %w", err)
		}
		if g.count > 0 && !g.fits(b) {
			return true, nil
		}
		want := everything
		if b.Pos < max(from, g.f.redo) {
			if want, err = g.lacking(ctx, b); err != nil {
				return false, err
			}
		}
		if g.count == 0 && b.Pos > from {
			g.pos = b.Pos // what lay before was let go
		}
		if err := g.take(b, want); err != nil {
			return false, err
		}
		g.end = b.End
	}
	return false, nil
}

// fits reports whether a block can go into the batch that others are in already.
func (g *gathering) fits(b *record.Block) bool {
	if g.count+b.Count > g.f.opts.Rows || g.raw+b.Raw > g.f.opts.Bytes {
		return false
	}
	if p := g.f.opts.Partition; p != nil && (p(b.First) != g.bucket || p(b.Last) != g.bucket) {
		return false
	}
	for i := range b.Spans {
		span := &b.Spans[i]
		if s := g.parts[span.Session]; s != nil && (s.span.Last+1 != span.First || s.span.After != span.Before || s.span.Secret != span.Secret) {
			return false // a gap, or a payload in it was erased meanwhile: a span has one secret and no gap
		}
	}
	return true
}

// wanted says which Seqs of a session are to be taken; not ok: none.
type wanted func(*record.Span) (first, last uint64, ok bool)

func everything(s *record.Span) (first, last uint64, ok bool) { return s.First, s.Last, true }

// lacking asks the sink what it has of a block that was rewritten across the cursor.
func (g *gathering) lacking(ctx context.Context, b *record.Block) (wanted, error) {
	ids := make([]record.ID, len(b.Spans))
	for i := range b.Spans {
		ids[i] = b.Spans[i].Session
	}
	heads, err := g.f.opts.Keeper.Heads(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("ask %s how far it has %d sessions: %w", g.f.opts.Name, len(ids), err)
	}
	return func(s *record.Span) (first, last uint64, ok bool) {
		have, there := heads[s.Session]
		if !there || have < s.First {
			return s.First, s.Last, true
		}
		return have + 1, s.Last, have < s.Last
	}, nil
}

// take puts what is wanted of a block in.
func (g *gathering) take(b *record.Block, want wanted) error {
	raw, err := b.Unpacked()
	if err != nil {
		return err
	}
	cuts := make(map[record.ID]*cutting, len(b.Spans))
	for i := range b.Spans {
		s := &b.Spans[i]
		c := &cutting{head: s.Before, whole: true}
		if c.first, c.last, c.in = want(s); c.in && (c.first > s.First || c.last < s.Last) {
			c.whole, c.salts = false, s.Secret.Salts()
		}
		if c.in {
			c.share = g.share(s, c.first)
		}
		cuts[s.Session] = c
	}
	for len(raw) > 0 {
		env, payload, rest, err := record.NextRecord(raw)
		if err == nil {
			g.env = record.Record{}
			err = record.DecodeEnvelope(env, &g.env)
		}
		if err != nil {
			return fmt.Errorf("block %016x: %w", b.Pos, err)
		}
		c := cuts[g.env.Session]
		if c == nil {
			return fmt.Errorf("block %016x holds records of session %v, which its head does not list", b.Pos, g.env.Session)
		}
		if c.in {
			g.one(c, raw[:len(raw)-len(rest)], env, payload)
		}
		raw = rest
	}
	for i := range b.Spans {
		s := &b.Spans[i]
		if c := cuts[s.Session]; c.in && c.whole {
			c.share.span.Last, c.share.span.After = s.Last, s.After
		}
	}
	return nil
}

// cutting is what is taken of one session in one block. Where that isn't all, the chain is followed to where it is cut.
type cutting struct {
	first, last uint64
	in, whole   bool
	share       *share
	head        record.Hash
	salts       *record.Salter
}

// share is the session's, begun where it isn't there yet.
func (g *gathering) share(s *record.Span, first uint64) *share {
	have := g.parts[s.Session]
	if have == nil {
		have = &share{span: record.Span{Session: s.Session, First: first, Before: s.Before, Secret: s.Secret}}
		g.parts[s.Session] = have
	}
	return have
}

// one takes a record of which g.env is the envelope.
func (g *gathering) one(c *cutting, raw, env, payload []byte) {
	seq := g.env.Seq
	if !c.whole {
		if seq == c.share.span.First {
			c.share.span.Before = c.head
		}
		c.head = record.Next(c.head, c.salts, seq, env, payload)
		if seq == c.last {
			c.share.span.Last, c.share.span.After = seq, c.head
		}
	}
	if seq < c.first || seq > c.last {
		return
	}
	c.share.raw = append(c.share.raw, raw...)
	if g.count == 0 || g.env.At < g.first {
		g.first = g.env.At
	}
	if g.count == 0 || g.env.At > g.last {
		g.last = g.env.At
	}
	if g.count == 0 && g.f.opts.Partition != nil {
		g.bucket = g.f.opts.Partition(g.env.At)
	}
	g.count++
	g.raw += len(raw)
	g.kinds |= 1 << min(g.env.Kind, 63)
}

// block is the batch; nil: there is nothing in it.
func (g *gathering) block() *record.Block {
	if g.count == 0 {
		return nil
	}
	b := &record.Block{Pos: g.pos, End: g.end, First: g.first, Last: g.last, Count: g.count, Raw: g.raw, Kinds: g.kinds}
	ids := make([]record.ID, 0, len(g.parts))
	for id, s := range g.parts {
		if len(s.raw) > 0 {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b record.ID) int { return bytes.Compare(a[:], b[:]) })
	raw := make([]byte, 0, g.raw)
	for _, id := range ids {
		b.Spans = append(b.Spans, g.parts[id].span)
		raw = append(raw, g.parts[id].raw...)
	}
	return b.WithRaw(raw)
}

// again gathers a batch that was written down; nil: the home doesn't have all of it any more.
func (f *Follower) again(ctx context.Context, m *manifest) (*record.Block, error) {
	g := gathering{f: f, parts: make(map[record.ID]*share), pos: m.pos, end: m.end}
	asked := make(map[record.ID]span, len(m.spans))
	for _, s := range m.spans {
		asked[s.session] = s
	}
	want := func(s *record.Span) (first, last uint64, ok bool) {
		a, there := asked[s.Session]
		first, last = max(a.first, s.First), min(a.last, s.Last)
		return first, last, there && first <= last
	}
	for b, err := range f.opts.Home.After(ctx, m.pos) {
		if err != nil {
			return nil, fmt.Errorf("read on in the archive: %w", err)
		}
		if b.Pos >= m.end {
			break
		}
		if err := g.take(b, want); err != nil {
			return nil, err
		}
	}
	b := g.block()
	if b == nil || !m.describes(b) {
		return nil, nil
	}
	return b, nil
}
