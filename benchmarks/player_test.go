package benchmarks

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/screen"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/internal/store/storetest"
	"github.com/gatefold/gatefold/replay"
)

const (
	shellLines = 1_000_000
	shellTime  = time.Hour
)

// hourOfShell makes an archive of one session at a terminal: an hour, a million lines, recorded as the SSH relay does.
func hourOfShell(b *testing.B) (*local.Store, record.Session) {
	b.Helper()
	dir := b.TempDir()
	w, err := local.Open(dir, local.Write)
	if err != nil {
		b.Fatal(err)
	}
	m, id, term := storetest.NewMaker(), record.ID{0: 1, 6: 0x70, 8: 0x80}, screen.New(50, 160)
	begun := m.Now
	bytes, pending := 0, 0
	add := func(r record.Record) {
		r.Stream = 1
		m.Add(id, r)
		if pending += len(r.Text) + 100; pending > 256<<10 {
			block, raw := m.Seal()
			if err := w.Put(context.Background(), block, raw); err != nil {
				b.Fatal(err)
			}
			pending = 0
		}
	}
	m.Add(id, record.Record{Kind: record.KindOpen, User: "alice", Target: "web1", Protocol: "ssh"})
	add(record.Record{Kind: record.KindResize, Name: []byte("xterm"), Rows: 50, Bytes: 160})
	const piece = 20 // lines
	for i := 0; i < shellLines; i += piece {
		var text []byte
		for j := range piece {
			text = fmt.Appendf(text, "\x1b[32m%07d\x1b[0m Nov 27 10:%02d:%02d web1 app[%d]: request %x took %d ms\r\n", i+j, i/60%60, i%60, i%977, i*7919+j, (i+j)%911)
		}
		bytes += len(text)
		m.Now = begun.Add(time.Duration(i) * (shellTime / shellLines))
		add(record.Record{Kind: record.KindOutput, Text: text})
		for _, e := range term.Output(m.Now.UnixNano(), text) {
			add(record.Record{Kind: record.KindScreen, Name: []byte(record.ScreenText), Text: append([]byte(nil), e.Text...)})
		}
		if term.FrameDue() {
			add(record.Record{Kind: record.KindScreen, Name: []byte(record.ScreenFrame), Text: term.Frame(nil), Rows: 50, Bytes: 160})
		}
	}
	m.Now = begun.Add(shellTime)
	m.Add(id, record.Record{Kind: record.KindClose, Outcome: record.OutcomeDone})
	block, raw := m.Seal()
	if err := w.Put(context.Background(), block, raw); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d MB of output", bytes>>20)
	src, err := local.Open(dir, local.Read)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { src.Close() })
	s, _, err := src.Session(context.Background(), id)
	if err != nil {
		b.Fatal(err)
	}
	return src, s
}

// BenchmarkPlayer measures jumps in an hour at a terminal, looking for a text in it, and playing all of it.
func BenchmarkPlayer(b *testing.B) {
	src, s := hourOfShell(b)
	open := func(b *testing.B) *replay.Player {
		p, err := replay.NewPlayer(context.Background(), src, s, 0)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(p.Close)
		return p
	}
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			open(b).Close()
		}
	})
	b.Run("seek", func(b *testing.B) {
		p, r := open(b), rand.New(rand.NewPCG(1, 2))
		slowest := time.Duration(0)
		for b.Loop() {
			begun := time.Now()
			if err := p.To(s.Opened + r.Int64N(int64(shellTime))); err != nil {
				b.Fatal(err)
			}
			slowest = max(slowest, time.Since(begun))
		}
		b.ReportMetric(float64(slowest.Milliseconds()), "slowest-ms")
	})
	b.Run("find", func(b *testing.B) {
		p := open(b)
		for b.Loop() {
			if _, ok, err := p.Find("0999990 Nov", s.Opened); !ok || err != nil {
				b.Fatal(ok, err)
			}
		}
	})
	b.Run("all", func(b *testing.B) {
		var most uint64
		for b.Loop() {
			p, n := open(b), 0
			for {
				_, ok, err := p.Next()
				if err != nil {
					b.Fatal(err)
				}
				if !ok {
					break
				}
				p.Advance()
				if n++; n%5000 == 0 {
					var m runtime.MemStats
					runtime.GC()
					runtime.ReadMemStats(&m)
					most = max(most, m.HeapAlloc)
				}
			}
			p.Close()
		}
		b.ReportMetric(float64(most)/1e6, "live-MB")
	})
}
