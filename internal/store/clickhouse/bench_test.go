package clickhouse

import (
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/gatefold/gatefold/benchmarks/gen"
	"github.com/gatefold/gatefold/internal/chengine"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/storetest"
)

// cpu is what this process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// plain appends a column as clickhouse-go's documentation says.
func (c *columnOf[T]) plain(to driver.BatchColumn) error { return to.Append(c.list) }

// Lists go faster one by one.
func (c *listOf[T]) plain(to driver.BatchColumn) error { return plainLists(to, c.list) }

func plainLists[T any](to driver.BatchColumn, lists [][]T) error {
	for _, list := range lists {
		if err := to.AppendRow(list); err != nil {
			return err
		}
	}
	return nil
}

// BenchmarkInsert compares Put of a batch with what clickhouse-go alone needs for the same rows of records and touched, which are at
// hand as slices of the columns' types and appended column by column (Column(i).Append, lists by AppendRow, all 53), as one who knows it
// does: same settings, same compression. CPU of this process, the engine's not counted. -count=5 tells several rounds.
func BenchmarkInsert(b *testing.B) {
	o, err := clickhouse.ParseDSN(chengine.ForTest(b).CreateDB(b))
	if err != nil {
		b.Fatal(err)
	}
	s, err := Open(b.Context(), Options{Hosts: o.Addr, HTTP: o.Protocol == clickhouse.HTTP, TLS: o.TLS, Database: o.Auth.Database, User: o.Auth.Username,
		Password: o.Auth.Password, Compression: "lz4", DialTimeout: time.Minute, Timeout: time.Minute, Mode: Write, Gateway: "gw1"})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	const records = 20_000
	m, g := storetest.NewMaker(), gen.New(gen.Options{Seed: 3})
	for range records {
		r := g.Next()
		m.Add(r.Session, r.Clone())
	}
	block, _ := m.Seal()
	raw, err := block.Unpack(nil)
	if err != nil {
		b.Fatal(err)
	}
	block.WithRaw(raw)
	b.Run("put", func(b *testing.B) {
		start := cpu(b)
		for b.Loop() {
			block.Pos, block.End = block.End, block.End+(block.End-block.Pos) // another each time
			if err := s.Put(b.Context(), block, nil); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(cpu(b)-start)/float64(b.N)/records, "cpu-ns/record")
	})
	b.Run("clickhouse-go", func(b *testing.B) {
		all := columns()
		r, t := row{}, touched{}
		for rest := raw; len(rest) > 0; r.place++ {
			if rest, err = record.Decode(rest, &r.Record); err != nil {
				b.Fatal(err)
			}
			r.flatten()
			for _, c := range all {
				c.add(&r)
			}
			t.add(&r.Record)
		}
		start := cpu(b)
		i := insertion{s: s, ctx: b.Context(), b: block}
		for b.Loop() {
			err := i.insert(b.Context(), 0, "INSERT INTO records ("+labels(all)+")", func(batch driver.Batch) error {
				for n, c := range all {
					if err := c.(interface {
						plain(driver.BatchColumn) error
					}).plain(batch.Column(n)); err != nil {
						return err
					}
				}
				return nil
			})
			if err == nil {
				err = i.insert(b.Context(), 0, "INSERT INTO touched (what, name, day, session, seq, actions, verdict)", func(batch driver.Batch) error {
					for n, column := range []any{t.what, t.name, t.day, t.session, t.seq, nil, t.verdict} {
						if column == nil {
							continue
						}
						if err := batch.Column(n).Append(column); err != nil {
							return err
						}
					}
					return plainLists(batch.Column(5), t.actions)
				})
			}
			if err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(cpu(b)-start)/float64(b.N)/records, "cpu-ns/record")
	})
}
