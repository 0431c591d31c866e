package replay

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/gatefold/gatefold/internal/record"
)

// Long data: what MySQL's clients send of a parameter before they execute (COM_STMT_SEND_LONG_DATA), in Binds of its own.

// isLong reports whether r is a Bind with long data, and not one with all parameters.
func isLong(r *record.Record) bool {
	return r.Kind == record.KindBind && len(r.Params) == 1 && r.Params[0].Format == record.FormatMySQL
}

// longData finds the Binds of an execution from the first on, whole; until is the Seq of the execution. They borrow nothing.
func (f *finder) longData(first *record.Record, until uint64) []*record.Record {
	kept := f.longs[first.Of]
	if at := slices.IndexFunc(kept, func(r *record.Record) bool { return r.Seq == first.Seq }); at >= 0 {
		return kept[at:]
	}
	var binds []*record.Record
	for r, err := range follow(f.ctx, f.src, place{first.Session, first.Seq}) {
		if err != nil {
			f.fail(err)
			continue
		}
		if r.Seq >= until {
			break
		}
		last := len(binds) - 1
		switch {
		case r.Kind == record.KindBind && r.Of == first.Of:
			c := r.Clone()
			binds = append(binds, &c)
		case r.Kind == record.KindData && last >= 0 && r.Of == binds[last].Seq:
			extend(binds[last], r)
		}
	}
	return binds
}

// keepLong notes long data until it is executed, for a story, which reads in order.
func (f *finder) keepLong(r *record.Record) {
	if f.longs == nil || len(f.longs) >= maxLongs {
		f.longs = make(map[uint64][]*record.Record)
	}
	f.longs[r.Of] = append(f.longs[r.Of], r)
}

// maxLongs is for how many statements at a time a story keeps long data. Of others it is read again.
const maxLongs = 64

// withLong puts long data in the place of the parameters that it is of. params stay as they are.
func withLong(params []record.Param, binds []*record.Record) []record.Param {
	if len(binds) == 0 {
		return params
	}
	params = slices.Clone(params)
	begun := make(map[int]bool)
	for _, b := range binds {
		n, err := strconv.Atoi(string(b.Portal))
		if err != nil || n < 0 || n >= len(params) || len(b.Params) != 1 {
			continue
		}
		p, more := &params[n], b.Params[0].Value
		if begun[n] {
			p.Value = append(p.Value, more...)
			continue
		}
		begun[n] = true
		p.Value, p.Format, p.Null = bytes.Clone(more), record.FormatMySQL, false
	}
	return params
}
