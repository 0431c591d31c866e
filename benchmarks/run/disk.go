package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// disk measures statements per second when each must be on the disk before the target sees it, beside how often the
// device can be made to write at all.
func disk(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("disk", flag.ContinueOnError)
	dir := flags.String("dir", ".", "a folder on the device to measure")
	each := flags.Duration("each", 5*time.Second, "how long each number of clients runs")
	if err := flags.Parse(args); err != nil {
		return err
	}
	b, err := newBed(ctx, *dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.end()) }()
	var ways []way
	for _, durability := range []string{"os", "disk"} {
		w, err := b.gatefold(ctx, durability, "{journal: 1GiB, durability: "+durability+"}")
		if err != nil {
			return err
		}
		ways = append(ways, w)
	}
	fmt.Println("| clients | durability: os, statements/s | the device, fdatasync/s | durability: disk, statements/s | statements for a sync of the device |\n|---|---|---|---|---|")
	for _, clients := range []int{1, 8, 64} {
		rate, err := syncRate(b.dir, *each/2)
		if err != nil {
			return err
		}
		var tps [2]float64
		for i, w := range ways {
			out, err := b.pgbench(ctx, w, "-n", "-S", "-M", "simple", "-c", strconv.Itoa(clients), "-j", "2", "-T", strconv.Itoa(int(each.Seconds())))
			if err != nil {
				return err
			}
			if _, tps[i], err = result(out); err != nil {
				return err
			}
		}
		fmt.Printf("| %d | %.0f | %.0f | %.0f | %.1f |\n", clients, tps[0], rate, tps[1], tps[1]/rate)
	}
	return nil
}

// syncRate is how often a second a device takes 300 bytes, about a statement's record, written into allocated room and
// synced.
func syncRate(dir string, during time.Duration) (rate float64, err error) {
	f, err := os.Create(filepath.Join(dir, "rate"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	const size = 64 << 20 // 64 MiB
	if err := unix.Fallocate(int(f.Fd()), 0, 0, size); err != nil {
		return 0, err
	}
	rec := make([]byte, 300)
	start, n := time.Now(), 0
	for ; time.Since(start) < during; n++ {
		if _, err := f.WriteAt(rec, int64(n*len(rec)%(size-len(rec)))); err != nil {
			return 0, err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return 0, err
		}
	}
	return float64(n) / time.Since(start).Seconds(), nil
}
