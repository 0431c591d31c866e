package local

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gatefold/gatefold/internal/checkpoint"
	"github.com/gatefold/gatefold/internal/record"
)

// Retention says what may go. Blocks go from the oldest on, never the newest; sessions that are held stay.
type Retention struct {
	Before int64  // unix nanoseconds: blocks whose records are all older go; 0: none for its age
	Size   int64  // the oldest go until the blocks have no more bytes than this; 0: no bound
	UpTo   uint64 // only blocks that end at this journal position or before
	// Followers are how far each follower has what is here, journal positions: tombstones name those that had all that went.
	Followers map[string]uint64
	Now       time.Time
	DryRun    bool // only tell

	// Sign signs what is left behind of what goes.
	Sign func(checkpoint.Tombstone) ([]byte, error)
}

// Pruned says what went.
type Pruned struct {
	Blocks   int   // that went or were rewritten without what went
	Records  int   //
	Sessions int   // that went whole
	Cut      int   // times that a session lost its old part
	Bytes    int64 // of files
	Held     int   // sessions met that stay because they are held
	Before   int64 // the latest record in the blocks that went, unix nanoseconds; 0: none did
}

// Prune takes away what retention lets go. For each run of blocks a signed tombstone is on disk before anything is removed: a
// kill after it leaves records that could have gone, and the next Prune takes them.
func (s *Store) Prune(ctx context.Context, r Retention) (Pruned, error) {
	p := pruning{s: s, ctx: ctx, r: r, held: make(map[record.ID]struct{})}
	err := errors.New("it is open for reading")
	if s.mode == Write || r.DryRun {
		err = p.run()
	}
	if err != nil {
		err = fmt.Errorf("prune archive %s: %w", s.dir, err)
	}
	return p.done, err
}

// pruning is one Prune.
type pruning struct {
	s    *Store
	ctx  context.Context
	r    Retention
	done Pruned
	next uint64                 // position from which on blocks were not looked at
	held map[record.ID]struct{} // met
}

func (p *pruning) run() error {
	for {
		more, err := p.step()
		if err != nil || !more {
			return err
		}
	}
}

// step looks at the next run of blocks; false: there is none that may go.
func (p *pruning) step() (more bool, err error) {
	p.s.rewriting.Lock()
	defer p.s.rewriting.Unlock()
	run, reason, err := p.due()
	if err != nil || len(run) == 0 {
		return false, err
	}
	g, err := p.s.grave(p.ctx, run)
	if err != nil {
		return false, err
	}
	p.next = g.run[len(g.run)-1].end
	for id := range g.held {
		p.held[id] = struct{}{}
	}
	p.done.Held = len(p.held)
	if len(g.cuts) == 0 {
		return true, nil
	}
	if !p.r.DryRun {
		if err := p.s.dig(p.ctx, g, reason, p.r); err != nil {
			return false, err
		}
	}
	p.count(g)
	return true, nil
}

func (p *pruning) count(g *grave) {
	p.done.Blocks += len(g.run)
	p.done.Records += g.records
	p.done.Sessions += len(g.cuts) - len(g.goOn)
	p.done.Cut += len(g.goOn)
	for _, l := range g.run {
		p.done.Before = max(p.done.Before, l.last)
		p.done.Bytes += l.bytes
	}
	p.done.Bytes -= g.left
}

// maxRun bounds how many blocks are taken away at once.
const maxRun = 256

// due is the next run of neighbours that may go, and why.
func (p *pruning) due() (run []listing, reason string, err error) {
	blocks, err := rows(p.ctx, p.s.db, scanListing, `SELECT `+listingColumns+` FROM blocks
		WHERE pos >= ? AND "end" <= ? AND pos < (SELECT max(pos) FROM blocks) ORDER BY pos LIMIT ?`, int64(p.next), int64(p.r.UpTo), maxRun)
	if err != nil || len(blocks) == 0 {
		return nil, "", err
	}
	var total int64
	if err := p.s.db.QueryRowContext(p.ctx, `SELECT sum(bytes) FROM blocks`).Scan(&total); err != nil {
		return nil, "", err
	}
	if p.r.DryRun {
		total -= p.done.Bytes
	}
	raw := 0
	for i, l := range blocks {
		old, much := l.last < p.r.Before, p.r.Size > 0 && total > p.r.Size
		switch {
		case !old && !much, i > 0 && (blocks[i-1].end != l.pos || raw+l.raw > sizes[len(sizes)-1] || p.r.parts(blocks[0], l)):
			return run, reason, nil
		case old && reason == "":
			reason = "records from before " + time.Unix(0, p.r.Before).UTC().Format(time.RFC3339) + " are not kept"
		case reason == "":
			reason = fmt.Sprintf("no more than %d bytes are kept", p.r.Size)
		}
		run, raw, total = append(run, l), raw+l.raw, total-l.bytes
	}
	return run, reason, nil
}

// parts reports whether a follower had one block and not the other.
func (r *Retention) parts(a, b listing) bool {
	for _, has := range r.Followers {
		if (a.end <= has) != (b.end <= has) {
			return true
		}
	}
	return false
}

// had are the followers that have all up to a journal position, by name.
func (r *Retention) had(end uint64) (names []string) {
	for name, has := range r.Followers {
		if end <= has {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// grave is a run of blocks to be taken away, and what is known of it.
type grave struct {
	run     []listing
	cuts    []checkpoint.Cut             // of the sessions that go, by id
	goOn    map[record.ID]record.Session // those of them that go on behind the run: their lines up to it
	held    map[record.ID]struct{}       // those that stay
	records int                          // that go
	block   *record.Block                // what stays; nil: nothing
	left    int64                        // bytes of its file
}

// grave finds out what is in a run, or in its first blocks where what stays of it can't be brought together. A block that
// can't be read is an error: damaged evidence is not let go unseen.
func (s *Store) grave(ctx context.Context, run []listing) (*grave, error) {
	holds, err := s.Holds()
	if err != nil {
		return nil, err
	}
	held := make(map[record.ID]bool)
	for _, h := range holds {
		held[h.Session] = true
	}
	telling, err := s.telling(ctx, run)
	if err != nil {
		return nil, err
	}
	stays, joined, err := s.join(run, func(id record.ID) bool { return held[id] || telling[id] })
	if err != nil {
		return nil, err
	}
	if len(joined) == 0 {
		for _, l := range run {
			if _, _, err := s.load(l.file); err != nil {
				return nil, err
			}
		}
		return nil, fmt.Errorf("block %016x can't be read", run[0].pos)
	}
	g := &grave{run: joined, block: stays, goOn: make(map[record.ID]record.Session), held: make(map[record.ID]struct{})}
	end := joined[len(joined)-1].end
	cuts := make(map[record.ID]checkpoint.Cut)
	for _, l := range joined {
		b, _, err := s.load(l.file)
		if err != nil {
			return nil, err
		}
		for i := range b.Spans {
			span := &b.Spans[i]
			if telling[span.Session] {
				continue
			}
			if held[span.Session] {
				g.held[span.Session] = struct{}{}
				continue
			}
			if _, seen := cuts[span.Session]; !seen {
				if err := s.enter(ctx, g, span.Session, end); err != nil {
					return nil, err
				}
			}
			cuts[span.Session] = checkpoint.Cut{Session: span.Session, Last: span.Last, Chain: span.After}
			g.records += int(span.Last-span.First) + 1
		}
		if err := g.fold(b); err != nil {
			return nil, err
		}
	}
	for _, c := range cuts {
		g.cuts = append(g.cuts, c)
	}
	slices.SortFunc(g.cuts, func(a, b checkpoint.Cut) int { return slices.Compare(a.Session[:], b.Session[:]) })
	return g, nil
}

// enter begins the line of a session up to the run, where it goes on behind it.
func (s *Store) enter(ctx context.Context, g *grave, id record.ID, end uint64) error {
	var later bool
	err := s.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM spans WHERE session = ? AND block >= ?)`, id[:], int64(end)).Scan(&later)
	if err != nil || !later {
		return err
	}
	line, err := s.before(id)
	g.goOn[id] = line
	return err
}

// fold takes the lines of the sessions that go on behind the run on by a block.
func (g *grave) fold(b *record.Block) error {
	if len(g.goOn) == 0 {
		return nil
	}
	for r, err := range b.Outline() {
		if err != nil {
			return fmt.Errorf("block %016x: %w", b.Pos, err)
		}
		line, ok := g.goOn[r.Session]
		if ok && (r.Seq > line.Last || line.Opened == 0) { // else it was remembered before a kill
			line.Add(&r)
			g.goOn[r.Session] = line
		}
	}
	return nil
}

// dig takes a run away: the tombstone, what the sessions' lines can't be made of any more, the blocks.
func (s *Store) dig(ctx context.Context, g *grave, reason string, r Retention) error {
	t := checkpoint.Tombstone{At: r.Now, Reason: reason, Followers: r.had(g.run[len(g.run)-1].end), Cuts: g.cuts}
	if g.block == nil {
		t.Gone = []checkpoint.Range{{From: g.run[0].pos, To: g.run[len(g.run)-1].end}}
	}
	if err := s.remember(g.goOn); err != nil {
		return err
	}
	if err := s.engrave(t, g.run[0].pos, r); err != nil {
		return err
	}
	left, err := s.swap(ctx, g.run, g.block, func(tx *sql.Tx) error { return g.strike(ctx, tx) })
	if err != nil {
		return err
	}
	g.left = left
	return errors.Join(s.forget(g), s.bury(true))
}

// engrave writes a tombstone.
func (s *Store) engrave(t checkpoint.Tombstone, pos uint64, r Retention) error {
	signed, err := r.Sign(t)
	if err != nil {
		return err
	}
	dir := checkpoint.TombstoneFolder(s.dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return replaceFile(filepath.Join(dir, fmt.Sprintf("%016x-%d.note", pos, r.Now.UnixNano())), signed)
}

// strike takes what went out of the directory.
func (g *grave) strike(ctx context.Context, tx *sql.Tx) error {
	for _, c := range g.cuts {
		if _, ok := g.goOn[c.Session]; ok {
			continue
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE id = ?`, c.Session[:]); err != nil {
			return err
		}
	}
	pos, end := int64(g.run[0].pos), int64(g.run[len(g.run)-1].end)
	if g.block == nil {
		_, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO gone SELECT coalesce((SELECT pos FROM gone WHERE "end" = ?1), ?1), ?2`, pos, end)
		if err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, `UPDATE meta SET value = (SELECT min(pos) FROM blocks) WHERE key = 'start'`)
	return err
}
