// Package gen makes records as a gateway writes them, for benchmarks: people and programs at work on shops' databases,
// deterministic by seed. Statements have 50 to 500 bytes with literals of their own, one session in three has fewer than
// five records, some statements fail and some are refused.
package gen

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"time"

	"github.com/gatefold/gatefold/internal/record"
)

// Options say what is made. The zero value is a good one.
type Options struct {
	Seed uint64
	Open int           // sessions open at a time; 0: 32
	From time.Time     // when the first record was; zero: 2026-11-01 00:00 UTC
	Step time.Duration // from one record to the next, on average; 0: 10 ms
	Long int           // actions of the longest sessions; 0: 3500, about 10,000 records
}

// Generator makes one stream of records, of many sessions at once, in the order of their times. It is not for use by
// several goroutines.
type Generator struct {
	o    Options
	rng  *rand.Rand
	open []*session
	now  int64 // unix nanoseconds
	n    uint64
	rec  record.Record
	buf  []byte // the record's texts
}

// New returns a generator. The same options make the same records.
func New(o Options) *Generator {
	if o.Open == 0 {
		o.Open = 32
	}
	if o.From.IsZero() {
		o.From = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	}
	if o.Step == 0 {
		o.Step = 10 * time.Millisecond
	}
	if o.Long == 0 {
		o.Long = 3500
	}
	g := &Generator{o: o, rng: rand.New(rand.NewPCG(o.Seed, 0x67617465)), now: o.From.UnixNano()}
	g.open = make([]*session, o.Open)
	for i := range g.open {
		g.open[i] = g.newSession()
	}
	return g
}

// Next returns the next record. It, and what it points to, is the generator's again at the next call. Session and Seq
// are set as a recorder.Tape numbers them, so that Of is right there too.
func (g *Generator) Next() *record.Record {
	i := g.rng.IntN(len(g.open))
	s := g.open[i]
	g.now += int64(float64(g.o.Step) * g.rng.ExpFloat64())
	g.buf = g.buf[:0]
	g.rec = record.Record{Session: s.id, Seq: s.next, At: g.now}
	s.step(g, &g.rec)
	s.next++
	g.n++
	if g.rec.Kind == record.KindClose {
		g.open[i] = g.newSession()
	}
	return &g.rec
}

// Made is how many records there were.
func (g *Generator) Made() uint64 { return g.n }

// Now is the time of the last record.
func (g *Generator) Now() time.Time { return time.Unix(0, g.now).UTC() }

// id is as record.NewID makes them, but for the chance in it.
func (g *Generator) id() record.ID {
	var id record.ID
	binary.BigEndian.PutUint64(id[:], uint64(g.now/1e6)<<16|g.rng.Uint64()&0xffff)
	binary.BigEndian.PutUint64(id[8:], g.rng.Uint64())
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// skewed is a number below n, small ones much more often: few users do most of the work.
func (g *Generator) skewed(n int) int {
	f := g.rng.Float64()
	return int(float64(n) * f * f)
}

// chance is true so many times in a hundred.
func (g *Generator) chance(percent float64) bool { return g.rng.Float64()*100 < percent }

// spread is a number from low to high, in each power of ten as often as in the next.
func (g *Generator) spread(low, high int) int {
	return int(float64(low) * math.Pow(float64(high)/float64(low), g.rng.Float64()))
}
