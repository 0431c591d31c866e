package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"
)

// load is a way to use a server.
type load struct {
	name string
	args []string
}

var loads = []load{
	{"simple-8", []string{"-S", "-M", "simple", "-c", "8", "-j", "2"}},
	{"simple-32", []string{"-S", "-M", "simple", "-c", "32", "-j", "2"}},
	{"prepared-8", []string{"-S", "-M", "prepared", "-c", "8", "-j", "2"}},
	{"prepared-32", []string{"-S", "-M", "prepared", "-c", "32", "-j", "2"}},
}

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
	ways := []way{b.direct()}
	for _, start := range []func() (way, error){b.pgbouncer, b.haproxy,
		func() (way, error) { return b.gatefold(ctx, "gatefold", "{journal: 1GiB}") }} {
		w, err := start()
		switch {
		case errors.Is(err, errAbsent):
			fmt.Fprintf(os.Stderr, "LEFT OUT: %v\n", err)
			continue
		case err != nil:
			return err
		}
		ways = append(ways, w)
	}
	m := &measures{}
	for round := range *rounds {
		for _, l := range loads {
			if err := m.round(ctx, b, l, ways, round, *each); err != nil {
				return err
			}
		}
	}
	m.print(ways)
	return nil
}

// measures are those of each load, way and round.
type measures struct{ cells []cell }

type cell struct {
	load, way string
	round     int
	tps       float64
	cpu       float64 // of the proxy, us a transaction
}

// round runs one load on all ways, beginning with another in each round.
func (m *measures) round(ctx context.Context, b *bed, l load, ways []way, round int, each time.Duration) error {
	for i := range ways {
		w := ways[(i+round)%len(ways)]
		c := cell{load: l.name, way: w.name, round: round}
		before, err := w.cpu()
		if err != nil {
			return err
		}
		out, err := b.pgbench(ctx, w, append([]string{"-n", "-T", strconv.Itoa(int(each.Seconds()))}, l.args...)...)
		if err != nil {
			return err
		}
		after, err := w.cpu()
		if err != nil {
			return err
		}
		n, tps, err := result(out)
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

// base is the way that the others are compared with.
const base = "pgbouncer"

// print writes a table for CPU, ratio and throughput.
func (m *measures) print(ways []way) {
	fmt.Print("| CPU us a transaction (ratio to " + base + ") ")
	for _, l := range loads {
		fmt.Printf("| %s ", l.name)
	}
	fmt.Println("|\n|---|---|---|---|---|")
	for _, w := range ways[1:] {
		fmt.Printf("| %s ", w.name)
		for _, l := range loads {
			if m.at(l.name, base, 0).cpu == 0 {
				fmt.Printf("| %.1f (no "+base+") ", m.middle(l.name, w.name, func(c, _ cell) float64 { return c.cpu }))
				continue
			}
			fmt.Printf("| %.1f (%.2f) ", m.middle(l.name, w.name, func(c, _ cell) float64 { return c.cpu }),
				m.middle(l.name, w.name, func(c, base cell) float64 { return c.cpu / base.cpu }))
		}
		fmt.Println("|")
	}
	fmt.Println("\n| transactions a second |||||\n|---|---|---|---|---|")
	for _, w := range ways {
		fmt.Printf("| %s ", w.name)
		for _, l := range loads {
			fmt.Printf("| %.0f ", m.middle(l.name, w.name, func(c, _ cell) float64 { return c.tps }))
		}
		fmt.Println("|")
	}
}

// middle is the median over the rounds of what is made of a way's cell and that of the base in the same round.
func (m *measures) middle(load, way string, of func(c, base cell) float64) float64 {
	var all []float64
	for _, c := range m.cells {
		if c.load == load && c.way == way {
			all = append(all, of(c, m.at(load, base, c.round)))
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
