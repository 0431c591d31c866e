// Package replay is the investigator's side of the record: a query language and its matcher, search, transcript,
// verification and export, over any store that is a Source.
package replay

import (
	"context"
	"iter"

	"github.com/gatefold/gatefold/internal/record"
)

// Source is a store as an investigator reads it. It only narrows: it may give more than what was asked for, never
// less, and what a query means is decided here. It can be read while a gateway writes to it. An error that a sequence
// yields is about one thing that can't be read; the rest follows, unless ctx has ended.
type Source interface {
	// Sessions yields the sessions that n may ask for.
	Sessions(ctx context.Context, n record.Narrow) iter.Seq2[record.Session, error]
	// Session returns one session's line; false: there is none.
	Session(ctx context.Context, id record.ID) (record.Session, bool, error)
	// Blocks yields the blocks that may hold what n asks for: newest first by their latest record, or the oldest first by
	// position. A block is the caller's.
	Blocks(ctx context.Context, n record.Narrow) iter.Seq2[*record.Block, error]
	// Walk yields every block that lies in the store or that its directory lists, oldest first, for Verify.
	Walk(ctx context.Context) iter.Seq2[record.Sealed, error]
	// Check yields what is wrong with the store itself, apart from its blocks and sessions.
	Check(ctx context.Context) iter.Seq2[record.Fault, error]
}
