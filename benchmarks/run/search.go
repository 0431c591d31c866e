package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatefold/gatefold/benchmarks"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/replay"
)

// rare is a literal that no other statement has.
var rare = regexp.MustCompile(`\b[0-9a-f]{16}\b`)

// times is how often each thing is done; the middle one counts.
const times = 7

// search measures what an investigator waits for, in an archive that is open and whose files the kernel has read before.
func (a *archived) search(ctx context.Context, out io.Writer) error {
	store, err := local.Open(a.dir, local.Read)
	if err != nil {
		return err
	}
	defer store.Close()
	return a.ask(ctx, store, out)
}

// asked is an archive that is searched and whose sessions are opened.
type asked interface {
	replay.Source
	Tail(ctx context.Context, id record.ID) iter.Seq2[record.Record, error]
}

// ask measures the same of any archive.
func (a *archived) ask(ctx context.Context, store asked, out io.Writer) error {
	day := a.said.UTC().Format("2006-01-02")
	within := fmt.Sprintf(" since:%s until:%s", day, day)
	for _, c := range []struct {
		what, query string
		limit       int
	}{
		{"a user on a day, the first 50", "user:" + a.user + within, 50},
		{"a user on a day, all", "user:" + a.user + within, 0},
		{"a rare word, over everything", a.word, 0},
		{"a rare word, within its day", a.word + within, 0},
		{"refused, over everything, the first 50", "verdict:deny", 50},
		{"a common word, the first 50", "refund", 50},
		{"who touched a table, the first 50", "table:salaries", 50},
		{"who touched a busy table, the first 50", "table:orders", 50},
		{"who touched a table, and nobody did", "table:payments", 0},
		{"what failed, the first 50", "outcome:failed", 50},
	} {
		found := 0
		before := a.spent()
		took, err := median(func() (err error) {
			found, err = hits(ctx, store, c.query, c.limit)
			return err
		})
		cpu := (a.spent() - before) / times
		if err != nil {
			return fmt.Errorf("search %q: %w", c.query, err)
		}
		fmt.Fprintf(out, "| %s | `%s` | %d | %.1f ms | %.1f ms |\n", c.what, c.query, found, ms(took), ms(cpu))
	}
	return a.openLongest(ctx, store, out)
}

func hits(ctx context.Context, store asked, query string, limit int) (n int, err error) {
	q, err := replay.Parse(query, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		return 0, err
	}
	for _, err := range replay.Search(ctx, store, q) {
		if err != nil {
			return n, err
		}
		if n++; n == limit {
			break
		}
	}
	return n, nil
}

// openLongest reads a session of about 10,000 records, and writes its transcript.
func (a *archived) openLongest(ctx context.Context, store asked, out io.Writer) error {
	var id record.ID
	for s, n := range a.longest {
		if best := a.longest[id]; near(n) < near(best) || near(n) == near(best) && s.String() < id.String() {
			id = s
		}
	}
	n, before := 0, a.spent()
	took, err := median(func() error {
		n = 0
		for _, err := range store.Tail(ctx, id) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		return err
	}
	cpu := (a.spent() - before) / times
	fmt.Fprintf(out, "| a session opened: all its records read | `%.13s` | %d | %.1f ms | %.1f ms |\n", id, n, ms(took), ms(cpu))
	before = a.spent()
	took, err = median(func() error { return replay.Transcript(ctx, io.Discard, store, id, replay.Options{}) })
	cpu = (a.spent() - before) / times
	fmt.Fprintf(out, "| and its whole transcript written | `replay %.13s` | %d | %.1f ms | %.1f ms |\n", id, n, ms(took), ms(cpu))
	return err
}

// spent is the processor time that this process has used, and the server if it is one here: where others use the machine it says
// more than the clock.
func (a *archived) spent() time.Duration {
	all := benchmarks.CPU()
	if a.server == 0 {
		return all
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", a.server))
	if err != nil {
		return all
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	for _, field := range fields[11:13] { // utime, stime: see proc(5)
		ticks, _ := strconv.Atoi(field)
		all += time.Duration(ticks) * time.Second / 100
	}
	return all
}

// near is how far from 10,000.
func near(n int) int { return max(n-10_000, 10_000-n) }

func median(do func() error) (time.Duration, error) {
	var all []time.Duration
	for range times {
		start := time.Now()
		if err := do(); err != nil {
			return 0, err
		}
		all = append(all, time.Since(start))
	}
	slices.Sort(all)
	return all[times/2], nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
