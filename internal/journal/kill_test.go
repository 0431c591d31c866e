package journal

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// child is the test's own binary started again: 8 writers append entries and say on stdout which were acknowledged, until
// they are killed.
func child(dir string) {
	opts := small()
	opts.MaxBytes = 256 << 20
	j, err := Open(dir, opts)
	if err != nil {
		fmt.Println("open:", err)
		os.Exit(1)
	}
	run := os.Getpid()
	var out sync.Mutex
	for w := range 8 {
		go func() {
			for i := 0; ; i++ {
				entry := fmt.Appendf(nil, "%d.%d.%d %s", run, w, i, strings.Repeat("x", rand.IntN(700)))
				if _, err := j.Append(entry, 0); err != nil {
					fmt.Println("append:", err)
					os.Exit(1)
				}
				out.Lock()
				fmt.Printf("ok %d.%d.%d\n", run, w, i)
				out.Unlock()
			}
		}()
	}
	io.Copy(io.Discard, os.Stdin) // the parent's end closes with it: no child stays behind
	os.Exit(1)
}

// An entry that was acknowledged is there after a SIGKILL at any moment, in order, and the journal goes on.
func TestNothingAcknowledgedIsLostToSIGKILL(t *testing.T) {
	dir := t.TempDir()
	acked := map[string]bool{}
	for range 20 {
		killOne(t, dir, acked)
	}
	opts := small()
	opts.MaxBytes = 256 << 20
	j := open(t, dir, opts)
	entries, _ := all(t, j, 0)
	last := map[string]int{}
	for _, e := range entries {
		name, _, _ := strings.Cut(e, " ")
		delete(acked, name)
		var run, w, i int
		if _, err := fmt.Sscanf(name, "%d.%d.%d", &run, &w, &i); err != nil {
			t.Fatalf("entry %q: %v", name, err)
		}
		writer := fmt.Sprintf("%d.%d", run, w)
		if want, known := last[writer]; known && i != want+1 || !known && i != 0 {
			t.Fatalf("%s follows %d", name, want)
		}
		last[writer] = i
	}
	if len(acked) > 0 {
		t.Errorf("%d acknowledged entries are lost, such as %v", len(acked), acked)
	}
	if len(entries) < 1000 {
		t.Errorf("only %d entries: the test tests nothing", len(entries))
	}
}

// killOne runs a child, kills it after a random number of acknowledgements, and notes those.
func killOne(t *testing.T, dir string, acked map[string]bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "JOURNAL_CHILD="+dir)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, n, enough := bufio.NewScanner(stdout), 0, 1+rand.IntN(2000)
	for lines.Scan() {
		name, ok := strings.CutPrefix(lines.Text(), "ok ")
		if !ok {
			t.Errorf("the child says %q", lines.Text())
			break
		}
		acked[name] = true
		if n++; n == enough {
			time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond) // any moment, not only that of a line
			cmd.Process.Kill()
		}
	}
	cmd.Process.Kill()
	cmd.Wait()
}

// damage writes b at an offset of a segment's file, behind the journal's back.
func damage(t *testing.T, path string, off int64, b []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(b, off); err != nil {
		t.Fatal(err)
	}
}

// written makes a closed journal of entries "entry 0".. and returns where each frame begins.
func written(t *testing.T, dir string, n int) (offsets []int64) {
	t.Helper()
	j := open(t, dir, small())
	for i := range n {
		offsets = append(offsets, j.off)
		appendTo(t, j, fmt.Sprintf("entry %d of some length", i))
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return offsets
}

func TestATornTailIsCutAndWrittenOver(t *testing.T) {
	for name, tear := range map[string]func(t *testing.T, path string, off int64){
		"half an entry": func(t *testing.T, path string, off int64) { damage(t, path, off+frameHeader+8, make([]byte, 32)) },
		"no sum":        func(t *testing.T, path string, off int64) { damage(t, path, off+8, make([]byte, 4)) },
		"length only":   func(t *testing.T, path string, off int64) { damage(t, path, off+8, make([]byte, 40)) },
		"bad length":    func(t *testing.T, path string, off int64) { damage(t, path, off, []byte{0xff, 0xff, 0xff, 0x7f}) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			offsets := written(t, dir, 3)
			tear(t, segmentPath(dir, 1), offsets[2])
			j := open(t, dir, small())
			if s := j.Stats(); s.Torn != 1 || s.Tail != at(1, offsets[2]) {
				t.Errorf("%d torn frames, tail %v", s.Torn, s.Tail)
			}
			appendTo(t, j, "after") // shorter than what was torn: nothing of that may show
			j.Close()
			j = open(t, dir, small())
			entries, r := all(t, j, 0)
			equal(t, entries, []string{"entry 0 of some length", "entry 1 of some length", "after"})
			if r.Torn() != 0 || j.Stats().Torn != 0 {
				t.Error("what was cut is still there")
			}
		})
	}
}

func TestATornFrameInTheMiddleIsSkippedAndCounted(t *testing.T) {
	for name, hurt := range map[string][]byte{
		"entry":            append(make([]byte, 8+4), "nonsense"...)[12:],
		"length and check": make([]byte, 8),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			offsets := written(t, dir, 5)
			off := offsets[2]
			if name == "entry" {
				off += frameHeader
			}
			damage(t, segmentPath(dir, 1), off, hurt)
			j := open(t, dir, small())
			entries, r := all(t, j, 0)
			equal(t, entries, []string{"entry 0 of some length", "entry 1 of some length", "entry 3 of some length", "entry 4 of some length"})
			if r.Torn() != 1 {
				t.Errorf("%d torn", r.Torn())
			}
			if got := j.Tail(); got != at(1, offsets[4]+(offsets[4]-offsets[3])) {
				t.Errorf("the tail is %v: what was behind the hole is cut", got)
			}
		})
	}
}

// Content that looks like frames must never be taken for some, whatever is torn around it.
func TestAnEntryCannotForgeFrames(t *testing.T) {
	dir := t.TempDir()
	written(t, dir, 2)
	seg, err := os.ReadFile(segmentPath(dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	j := open(t, dir, small())
	off := j.off
	forged := append([]byte("\x00\x00\x00\x00"), seg[headerSize:headerSize+400]...) // whole frames, 8-aligned in the entry
	appendTo(t, j, string(forged))
	appendTo(t, j, "the end")
	j.Close()
	damage(t, segmentPath(dir, 1), off, make([]byte, 8)) // its length is gone: every place is tried
	j = open(t, dir, small())
	entries, _ := all(t, j, 0)
	equal(t, entries, []string{"entry 0 of some length", "entry 1 of some length", "the end"})
}
