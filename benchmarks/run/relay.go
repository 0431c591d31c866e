package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// load is a way to use a server: it runs for a while and tells how many transactions it did.
type load struct {
	name string
	run  func(ctx context.Context, w way, each time.Duration) (transactions int, tps float64, err error)
}

// pgbenchLoads are the loads of PostgreSQL.
func (b *bed) pgbenchLoads() (all []load) {
	for _, l := range []struct{ name, mode, clients string }{
		{"simple-8", "simple", "8"}, {"simple-32", "simple", "32"}, {"prepared-8", "prepared", "8"}, {"prepared-32", "prepared", "32"},
	} {
		all = append(all, load{l.name, func(ctx context.Context, w way, each time.Duration) (int, float64, error) {
			out, err := b.pgbench(ctx, w, "-n", "-T", seconds(each), "-S", "-M", l.mode, "-c", l.clients, "-j", "2")
			if err != nil {
				return 0, 0, err
			}
			return result(out)
		}})
	}
	return all
}

func seconds(d time.Duration) string { return strconv.Itoa(int(d.Seconds())) }

// relay measures what a transaction costs whoever stands between: all ways in turn, round by round, so that they meet the
// same weather; ratios are taken inside a round, and the middle round counts.
func relay(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("relay", flag.ContinueOnError)
	rounds := flags.Int("rounds", 5, "how many")
	each := flags.Duration("each", 3*time.Second, "how long one way under one load runs in a round")
	if err := flags.Parse(args); err != nil {
		return err
	}
	b, err := newBed(ctx, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.end()) }()
	ways, err := b.ways(b.pgbouncer, func() (way, error) { return b.haproxy("haproxy") },
		func() (way, error) { return b.gatefold(ctx, "gatefold", "{journal: 1GiB}") })
	if err != nil {
		return err
	}
	return compare(ctx, "pgbouncer", b.pgbenchLoads(), ways, *rounds, *each)
}

// ways starts what stands in front of the server. What is not installed is left out, and said.
func (b *bed) ways(starts ...func() (way, error)) ([]way, error) {
	ways := []way{b.direct()}
	for _, start := range starts {
		w, err := start()
		switch {
		case errors.Is(err, errAbsent):
			fmt.Fprintf(os.Stderr, "LEFT OUT: %v\n", err)
			continue
		case err != nil:
			return nil, err
		}
		ways = append(ways, w)
	}
	return ways, nil
}

// compare runs all loads on all ways and prints the tables.
func compare(ctx context.Context, base string, loads []load, ways []way, rounds int, each time.Duration) error {
	m := &measures{base: base, loads: loads}
	for round := range rounds {
		for _, l := range loads {
			if err := m.round(ctx, l, ways, round, each); err != nil {
				return err
			}
		}
	}
	m.print(ways)
	return nil
}

// measures are those of each load, way and round.
type measures struct {
	base  string // the way that the others are compared with
	loads []load
	cells []cell
}

type cell struct {
	load, way string
	round     int
	tps       float64
	cpu       float64 // of the proxy, us a transaction
}

// round runs one load on all ways, beginning with another in each round.
func (m *measures) round(ctx context.Context, l load, ways []way, round int, each time.Duration) error {
	for i := range ways {
		w := ways[(i+round)%len(ways)]
		c := cell{load: l.name, way: w.name, round: round}
		before, err := w.cpu()
		if err != nil {
			return err
		}
		n, tps, err := l.run(ctx, w, each)
		if err != nil {
			return err
		}
		after, err := w.cpu()
		if err != nil {
			return err
		}
		c.tps, c.cpu = tps, float64((after-before).Microseconds())/float64(n)
		m.cells = append(m.cells, c)
	}
	return nil
}

func (w way) cpu() (time.Duration, error) {
	if w.pid == 0 {
		return 0, nil
	}
	return processCPU(w.pid)
}

// print writes a table for CPU, ratio and throughput.
func (m *measures) print(ways []way) {
	head := func(what string) {
		fmt.Print("| " + what + " ")
		for _, l := range m.loads {
			fmt.Printf("| %s ", l.name)
		}
		fmt.Println("|\n|---" + strings.Repeat("|---", len(m.loads)) + "|")
	}
	head("CPU us a transaction (ratio to " + m.base + ")")
	for _, w := range ways[1:] {
		fmt.Printf("| %s ", w.name)
		for _, l := range m.loads {
			if m.at(l.name, m.base, 0).cpu == 0 {
				fmt.Printf("| %.1f (no %s) ", m.middle(l.name, w.name, func(c, _ cell) float64 { return c.cpu }), m.base)
				continue
			}
			fmt.Printf("| %.1f (%.2f) ", m.middle(l.name, w.name, func(c, _ cell) float64 { return c.cpu }),
				m.middle(l.name, w.name, func(c, base cell) float64 { return c.cpu / base.cpu }))
		}
		fmt.Println("|")
	}
	fmt.Println()
	head("transactions a second")
	for _, w := range ways {
		fmt.Printf("| %s ", w.name)
		for _, l := range m.loads {
			tps, digits := m.middle(l.name, w.name, func(c, _ cell) float64 { return c.tps }), 0
			if tps < 100 {
				digits = 1
			}
			fmt.Printf("| %.*f ", digits, tps)
		}
		fmt.Println("|")
	}
}

// middle is the median over the rounds of what is made of a way's cell and that of the base in the same round.
func (m *measures) middle(load, way string, of func(c, base cell) float64) float64 {
	var all []float64
	for _, c := range m.cells {
		if c.load == load && c.way == way {
			all = append(all, of(c, m.at(load, m.base, c.round)))
		}
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func (m *measures) at(load, way string, round int) cell {
	for _, c := range m.cells {
		if c.load == load && c.way == way && c.round == round {
			return c
		}
	}
	return cell{}
}
