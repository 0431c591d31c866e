package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
	"golang.org/x/sys/unix"

	"github.com/gatefold/gatefold/internal/journal"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/proxy"
)

// BenchmarkJournalInTheGateway is the CPU of a transaction through the whole gateway, clients in the same process and all:
// as the product is, and with each record written once more, to a second journal (mapped), with a write(2) of its own, and
// with one write for all records of a read. So the differences to the first tell what a way costs.
func BenchmarkJournalInTheGateway(b *testing.B) {
	for _, way := range []struct {
		name string
		tape func(*testing.B) func(proxy.Tape) proxy.Tape
	}{
		{"as it is", func(*testing.B) func(proxy.Tape) proxy.Tape { return nil }},
		{"and mapped", secondJournal},
		{"and write", func(b *testing.B) func(proxy.Tape) proxy.Tape { return plainTapes(b, true) }},
		{"and write of a read", func(b *testing.B) func(proxy.Tape) proxy.Tape { return plainTapes(b, false) }},
	} {
		for _, sessions := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("%s/%d", way.name, sessions), func(b *testing.B) {
				g := newGate(b, gateOptions{plainTo: true, stopped: true})
				g.tape = way.tape(b)
				g.start(false)
				benchmarkGate(b, g, sessions)
			})
		}
	}
}

func benchmarkGate(b *testing.B, g *gate, sessions int) {
	msg := wireMessage(b, &pgproto3.Query{String: "SELECT abalance FROM (VALUES (1, 2)) AS t (aid, abalance) WHERE aid = 1"})
	clients := make([]*wireClient, sessions)
	n := 0
	for i := range clients {
		clients[i] = g.wire()
		n = clients[i].ask(msg)
	}
	var wg sync.WaitGroup
	b.ResetTimer()
	before := processCPU()
	for i, c := range clients {
		wg.Go(func() {
			for k := i; k < b.N; k += sessions {
				c.again(msg, n)
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(processCPU()-before)/1e3/float64(b.N), "cpu-us/tx")
}

func processCPU() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return t.Nano()
}

// secondJournal has tapes whose entries are appended to another journal as well.
func secondJournal(b *testing.B) func(proxy.Tape) proxy.Tape {
	j, err := journal.Open(b.TempDir(), journal.Options{MaxBytes: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { j.Close() })
	return func(t proxy.Tape) proxy.Tape {
		return &twice{Tape: t, each: true, write: func(p []byte) error {
			pos, err := j.Append(p[8:], 0)
			if err == nil && pos&0xfffff < 1<<9 {
				err = j.Release(pos)
			}
			return err
		}}
	}
}

// plainTapes has tapes whose entries are written to a file as well, each by itself or those of a read at once. The file
// begins again after 64 MiB.
func plainTapes(b *testing.B, each bool) func(proxy.Tape) proxy.Tape {
	f, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	table := crc32.MakeTable(crc32.Castagnoli)
	var mu sync.Mutex
	at := int64(0)
	write := func(p []byte) error {
		mu.Lock()
		defer mu.Unlock()
		binary.LittleEndian.PutUint32(p[4:], crc32.Checksum(p[8:], table))
		if at += int64(len(p)); at > 64<<20 {
			at = int64(len(p))
		}
		_, err := f.WriteAt(p, at-int64(len(p)))
		return err
	}
	return func(t proxy.Tape) proxy.Tape { return &twice{Tape: t, each: each, write: write} }
}

// twice is a tape that encodes its records once more, behind 8 bytes for a head, and writes them elsewhere too.
type twice struct {
	proxy.Tape
	write func([]byte) error
	each  bool
	buf   []byte
}

func (t *twice) Append(r record.Record) (uint64, error) {
	seq, err := t.Tape.Append(r)
	if err != nil {
		return seq, err
	}
	r.Seq = seq
	t.buf = record.AppendRecord(append(t.buf, make([]byte, 8)...), &r)
	if t.each || r.Kind == record.KindResult { // nothing follows a Result before the next read
		return seq, t.flush()
	}
	return seq, nil
}

func (t *twice) flush() error {
	if len(t.buf) == 0 {
		return nil
	}
	err := t.write(t.buf)
	t.buf = t.buf[:0]
	return err
}

func (t *twice) Sync() error { return errors.Join(t.flush(), t.Tape.Sync()) }
