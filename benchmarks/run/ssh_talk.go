package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// loggingIn is how many log in at a time.
const loggingIn = 4

// compareLogins prints how often one can log in and open a channel, and what each time takes of whoever stands between. A
// gateway does it twice: with its client, and with the server.
func (b *sshBed) compareLogins(ctx context.Context, rounds int, each time.Duration) error {
	rate, cpu := table{}, table{}
	for round := range rounds {
		for i := range b.ways {
			w := b.ways[(i+round)%len(b.ways)]
			before, err := w.cpu()
			if err != nil {
				return err
			}
			n, took, err := w.logins(each)
			if err != nil {
				return fmt.Errorf("log in on %s: %w", w.name, err)
			}
			after, err := w.settled(ctx)
			if err != nil {
				return err
			}
			rate.add(w.name, "", float64(n)/took.Seconds())
			cpu.add(w.name, "", float64((after-before).Microseconds())/1000/float64(n))
		}
	}
	fmt.Printf("\n| logins with a channel, %d at a time | a second | CPU ms each, of whoever stands between |\n|---|---|---|\n", loggingIn)
	for i, w := range b.ways {
		ms := ""
		if i > 0 {
			ms = fmt.Sprintf("%.2f", cpu.middle(w.name, ""))
		}
		fmt.Printf("| %s | %.0f | %s |\n", w.name, rate.middle(w.name, ""), ms)
	}
	return nil
}

func (w sshWay) logins(each time.Duration) (n int64, took time.Duration, err error) {
	start := time.Now()
	var did atomic.Int64
	var failed [loggingIn]error
	var wg sync.WaitGroup
	for i := range loggingIn {
		wg.Go(func() {
			for failed[i] == nil && time.Since(start) < each {
				if failed[i] = w.loginOnce(); failed[i] == nil {
					did.Add(1)
				}
			}
		})
	}
	wg.Wait()
	return did.Load(), time.Since(start), errors.Join(failed[:]...)
}

func (w sshWay) loginOnce() error {
	c, err := w.login.Dial()
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := c.NewSession()
	if err != nil {
		return err
	}
	return s.Close()
}

// typist is a terminal that is typed into, one key at a time, each awaited on the screen.
type typist struct {
	client *ssh.Client
	in     io.WriteCloser
	out    *bufio.Reader
}

// sit opens a terminal whose program reads keys as they come; the terminal echoes them.
func (w sshWay) sit() (*typist, error) {
	c, err := w.login.Dial()
	if err != nil {
		return nil, err
	}
	s, err := c.NewSession()
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	t := &typist{client: c}
	in, err1 := s.StdinPipe()
	out, err2 := s.StdoutPipe()
	t.in, t.out = in, bufio.NewReader(out)
	err = errors.Join(err1, err2, s.RequestPty("xterm", 40, 120, ssh.TerminalModes{ssh.ECHO: 1}),
		s.Start("stty -icanon min 1 echo; echo ready; exec cat >/dev/null"))
	if err == nil {
		_, err = t.out.ReadString('\n')
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return t, nil
}

// press types a key and returns how long its echo took.
func (t *typist) press(key byte) (time.Duration, error) {
	start := time.Now()
	if _, err := t.in.Write([]byte{key}); err != nil {
		return 0, err
	}
	got, err := t.out.ReadByte()
	took := time.Since(start)
	if err == nil && got != key {
		err = fmt.Errorf("typed %q, %q came back", key, got)
	}
	return took, err
}

// compareEchoes prints how long a keystroke takes to the screen. The ways take turns every 50 keys.
func (b *sshBed) compareEchoes(ctx context.Context, rounds, keys int) error {
	var seats []*typist
	defer func() {
		for _, t := range seats {
			t.client.Close()
		}
	}()
	for _, w := range b.ways {
		t, err := w.sit()
		if err != nil {
			return fmt.Errorf("sit at %s: %w", w.name, err)
		}
		seats = append(seats, t)
	}
	p50, p99, over := table{}, table{}, table{}
	for range rounds {
		times := make([][]float64, len(b.ways))
		for turn := 0; turn < keys && ctx.Err() == nil; turn += 50 {
			for i, t := range seats {
				for k := range 50 {
					took, err := t.press("abcdefghij"[k%10])
					if err != nil {
						return fmt.Errorf("type on %s: %w", b.ways[i].name, err)
					}
					times[i] = append(times[i], float64(took.Nanoseconds())/1000)
				}
			}
		}
		direct := middleOf(times[0])
		for i, w := range b.ways {
			slices.Sort(times[i])
			p50.add(w.name, "", middleOf(times[i]))
			p99.add(w.name, "", times[i][len(times[i])*99/100])
			over.add(w.name, "", middleOf(times[i])-direct)
		}
	}
	fmt.Printf("\n| echo of a key, us, %d keys a round | p50 | over direct | p99 |\n|---|---|---|---|\n", keys)
	for _, w := range b.ways {
		fmt.Printf("| %s | %.0f | %+.0f | %.0f |\n", w.name, p50.middle(w.name, ""), over.middle(w.name, ""), p99.middle(w.name, ""))
	}
	return context.Cause(ctx)
}

// idleSSH prints what a connection that does nothing takes of the memory of a proxy that has done nothing else: first such as
// are only logged in, then as many more that have a terminal open.
func (b *sshBed) idleSSH(ctx context.Context, n int) error {
	ways, err := b.startSSHWays(ctx, "-idle")
	if err != nil {
		return err
	}
	fmt.Printf("\n| KiB of anonymous memory for each of %d idle connections | logged in | with a terminal |\n|---|---|---|\n", n)
	for _, w := range ways[1:] {
		bare, end, err := w.grow(n, func() (io.Closer, error) { return w.login.Dial() })
		if err != nil {
			return err
		}
		seated, endSeated, err := w.grow(n, func() (io.Closer, error) {
			t, err := w.sit()
			if err != nil {
				return nil, err
			}
			return t.client, nil
		})
		if err != nil {
			return errors.Join(err, end())
		}
		fmt.Printf("| %s | %.1f | %.1f |\n", w.name, bare, seated)
		if err := errors.Join(end(), endSeated()); err != nil {
			return err
		}
	}
	return nil
}

// grow opens connections, which end closes, and returns how the proxy grew for each.
func (w sshWay) grow(n int, open func() (io.Closer, error)) (kib float64, end func() error, err error) {
	_, before, err := resident(w.pid)
	if err != nil {
		return 0, nil, err
	}
	var all []io.Closer
	end = func() (err error) {
		for _, c := range all {
			err = errors.Join(err, c.Close())
		}
		return err
	}
	for range n {
		c, err := open()
		if err != nil {
			return 0, nil, errors.Join(err, end())
		}
		all = append(all, c)
	}
	_, after, err := resident(w.pid)
	return float64(after-before) / float64(n), end, err
}
