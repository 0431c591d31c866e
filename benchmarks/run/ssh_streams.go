package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gatefold/gatefold/internal/testenv"
)

// stream is a way to carry the file.
type stream struct {
	name string
	args func(b *sshBed, w sshWay) []string // of the program, which is the first
	up   bool                               // the file is its input
}

const (
	gcm    = "aes128-gcm@openssh.com"
	chacha = "chacha20-poly1305@openssh.com"
)

// streams are programs' output and input, under either cipher, and scp (by SFTP, as it is by default).
func streams() []stream {
	down := func(cipher string) func(*sshBed, sshWay) []string {
		return func(b *sshBed, w sshWay) []string {
			return []string{"ssh", "-F", w.config, "-c", cipher, "target", "cat " + b.content}
		}
	}
	up := func(cipher string) func(*sshBed, sshWay) []string {
		return func(b *sshBed, w sshWay) []string {
			return []string{"ssh", "-F", w.config, "-c", cipher, "target", "cat >/dev/null"}
		}
	}
	return []stream{
		{"down, aes128-gcm", down(gcm), false}, {"down, chacha20", down(chacha), false},
		{"up, aes128-gcm", up(gcm), true}, {"up, chacha20", up(chacha), true},
		{"scp down", func(b *sshBed, w sshWay) []string {
			return []string{"scp", "-q", "-F", w.config, "-c", gcm, "target:" + b.content, filepath.Join(b.scratch, "down-"+w.name)}
		}, false},
		{"scp up", func(b *sshBed, w sshWay) []string {
			return []string{"scp", "-q", "-F", w.config, "-c", gcm, b.content, "target:" + filepath.Join(b.scratch, "up-"+w.name)}
		}, false},
	}
}

// carried is what came of one stream.
type carried struct {
	speed       float64 // MiB/s
	cpu, behind float64 // the proxy's CPU seconds for a GiB: until the client had ended, and until all behind was done
}

// carry runs one stream.
func (b *sshBed) carry(ctx context.Context, s stream, w sshWay) (c carried, err error) {
	before, err := w.cpu()
	if err != nil {
		return c, err
	}
	took, err := b.runStream(ctx, s, w)
	if err != nil {
		return c, err
	}
	after, err := w.cpu()
	if err != nil {
		return c, err
	}
	settled, err := w.settled(ctx)
	if err != nil {
		return c, err
	}
	gib := float64(b.size) / (1 << 30)
	c = carried{float64(b.size) / (1 << 20) / took.Seconds(), (after - before).Seconds() / gib, (settled - before).Seconds() / gib}
	return c, b.sameSize(filepath.Join(b.scratch, strings.TrimPrefix(s.name, "scp ")+"-"+w.name))
}

// runStream runs the program and returns how long it took.
func (b *sshBed) runStream(ctx context.Context, s stream, w sshWay) (time.Duration, error) {
	args := s.args(b, w)
	path, err := testenv.SSHBinary(args[0])
	if err != nil {
		return 0, err
	}
	cmd := exec.CommandContext(ctx, path, args[1:]...)
	cmd.Env = testenv.CleanEnv()
	var said strings.Builder
	cmd.Stderr = &said
	if s.up {
		in, err := os.Open(b.content)
		if err != nil {
			return 0, err
		}
		defer in.Close()
		cmd.Stdin = in
	}
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return 0, fmt.Errorf("%s on %s: %w\n%s", s.name, w.name, err, said.String())
	}
	return time.Since(start), nil
}

// sameSize checks and removes what scp has written, where it has.
func (b *sshBed) sameSize(path string) error {
	st, err := os.Stat(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if st.Size() != b.size {
		return fmt.Errorf("%d bytes arrived of %d", st.Size(), b.size)
	}
	return os.Remove(path)
}

// compareStreams prints the speed of all ways, and what the ones between took for it.
func (b *sshBed) compareStreams(ctx context.Context, rounds int, only string) error {
	all := slices.DeleteFunc(streams(), func(s stream) bool { return !strings.Contains(s.name, only) })
	speed, ratio, cpu, behind := table{}, table{}, table{}, table{}
	for round := range rounds {
		for _, s := range all {
			now := map[string]float64{}
			for i := range b.ways {
				w := b.ways[(i+round)%len(b.ways)]
				c, err := b.carry(ctx, s, w)
				if err != nil {
					return err
				}
				now[w.name] = c.speed
				speed.add(w.name, s.name, c.speed)
				cpu.add(w.name, s.name, c.cpu)
				behind.add(w.name, s.name, c.behind)
			}
			for name, mibs := range now {
				ratio.add(name, s.name, mibs/now["direct"])
			}
		}
	}
	fmt.Printf("| MiB/s, %d MiB at a time (ratio to direct) |", b.size>>20)
	head(all)
	for _, w := range b.ways {
		fmt.Printf("| %s |", w.name)
		for _, s := range all {
			fmt.Printf(" %.0f (%.2f) |", speed.middle(w.name, s.name), ratio.middle(w.name, s.name))
		}
		fmt.Println()
	}
	for _, figure := range []struct {
		name string
		of   table
	}{{"until the client has ended", cpu}, {"until all behind is done: sealing, rewriting", behind}} {
		fmt.Printf("\n| CPU s/GiB of whoever stands between, %s |", figure.name)
		head(all)
		for _, w := range b.ways[1:] {
			fmt.Printf("| %s |", w.name)
			for _, s := range all {
				fmt.Printf(" %.2f |", figure.of.middle(w.name, s.name))
			}
			fmt.Println()
		}
	}
	return nil
}

func head(all []stream) {
	for _, s := range all {
		fmt.Printf(" %s |", s.name)
	}
	fmt.Println("\n|---" + strings.Repeat("|---", len(all)) + "|")
}

// table keeps the values of each way and column, one a round.
type table map[[2]string][]float64

func (t table) add(way, column string, v float64) {
	t[[2]string{way, column}] = append(t[[2]string{way, column}], v)
}

func (t table) middle(way, column string) float64 { return middleOf(t[[2]string{way, column}]) }
