package replay

import (
	"context"
	"fmt"
	"slices"

	"github.com/gatefold/gatefold/internal/record"
)

// Parts finds the records that a value stands in: the one that seq names and, where it was split, all that it goes on in,
// whichever of them seq names; with its results, and what those go on in. Those whose payload was erased are left out; that
// nothing is left is an error.
func Parts(ctx context.Context, src Source, id record.ID, seq uint64, withResult bool) ([]uint64, error) {
	base, err := beginning(ctx, src, id, seq)
	if err != nil {
		return nil, err
	}
	wanted := map[uint64]bool{base: true}
	var parts []uint64
	for r, err := range follow(ctx, src, place{id, base}) {
		if err != nil {
			return nil, err
		}
		switch {
		case r.Seq == base:
		case r.Kind == record.KindData && wanted[r.Of]:
		case r.Kind == record.KindResult && r.Of == base && withResult:
			wanted[r.Seq] = true
		default:
			continue
		}
		if len(r.Erased) == 0 {
			parts = append(parts, r.Seq)
		}
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("the payload of record #%d of session %v was erased before", seq, id)
	}
	slices.Sort(parts)
	return parts, nil
}

// beginning is the record in which the value begins that goes on in seq.
func beginning(ctx context.Context, src Source, id record.ID, seq uint64) (uint64, error) {
	for r, err := range follow(ctx, src, place{id, seq}) {
		switch {
		case err != nil:
			return 0, err
		case r.Seq != seq:
		case r.Kind == record.KindData:
			return r.Of, nil
		default:
			return seq, nil
		}
		break
	}
	return 0, fmt.Errorf("session %v has no record #%d that can be read", id, seq)
}
