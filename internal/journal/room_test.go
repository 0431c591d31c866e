package journal

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// fill appends entries of size bytes until there is no room.
func fill(t *testing.T, j *Journal, size int, reserve int64) (n int) {
	t.Helper()
	entry := []byte(strings.Repeat("x", size))
	for {
		_, err := j.Append(entry, reserve)
		if errors.Is(err, ErrFull) {
			return n
		}
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
}

// Whatever mix of sizes came before: when the journal is full, each entry that room is held for still goes in.
func TestRoomHeldInReserveIsThere(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		j := open(t, t.TempDir(), small())
		unit := 256 + rnd.Int64N(j.MaxDraw()-256)
		held := 0
		for {
			_, err := j.Append(make([]byte, 1+rnd.IntN(20<<10)), unit)
			if errors.Is(err, ErrFull) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			held++
		}
		if held == 0 {
			t.Fatalf("seed %d: it was full at once", seed)
		}
		fill(t, j, 1, 0) // to the last byte
		for i := range held {
			if _, err := j.Append(make([]byte, unit-FrameOverhead), -unit); err != nil {
				t.Fatalf("seed %d: the room for entry %d of %d, %d bytes, is not there: %v", seed, i, held, unit, err)
			}
		}
		if s := j.Stats(); s.Held != 0 || s.Bytes > s.MaxBytes {
			t.Errorf("seed %d: %+v", seed, s)
		}
		j.Close()
	}
}

func TestReleaseMakesRoomAndSaysSo(t *testing.T) {
	j := open(t, t.TempDir(), small())
	select {
	case <-j.Room():
	default:
		t.Fatal("an empty journal says that it has no room")
	}
	fill(t, j, 5000, 0)
	room := j.Room()
	select {
	case <-room:
		t.Fatal("a full journal says that it has room")
	default:
	}
	if err := j.Release(j.Tail()); err != nil {
		t.Fatal(err)
	}
	<-room
	appendTo(t, j, strings.Repeat("x", 5000))
	if s := j.Stats(); s.Full == 0 || s.Room <= 0 {
		t.Errorf("%+v", s)
	}
}

func TestReserveWithoutAnEntry(t *testing.T) {
	j := open(t, t.TempDir(), small())
	if err := j.Reserve(1 << 20); !errors.Is(err, ErrFull) {
		t.Errorf("more than there is was set aside: %v", err)
	}
	if err := j.Reserve(150 << 10); err != nil {
		t.Fatal(err)
	}
	before := fill(t, j, 1000, 0)
	room := j.Room()
	j.Unreserve(150 << 10)
	<-room
	if after := fill(t, j, 1000, 0); after < 120 || before == 0 {
		t.Errorf("%d entries with room held, %d more without", before, after)
	}
}

// A disk that fills up under the journal stops it at a segment's boundary, with an error that says so, and it goes on when
// there is room again.
func TestAFullDiskStopsCleanly(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("SKIPPED: a small disk needs the right to mount one: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, 0) })
	opts := small()
	opts.MaxBytes = 64 << 20
	j := open(t, dir+"/journal", opts)
	t.Cleanup(func() { j.Close() }) // before the unmount
	n := fill(t, j, 3000, 500)
	_, err := j.Append(make([]byte, 3000), 500)
	if !errors.Is(err, ErrFull) || !errors.Is(err, unix.ENOSPC) {
		t.Errorf("%v", err)
	}
	for i := range n {
		if _, err := j.Append(make([]byte, 500-FrameOverhead), -500); err != nil {
			t.Fatalf("the room for entry %d of %d is not there: %v", i, n, err)
		}
	}
	entries, _ := all(t, j, 0)
	if len(entries) != 2*n {
		t.Errorf("%d entries, want %d", len(entries), 2*n)
	}
	fill(t, j, 3000, 0)
	room := j.Room()
	if err := j.Release(j.Tail()); err != nil {
		t.Fatal(err)
	}
	<-room
	fill(t, j, 3000, 0)
	if left, err := os.ReadDir(dir + "/journal"); err != nil || strings.Contains(fmt.Sprint(left), ".new") {
		t.Errorf("a half-made segment was left: %v, %v", left, err)
	}
}

// The reader's view: limits move only over whole frames, in whatever way readers and writers interleave.
func TestAReaderBesideWriters(t *testing.T) {
	opts := small()
	opts.MaxBytes = 1 << 20
	j := open(t, t.TempDir(), opts)
	r, err := j.Reader(0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	const entries = 20000
	go func() {
		for i := range entries {
			entry := fmt.Appendf(nil, "%d %s", i, strings.Repeat("y", i%900))
			for {
				room := j.Room()
				if _, err := j.Append(entry, 0); !errors.Is(err, ErrFull) {
					break
				}
				<-room
			}
		}
	}()
	for i := range entries {
		entry, next, err := r.Next()
		for err == io.EOF {
			<-r.Notify(next)
			entry, next, err = r.Next()
		}
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("%d %s", i, strings.Repeat("y", i%900)); string(entry) != want {
			t.Fatalf("entry %d is %.30q", i, entry)
		}
		if i%100 == 0 {
			if err := j.Release(next); err != nil {
				t.Fatal(err)
			}
		}
	}
	if r.Torn() != 0 {
		t.Errorf("%d torn", r.Torn())
	}
}

// What one writer had set aside was forgotten when another, for which a segment had to be made, had counted before: what is
// held in the end is less than the sum then.
func TestWhatIsHeldIsTheSumOfAllWriters(t *testing.T) {
	const writers, entries, reserve = 8, 400, 64
	j := open(t, t.TempDir(), Options{SegmentSize: 64 << 10, MaxBytes: 64 << 20})
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range entries {
				if _, err := j.Append(make([]byte, 4<<10), reserve); err != nil {
					t.Error(err)
				}
				if err := j.Reserve(reserve); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if s := j.Stats(); s.Held != 2*writers*entries*reserve {
		t.Errorf("%d bytes are held, want %d", s.Held, 2*writers*entries*reserve)
	}
}
