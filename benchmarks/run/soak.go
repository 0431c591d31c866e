package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"time"
)

// soak keeps a gateway busy, with statements and with sessions that come and go, and prints its memory as it goes.
func soak(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	during := flags.Duration("for", 5*time.Minute, "how long")
	every := flags.Duration("every", 15*time.Second, "how often memory is looked at")
	rate := flags.Int("rate", 3000, "transactions a second; 0: as many as there can be")
	if err := flags.Parse(args); err != nil {
		return err
	}
	b, err := newBed(ctx, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.end()) }()
	w, err := b.gatefold(ctx, "gatefold", "{journal: 256MiB, segment: 16MiB}")
	if err != nil {
		return err
	}
	type end struct {
		what, out string
		err       error
	}
	seconds := strconv.Itoa(int(during.Seconds()))
	steady := []string{"-n", "-S", "-M", "prepared", "-c", "16", "-j", "2", "-T", seconds}
	if *rate > 0 {
		steady = append(steady, "-R", strconv.Itoa(*rate))
	}
	ends := make(chan end, 2)
	for what, args := range map[string][]string{
		"statements": steady,
		"sessions":   {"-n", "-S", "-C", "-M", "simple", "-c", "2", "-R", "20", "-T", seconds},
	} {
		go func() {
			out, err := b.pgbench(ctx, w, args...)
			ends <- end{what, out, err}
		}()
	}
	fmt.Println("| after | resident MiB | of it anonymous | CPU s |\n|---|---|---|---|")
	tick := time.NewTicker(*every)
	defer tick.Stop()
	start := time.Now()
	for running := 2; running > 0; {
		select {
		case e := <-ends:
			running--
			if e.err != nil {
				return e.err
			}
			n, tps, err := result(e.out)
			if err != nil {
				return err
			}
			fmt.Printf("%s: %d transactions, %.0f a second\n", e.what, n, tps)
		case <-tick.C:
			if err := memory(w, time.Since(start)); err != nil {
				return err
			}
		}
	}
	return nil
}

var rss = regexp.MustCompile(`(?s)VmRSS:\s+(\d+) kB.*RssAnon:\s+(\d+) kB`)

func memory(w way, after time.Duration) error {
	all, anonymous, err := resident(w.pid)
	if err != nil {
		return err
	}
	cpu, err := w.cpu()
	fmt.Printf("| %v | %.1f | %.1f | %.1f |\n", after.Round(time.Second), float64(all)/1024, float64(anonymous)/1024, cpu.Seconds())
	return err
}

// resident is a process's resident memory in KiB: all of it, and the anonymous part.
func resident(pid int) (all, anonymous int, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0, err
	}
	m := rss.FindStringSubmatch(string(text))
	if m == nil {
		return 0, 0, fmt.Errorf("/proc/%d/status has no VmRSS and RssAnon behind it", pid)
	}
	all, _ = strconv.Atoi(m[1])
	anonymous, _ = strconv.Atoi(m[2])
	return all, anonymous, nil
}
