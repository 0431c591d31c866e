package benchmarks_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/gatefold/gatefold/benchmarks"
	"github.com/gatefold/gatefold/internal/journal"
)

// BenchmarkJournal compares ways to append an entry of 200 bytes with its CRC-32C so that it survives the process, by
// one of n goroutines: through the mapping, as the journal does, and with write(2), for each entry or for eight at once (one
// read of a pipeline). What counts is cpu-ns/entry; the rest is the machine's load.
func BenchmarkJournal(b *testing.B) {
	for _, way := range []struct {
		name string
		open func(*testing.B) appender
	}{{"mapped", openMapped}, {"write", openWrite(1)}, {"write of eight", openWrite(8)}} {
		for _, writers := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("%s/%d", way.name, writers), func(b *testing.B) { benchmarkJournal(b, way.open(b), writers) })
		}
	}
}

type appender func(entry []byte, i int) error

func benchmarkJournal(b *testing.B, put appender, writers int) {
	entry := bytes.Repeat([]byte("x"), 200)
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	before := benchmarks.CPU()
	for w := range writers {
		wg.Go(func() {
			for i := w; i < b.N; i += writers {
				if err := put(entry, i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(benchmarks.CPU()-before)/float64(b.N), "cpu-ns/entry")
}

func openMapped(b *testing.B) appender {
	j, err := journal.Open(b.TempDir(), journal.Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { j.Close() })
	return func(entry []byte, i int) error {
		pos, err := j.Append(entry, 0)
		if err == nil && i%(1<<16) == 0 {
			err = j.Release(pos)
		}
		return err
	}
}

// openWrite is the plain way: frames of length, CRC and entry under a mutex, written to a file that begins again after
// 64 MiB.
func openWrite(batch int) func(*testing.B) appender {
	return func(b *testing.B) appender {
		f, err := os.Create(filepath.Join(b.TempDir(), "log"))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { f.Close() })
		table := crc32.MakeTable(crc32.Castagnoli)
		var mu sync.Mutex
		var buf []byte
		held, at := 0, int64(0)
		return func(entry []byte, _ int) error {
			mu.Lock()
			defer mu.Unlock()
			buf = binary.LittleEndian.AppendUint32(buf, uint32(len(entry)))
			buf = binary.LittleEndian.AppendUint32(buf, crc32.Checksum(entry, table))
			buf = append(buf, entry...)
			if held++; held < batch {
				return nil
			}
			_, err := f.WriteAt(buf, at)
			if at += int64(len(buf)); at > 64<<20 {
				at = 0
			}
			buf, held = buf[:0], 0
			return err
		}
	}
}
