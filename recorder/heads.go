package recorder

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/gatefold/gatefold/internal/record"
)

// head is how far a session's chain has got. With its salts it takes about 1 KiB.
type head struct {
	salts  *record.Salter
	next   uint64 // Seq
	hash   record.Hash
	block  uint64 // number of the last block that the session is in
	span   int    // where in that block's spans
	closed bool   // its Close was seen: forget it when that is at home
}

// heads are the chains of open sessions that the sealer knows: at most about as many as it may. The home knows all; those
// that have been silent for longest are forgotten when their records are there, and asked for when they speak again.
type heads struct {
	home  *courier
	log   *slog.Logger
	most  int
	known map[record.ID]*head
	room  []uint64 // for forget
}

// of returns a session's chain. secret is not nil with its first record.
func (hs *heads) of(ctx context.Context, id record.ID, secret *[secretSize]byte) (*head, error) {
	if h := hs.known[id]; h != nil {
		return h, nil
	}
	h := &head{hash: record.Start(id), salts: record.NewSecret([secretSize]byte{}).Salts()} // no secret: its beginning is lost
	if secret != nil {
		h.salts = record.NewSecret(*secret).Salts()
	} else if err := hs.recall(ctx, id, h); err != nil {
		return nil, err
	}
	hs.known[id] = h
	return h, nil
}

func (hs *heads) recall(ctx context.Context, id record.ID, h *head) error {
	last, hash, secret, ok, err := hs.home.head(ctx, id)
	if err != nil {
		return fmt.Errorf("ask the archive for the head of session %v: %w", id, err)
	}
	if !ok {
		hs.log.Error("the beginning of a session is lost", "session", id)
		return nil
	}
	h.salts, h.next, h.hash = secret.Salts(), last+1, hash
	return nil
}

// arrived follows a block that is at home: sessions that have ended are forgotten, and silent ones where there are many.
func (hs *heads) arrived(b *building) {
	for i := range b.spans {
		if h := b.heads[i]; h.closed && h.block == b.number {
			delete(hs.known, b.spans[i].Session)
		}
	}
	if len(hs.known) > hs.most {
		hs.forget(b.number)
	}
}

// forget forgets about half of the sessions, the longest silent first, but none that has records in blocks after home.
func (hs *heads) forget(home uint64) {
	hs.room = hs.room[:0]
	for _, h := range hs.known {
		hs.room = append(hs.room, h.block)
	}
	slices.Sort(hs.room)
	last := min(home, hs.room[len(hs.room)-hs.most/2-1])
	for id, h := range hs.known {
		if h.block <= last {
			delete(hs.known, id)
		}
	}
}
