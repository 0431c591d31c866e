package replay

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/gatefold/gatefold/internal/checkpoint"
	"github.com/gatefold/gatefold/internal/record"
)

// Evidence is what there is beside blocks and directory to hold them to. Its zero value is nothing.
type Evidence struct {
	Log        *checkpoint.Reader     // the archive's; nil: not asked
	Key        note.Verifier          // the gateway's public key; nil: the one beside the log, which proves less
	Outside    []checkpoint.Signed    // checkpoints kept elsewhere
	Tombstones []checkpoint.Tombstone // what retention took away
	Faults     []record.Fault         // of what could not be read
	UpTo       uint64                 // a follower is verified, which has the records before this position; 0: no follower
}

// OpenEvidence reads the evidence in an archive's folder, and the files of checkpoints that were kept elsewhere. key may be
// nil.
func OpenEvidence(archive string, key note.Verifier, elsewhere []string) (Evidence, error) {
	e := Evidence{Log: checkpoint.Read(checkpoint.Folder(archive)), Key: key}
	if key == nil {
		beside, err := e.Log.Key()
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			e.Faults = append(e.Faults, record.Fault{Place: "log/key", What: err.Error()})
		default:
			key = beside
		}
	}
	if key == nil {
		if len(elsewhere) > 0 {
			return e, errors.New("a checkpoint can't be checked without the gateway's public key")
		}
		return e, nil
	}
	for _, file := range elsewhere {
		found, err := checkpoint.ReadCheckpoints(file, file, key)
		if err != nil {
			return e, err
		}
		e.Outside = append(e.Outside, found...)
	}
	stones, wrong, err := checkpoint.Tombstones(archive, key)
	for place, err := range wrong {
		e.Faults = append(e.Faults, record.Fault{Place: place, What: err.Error()})
	}
	e.Tombstones = stones
	e.Key = key
	return e, err
}

// logbook goes through the log beside the walk over the blocks. Leaves are taken as far as the block at hand; what they
// promise is held against its records.
type logbook struct {
	v      *verifier
	reader *checkpoint.Reader
	next   func() (checkpoint.Placed, error, bool)
	stop   func()
	ahead  checkpoint.Placed // read, and its block not yet reached
	tree   checkpoint.Tree
	hashes *checkpoint.Hashes
	final  []tlog.Hash
	points []point // checkpoints that the tree has not reached, smallest first
	agreed int64   // size of the last of those that prove most that agreed
	other  bool    // one didn't: all behind it don't either
	size   int64   // leaves when the walk began: a gateway that runs adds more
	end    uint64  // of the last leaf taken
	signed int64   // leaves that the newest checkpoint covers
	broken bool    // it can't be read any further
	upTo   uint64  // what leaves behind this position promise isn't asked for; 0: all is

	promised map[record.ID][]promise
	unknown  map[record.ID]bool // of the block at hand: the log not knowing them was said
}

// point is a checkpoint that the tree must agree with.
type point struct {
	checkpoint.Signed
	outside bool
}

// promise is what a leaf says of a session.
type promise struct {
	last  uint64
	chain record.Hash
	leaf  int64
	place string
}

// openLog reads the checkpoints and begins to read the leaves; nil: there is no log, which is noted where one was promised.
func (v *verifier) openLog(e *Evidence) (*logbook, error) {
	for _, f := range e.Faults {
		v.add(f)
	}
	if e.Log == nil {
		return nil, nil
	}
	if !e.Log.Exists() {
		for _, c := range e.Outside {
			v.lack("log", "the log is not there, and %s is a checkpoint of it", c.Place)
		}
		return nil, nil
	}
	v.Elsewhere = len(e.Outside) > 0
	l := &logbook{v: v, reader: e.Log, upTo: e.UpTo, promised: make(map[record.ID][]promise), unknown: make(map[record.ID]bool)}
	if err := l.readPoints(e); err != nil {
		return nil, err
	}
	l.size = e.Log.Size() // behind the checkpoints and before the blocks: what these have, it has; what it has, those have
	l.next, l.stop = iter.Pull2(e.Log.Leaves())
	hashes, err := e.Log.Hashes()
	if errors.Is(err, fs.ErrNotExist) {
		v.lack("log/hashes", "the hashes of the log are not there")
		err = nil
	} else if err == nil {
		l.hashes = hashes
	}
	v.Leaves = l.size
	for _, p := range l.points {
		if p.Size <= l.size && p.outside == v.Elsewhere {
			l.signed = p.Size
		}
	}
	v.Signed = l.signed
	return l, err
}

func (l *logbook) readPoints(e *Evidence) error {
	var local []checkpoint.Signed
	if e.Key != nil {
		var err error
		if local, err = e.Log.History(e.Key); err != nil {
			return err
		}
	}
	for outside, list := range map[bool][]checkpoint.Signed{false: local, true: e.Outside} {
		for _, c := range list {
			if c.Err != nil {
				l.v.fault(c.Place, "%s", c.Err)
				continue
			}
			l.points = append(l.points, point{c, outside})
		}
	}
	slices.SortStableFunc(l.points, func(a, b point) int { return cmp.Compare(a.Size, b.Size) })
	l.reach()
	return nil
}

// close compares what is left: leaves behind the last block, checkpoints behind the last leaf, hashes behind both.
func (l *logbook) close() {
	if l == nil {
		return
	}
	defer l.stop()
	l.until(^uint64(0))
	l.settle()
	l.beyond()
	for _, p := range l.points {
		if !l.broken {
			l.v.lack(p.Place, "this checkpoint was signed when the log had %d leaves, and it has %d: its end was taken away", p.Size, l.tree.Size())
		} else {
			l.v.lack(p.Place, "whether the log's %d leaves are those of this checkpoint can't be known: it can't be read so far", p.Size)
		}
	}
	if l.hashes != nil {
		l.hashes.Close()
	}
}

// beyond looks whether there are leaves whose hashes were cut off: one that a crash left may lack its own, and no other.
func (l *logbook) beyond() {
	for range 2 {
		leaf, err, ok := l.next()
		if !ok || err != nil || l.broken {
			return
		}
		if l.reader.Size() < leaf.Number {
			l.v.lack("log/hashes", "the hashes end before leaf %d", leaf.Number)
			return
		}
	}
}

// until takes the leaves of all blocks that end at or before end.
func (l *logbook) until(end uint64) {
	for !l.broken && (l.ahead.Place != "" || l.tree.Size() < l.size) {
		if l.ahead.Place == "" {
			leaf, err, ok := l.next()
			if !ok || err != nil {
				l.broken = true
				l.cut(leaf.Number, err)
				return
			}
			l.ahead = leaf
		}
		if l.ahead.End > end {
			return
		}
		l.take(&l.ahead)
		l.ahead = checkpoint.Placed{}
	}
}

// cut notes where the log stops being readable.
func (l *logbook) cut(leaf int64, err error) {
	var torn *checkpoint.TornError
	switch {
	case errors.As(err, &torn):
		l.v.fault(fmt.Sprintf("%s byte %d", torn.File, torn.Offset), "leaf %d of the log: %s", leaf, torn.Reason)
	case err != nil:
		l.v.lack("log", "leaf %d of the log: %v", leaf, err)
	default:
		l.v.lack("log", "its leaves %d to %d are not there, and their hashes are", l.tree.Size(), l.size-1)
	}
}

// take adds a leaf to the tree and keeps what it promises.
func (l *logbook) take(leaf *checkpoint.Placed) {
	if leaf.End <= l.end && l.tree.Size() > 0 || leaf.Pos > leaf.End {
		l.v.fault(leaf.Place, "leaf %d of the log is of a block that does not come behind the one before it", leaf.Number)
	}
	l.end = leaf.End
	l.final = l.tree.Add(l.final[:0], leaf.Hash)
	l.match()
	l.reach()
	if leaf.Number < l.signed {
		l.v.SignedAt = max(l.v.SignedAt, leaf.Last)
	}
	if l.upTo != 0 && leaf.End > l.upTo {
		return
	}
	for i := range leaf.Heads {
		h := &leaf.Heads[i]
		l.promised[h.Session] = append(l.promised[h.Session], promise{h.Last, h.Chain, leaf.Number, leaf.Place})
	}
}

// match compares the hashes that became final with the stored ones, up to the first that is another.
func (l *logbook) match() {
	if l.hashes == nil {
		return
	}
	place, ok, err := l.hashes.Match(l.final)
	if err == nil && ok {
		return
	}
	if err != nil {
		l.v.fault("log/hashes", "%v", err)
	} else {
		l.v.fault("log/hashes "+place, "the stored hash is not that of the log's leaves up to %d", l.tree.Size()-1)
	}
	l.hashes.Close()
	l.hashes = nil
}

// reach compares the tree with the checkpoints of its size.
func (l *logbook) reach() {
	for len(l.points) > 0 && l.points[0].Size <= l.tree.Size() {
		p := l.points[0]
		l.points = l.points[1:]
		switch right := p.Root == l.tree.Root(); {
		case right && p.outside == l.v.Elsewhere:
			l.agreed = p.Size
			continue
		case right || l.other:
			continue
		}
		l.other = true
		l.v.fault(p.Place, "the log is not the one that this checkpoint of %d leaves was signed for: leaves from %d to %d were changed or added", p.Size, l.agreed, p.Size-1)
	}
}

// record holds a record's chain value against what the log says, and counts what no checkpoint covers. end is its block's.
func (l *logbook) record(here spot, chain record.Hash, end uint64) {
	if l == nil {
		return
	}
	list := l.promised[here.session]
	for len(list) > 0 && list[0].last < here.seq {
		l.broke(here.session, list[0])
		list = list[1:]
	}
	switch {
	case len(list) == 0:
		l.v.Uncovered++
		if end <= l.end && !l.broken && !l.unknown[here.session] {
			l.unknown[here.session] = true
			l.v.fault(here.String(), "the log does not know of this record")
		}
	case list[0].leaf >= l.signed:
		l.v.Uncovered++
	}
	if len(list) > 0 && list[0].last == here.seq {
		if list[0].chain != chain {
			l.v.fault(here.String(), "its chain is not the one that leaf %d of the log (%s) says", list[0].leaf, list[0].place)
		}
		list = list[1:]
	}
	if len(list) == 0 {
		delete(l.promised, here.session)
	} else {
		l.promised[here.session] = list
	}
}

// settle notes what was promised for the block at hand and did not come.
func (l *logbook) settle() {
	if l == nil {
		return
	}
	for id, list := range l.promised {
		for _, p := range list {
			l.broke(id, p)
		}
	}
	clear(l.promised)
	clear(l.unknown)
}

// broke notes that a record that a leaf tells of isn't there, unless retention took it away and signed for it.
func (l *logbook) broke(id record.ID, p promise) {
	gone := false
	for _, c := range l.v.cuts[id] {
		gone = gone || c.Last >= p.last
		if c.Last == p.last && c.Chain != p.chain {
			l.v.fault(fmt.Sprintf("session %v #%d", id, p.last), "the tombstone's chain value is not the one that leaf %d of the log says", p.leaf)
		}
	}
	if !gone {
		l.v.lack(fmt.Sprintf("session %v #%d", id, p.last), "leaf %d of the log (%s) tells of this record, and it is not there", p.leaf, p.place)
	}
}
