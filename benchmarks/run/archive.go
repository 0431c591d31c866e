package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/gatefold/gatefold/benchmarks"
	"github.com/gatefold/gatefold/benchmarks/gen"
	"github.com/gatefold/gatefold/internal/checkpoint"
	"github.com/gatefold/gatefold/internal/journal"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/recorder"
)

// archive fills an archive by way of the recorder, rewrites it, and measures it.
func archive(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("archive", flag.ContinueOnError)
	records := flags.Int("records", 1_000_000, "how many")
	days := flags.Int("days", 10, "over how many days")
	dir := flags.String("dir", "", "the folder to use; empty: a temporary one, removed at the end")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *dir == "" {
		temp, err := os.MkdirTemp("", "gatefold-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temp)
		*dir = temp
	}
	a := &archived{dir: filepath.Join(*dir, "archive"), longest: map[record.ID]int{}, users: map[record.ID]string{}}
	if err := a.fill(ctx, *dir, *records, *days); err != nil {
		return err
	}
	if err := a.size("as sealed"); err != nil {
		return err
	}
	if err := a.rewrite(ctx); err != nil {
		return err
	}
	if err := a.size("rewritten by session"); err != nil {
		return err
	}
	return a.search(ctx, os.Stdout)
}

// archived is an archive being measured, and what to look for in it.
type archived struct {
	dir     string
	records int
	server  int // its process id; 0: there is none here
	from    time.Time
	days    int
	word    string // said once, somewhere in the middle
	said    time.Time
	user    string               // who said it
	longest map[record.ID]int    // records of each session
	users   map[record.ID]string // of the sessions
}

func (a *archived) begin(n, days int) {
	a.records, a.days = n, days
	a.from = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
}

// made is how the records are made.
func (a *archived) made() gen.Options {
	step := time.Duration(a.days) * 24 * time.Hour / time.Duration(a.records)
	return gen.Options{Seed: 1, From: a.from, Step: step}
}

// fill writes n records, days apart from the first to the last.
func (a *archived) fill(ctx context.Context, dir string, n, days int) (err error) {
	a.begin(n, days)
	store, err := local.Open(a.dir, local.Write)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	log, err := checkpoint.Open(checkpoint.Folder(a.dir))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	home, err := recorder.NewHome(ctx, store, log)
	if err != nil {
		return err
	}
	r, err := recorder.Open(ctx, recorder.Options{Dir: filepath.Join(dir, "journal"), Home: home, Gateway: "bench",
		Log: slog.New(slog.DiscardHandler), Journal: journal.Options{MaxBytes: 1 << 30}}) // 1 GiB
	if err != nil {
		return err
	}
	f := &benchmarks.Feeder{Recorder: r, Records: gen.New(a.made()), Seen: a.see}
	start, cpu := time.Now(), benchmarks.CPU()
	err = f.Feed(ctx, n)
	if err = errors.Join(err, r.Close(ctx)); err != nil {
		return err
	}
	spent := benchmarks.CPU() - cpu
	fmt.Printf("%d records of %d sessions over %d days: made, appended, sealed and listed in %v, %.0f records a CPU second, one after the other %v\n",
		n, len(a.longest), days, time.Since(start).Round(time.Millisecond), float64(n)/spent.Seconds(), spent.Round(time.Millisecond))
	return nil
}

// see notes the sessions' lengths, and a word that is said once, in the middle.
func (a *archived) see(r *record.Record) {
	a.longest[r.Session]++
	if r.Kind == record.KindOpen {
		a.users[r.Session] = r.User
	}
	if a.word != "" || r.Kind != record.KindQuery || r.At < a.from.Add(time.Duration(a.days)*12*time.Hour).UnixNano() {
		return
	}
	if m := rare.Find(r.Text); m != nil {
		a.word, a.said, a.user = string(m), time.Unix(0, r.At), a.users[r.Session]
	}
}

// rewrite does what a gateway does in quiet times.
func (a *archived) rewrite(ctx context.Context) (err error) {
	store, err := local.Open(a.dir, local.Write)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	start, cpu := time.Now(), benchmarks.CPU()
	if err := compact(ctx, store); err != nil {
		return err
	}
	spent := benchmarks.CPU() - cpu
	fmt.Printf("rewritten in %v, %.0f records a CPU second\n", time.Since(start).Round(time.Millisecond), float64(a.records)/spent.Seconds())
	return nil
}

// compact rewrites until there is nothing to do.
func compact(ctx context.Context, store *local.Store) error {
	for {
		done, err := store.Compact(ctx, math.MaxInt64)
		if err != nil || done.Blocks == 0 {
			return err
		}
	}
}

// size prints what the folder takes.
func (a *archived) size(when string) error {
	var blocks, rest, files int64
	err := filepath.WalkDir(a.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if filepath.Ext(path) == ".gfb" {
			blocks += info.Size()
			files++
		} else {
			rest += info.Size()
		}
		return nil
	})
	n := float64(a.records)
	fmt.Fprintf(os.Stdout, "%s: %.1f bytes a record: %d blocks %.1f, directory, log of leaves and the rest %.1f\n", when, float64(blocks+rest)/n, files,
		float64(blocks)/n, float64(rest)/n)
	return err
}
