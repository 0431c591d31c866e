package recorder

import (
	"context"
	"fmt"

	"github.com/gatefold/gatefold/internal/record"
)

// AnotherError says that a follower's store has batches under this gateway's name that this archive was not the source of.
// Going on from them would leave out, unseen, what is recorded here at the same positions: so nothing is sent until a
// person has decided.
type AnotherError struct {
	Name string // the follower's
	Have uint64 // how far the store is, a journal position
	Why  string
}

func (e *AnotherError) Error() string {
	return fmt.Sprintf("%s has records up to position %016x that are not from this archive: %s. They are those of another gateway with the same name, "+
		"or the state folder was put back from an older copy. Nothing is sent: give this gateway another name (gateway: in the configuration)", e.Name, e.Have, e.Why)
}

// ours reports, as an error, that what the sink has can't be what was sent from here. Positions alone don't tell: in an archive
// that was put back from an older copy other records come to lie at the same ones.
func (f *Follower) ours(ctx context.Context, have uint64) error {
	switch {
	case have == 0 || f.known && have <= f.Cursor():
		return nil
	case f.known && f.pending != nil && have == f.pending.end: // taken, and not heard of
		return nil
	case f.known:
		return &AnotherError{f.opts.Name, have, fmt.Sprintf("it was sent those up to %016x", f.Cursor())}
	}
	why, err := f.foreign(ctx)
	if err == nil && why != "" {
		err = &AnotherError{f.opts.Name, have, why}
	}
	return err
}

// foreign says why the sink's newest batch is not of this archive; empty: it may be. It is asked where the cursor is lost.
func (f *Follower) foreign(ctx context.Context) (why string, err error) {
	newest, err := f.opts.Keeper.Newest(ctx)
	if err != nil || newest == nil {
		return "", err
	}
	last, err := f.opts.Home.Last(ctx)
	if err != nil {
		return "", err
	}
	if newest.End > last {
		return fmt.Sprintf("the archive ends at %016x", last), nil
	}
	for b, err := range f.opts.Home.After(ctx, newest.Pos) {
		if err != nil {
			return "", fmt.Errorf("read on in the archive: %w", err)
		}
		if b.Pos >= newest.End {
			return "", nil // retention took away what the batch was made of
		}
		break
	}
	for i := range newest.Spans {
		if why, err = f.strange(ctx, &newest.Spans[i]); err != nil || why != "" {
			return why, err
		}
	}
	return "", nil
}

// strange says why a span can't have been sent from here.
func (f *Follower) strange(ctx context.Context, s *record.Span) (string, error) {
	last, head, _, ok, err := f.opts.Home.Head(ctx, s.Session)
	switch {
	case err != nil:
		return "", err
	case !ok:
		return fmt.Sprintf("the archive has no session %v", s.Session), nil
	case last < s.Last:
		return fmt.Sprintf("session %v has #%d there, and ends at #%d here", s.Session, s.Last, last), nil
	case last == s.Last && head != s.After:
		return fmt.Sprintf("session %v has another chain there", s.Session), nil
	}
	return "", nil
}
