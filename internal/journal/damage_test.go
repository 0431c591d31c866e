package journal

import (
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// logged are options under which a journal's log can be read.
func logged() (Options, *strings.Builder) {
	var log strings.Builder
	opts := small()
	opts.Log = slog.New(slog.NewTextHandler(&log, nil))
	return opts, &log
}

// mount puts a small file system on dir, or skips the test.
func mount(t *testing.T, dir string, flags uintptr, data string) (unmount func()) {
	t.Helper()
	if err := unix.Mount("tmpfs", dir, "tmpfs", flags, data); err != nil {
		t.Skipf("SKIPPED: a small disk needs the right to mount one: %v", err)
	}
	gone := false
	unmount = func() {
		if !gone {
			gone = true
			unix.Unmount(dir, unix.MNT_DETACH)
		}
	}
	t.Cleanup(unmount)
	return unmount
}

func TestANewerSegmentIsRefused(t *testing.T) {
	dir := t.TempDir()
	written(t, dir, 2)
	damage(t, segmentPath(dir, 1), 7, []byte{version + 1})
	_, err := Open(dir, small())
	if err == nil || !strings.Contains(err.Error(), "format version 2") || !strings.Contains(err.Error(), segmentPath(dir, 1)) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(segmentPath(dir, 1)); err != nil {
		t.Error("what a newer gatefold wrote was moved away")
	}
}

// A segment that can't be read at all is put aside, named with the place of its damage, and the others are read.
func TestADamagedSegmentIsPutAside(t *testing.T) {
	for name, c := range map[string]struct {
		hurt func(t *testing.T, path string)
		want string
	}{
		"foreign":   {func(t *testing.T, path string) { damage(t, path, 0, []byte("X")) }, "at=0 why=\"it does not begin"},
		"seed":      {func(t *testing.T, path string) { damage(t, path, 24, []byte("seed")) }, "at=32 why=\"its header does not match"},
		"number":    {func(t *testing.T, path string) { damage(t, path, 8, binary.LittleEndian.AppendUint32(nil, 7)) }, "checksum"},
		"truncated": {func(t *testing.T, path string) { truncate(t, path, 40) }, "shorter than its header"},
		"cut short": {func(t *testing.T, path string) { truncate(t, path, 400) }, "at=400 why=\"it was cut short"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			j := open(t, dir, small())
			appendTo(t, j, "one")
			for j.Tail().segment() < 3 {
				appendTo(t, j, strings.Repeat("x", 30<<10))
			}
			last := appendTo(t, j, "three")
			j.Close()
			c.hurt(t, segmentPath(dir, 2))
			opts, log := logged()
			j = open(t, dir, opts)
			entries, _ := all(t, j, 0)
			if len(entries) < 2 || entries[0] != "one" || entries[len(entries)-1] != "three" {
				t.Errorf("of the rest, %d entries can be read", len(entries))
			}
			if !strings.Contains(log.String(), c.want) || !strings.Contains(log.String(), segmentPath(dir, 2)) {
				t.Errorf("the log says:\n%s", log)
			}
			if _, err := os.Stat(segmentPath(dir, 2) + asideSuffix); err != nil || j.Stats().Aside != 1 {
				t.Errorf("%v, %+v", err, j.Stats())
			}
			if p := appendTo(t, j, "four"); p <= last {
				t.Errorf("position %v was given out again", p)
			}
		})
	}
}

func truncate(t *testing.T, path string, size int64) {
	t.Helper()
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

// The number of the last segment, when that is put aside, isn't used a second time: it had entries.
func TestTheNumberOfADamagedSegmentIsUsed(t *testing.T) {
	dir := t.TempDir()
	written(t, dir, 2)
	damage(t, segmentPath(dir, 1), 0, []byte("X"))
	j := open(t, dir, small())
	if p := appendTo(t, j, "new"); p.segment() < 2 {
		t.Errorf("%v was given out again", p)
	}
}

func TestARenamedSegmentIsFound(t *testing.T) {
	dir := t.TempDir()
	written(t, dir, 2)
	if err := os.Rename(segmentPath(dir, 1), segmentPath(dir, 2)); err != nil {
		t.Fatal(err)
	}
	opts, log := logged()
	open(t, dir, opts)
	if !strings.Contains(log.String(), "number 1") || !strings.Contains(log.String(), segmentPath(dir, 2)) {
		t.Errorf("the log says:\n%s", log)
	}
}

func TestAForeignFileIsNamedAndLeft(t *testing.T) {
	dir := t.TempDir()
	opts, log := logged()
	opts.Beside = []string{"cut"}
	for _, name := range []string{"notes.txt", "cut"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	j := open(t, dir, opts)
	appendTo(t, j, "x")
	if !strings.Contains(log.String(), filepath.Join(dir, "notes.txt")) || strings.Contains(log.String(), "cut") {
		t.Errorf("the log says:\n%s", log)
	}
	if _, err := os.Stat(filepath.Join(dir, "notes.txt")); err != nil {
		t.Error(err)
	}
}

// A copy that lost its end is read as far as it goes, which is said, and never written to.
func TestASegmentCutShortIsReadAndLeftAlone(t *testing.T) {
	dir := t.TempDir()
	offsets := written(t, dir, 400)
	truncate(t, segmentPath(dir, 1), 2*pageSize)
	opts, log := logged()
	j := open(t, dir, opts)
	pos := appendTo(t, j, "new")
	if pos.segment() != 2 {
		t.Errorf("%v was written to", pos)
	}
	entries, _ := all(t, j, 0)
	whole := 0
	for whole < len(offsets)-1 && offsets[whole+1] <= 2*pageSize {
		whole++
	}
	if len(entries) != whole+1 || entries[whole] != "new" {
		t.Errorf("%d entries, want %d", len(entries), whole+1)
	}
	if j.Stats().Short != 1 || !strings.Contains(log.String(), segmentPath(dir, 1)) || !strings.Contains(log.String(), "from=8192") {
		t.Errorf("the log says:\n%s", log)
	}
}

// The file under the mapping is cut short while in use: SIGBUS must end the journal, not the process.
func TestAFailingDiskIsAnError(t *testing.T) {
	dir := t.TempDir()
	opts := small()
	opts.Log = slog.New(slog.DiscardHandler)
	j := open(t, dir, opts)
	appendTo(t, j, "before")
	r, err := j.Reader(0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	truncate(t, segmentPath(dir, 1), 0)
	_, err = j.Append([]byte("x"), 0)
	if err == nil || !strings.Contains(err.Error(), segmentPath(dir, 1)) {
		t.Fatalf("appended to a file that is gone: %v", err)
	}
	if _, again := j.Append([]byte("x"), 0); again != err {
		t.Errorf("the error isn't kept: %v", again)
	}
	if j.Stats().Err == nil {
		t.Error("it isn't told")
	}
	if _, _, err := r.Next(); err == nil || err == io.EOF {
		t.Errorf("read from a file that is gone: %v", err)
	}
}

// On a disk that is full, the room under the mapping is taken away (a hole is punched, as a copy or a thin volume may have
// one): the write that meets it is SIGBUS. It must end the journal and not the process, and what was written before is
// there.
func TestAHoleOnAFullDiskIsAnError(t *testing.T) {
	dir := t.TempDir()
	mount(t, dir, 0, "size=1m")
	opts := small()
	opts.Sync = true // no page is touched before it is written to
	j := open(t, filepath.Join(dir, "journal"), opts)
	t.Cleanup(func() { j.Close() }) // before the unmount
	appendTo(t, j, "before")
	const hole = 4 * pageSize
	punch := uint32(unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE)
	if err := unix.Fallocate(int(j.cur.file.Fd()), punch, hole, j.cur.size-hole); err != nil {
		t.Fatal(err)
	}
	ballast, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer ballast.Close()
	for err == nil {
		_, err = ballast.Write(make([]byte, pageSize))
	}
	taken := 1
	for err = nil; err == nil; taken++ {
		if taken > 100 {
			t.Fatal("a hole on a full disk can be written to")
		}
		_, err = j.Append(make([]byte, 1000), 0)
	}
	if errors.Is(err, ErrFull) || !strings.Contains(err.Error(), segmentPath(filepath.Join(dir, "journal"), 1)) {
		t.Errorf("%v", err)
	}
	if err := j.Sync(j.Tail()); err == nil {
		t.Error("Sync says nothing of a journal that is broken")
	}
	if n := frames(j.cur); n != taken-1 {
		t.Errorf("%d entries can be read, %d were taken", n, taken-1)
	}
}

// frames counts the whole frames of a segment in use.
func frames(s *segment) (n int) {
	limit := s.limit.Load()
	for off := int64(headerSize); off < limit; n++ {
		off += frameSize(len(s.get(off, limit)))
	}
	return n
}

// The folder becomes read-only under a journal at work: what is allocated is used up, then it is full, and says why; it
// goes on when the folder can be written to again.
func TestAReadOnlyFolderIsAFullJournal(t *testing.T) {
	dir := t.TempDir()
	opts := small()
	opts.MaxBytes = 64 << 20
	j := open(t, dir, opts)
	appendTo(t, j, "before")
	unmount := mount(t, dir, unix.MS_RDONLY, "")
	fill(t, j, 3000, 0)
	if _, err := j.Append(make([]byte, 3000), 0); !errors.Is(err, ErrFull) || !errors.Is(err, unix.EROFS) {
		t.Errorf("%v", err)
	}
	room := j.Room()
	unmount()
	<-room
	appendTo(t, j, strings.Repeat("x", 3000))
}

// fdatasync fails: nobody knows what reached the disk, so the journal takes nothing any more.
func TestASyncThatFailsBreaksTheJournal(t *testing.T) {
	opts := small()
	opts.Sync = true
	j := open(t, t.TempDir(), opts)
	pos := appendTo(t, j, "x")
	j.cur.file.Close() // the fault below: EBADF stands for EIO
	if err := j.Sync(pos); err == nil || !strings.Contains(err.Error(), j.cur.path) {
		t.Errorf("sync: %v", err)
	}
	if _, err := j.Append([]byte("y"), 0); err == nil || errors.Is(err, ErrFull) {
		t.Errorf("append: %v", err)
	}
	if err := j.Sync(0); err == nil {
		t.Error("Sync of what was there before says nothing")
	}
}

// What can't be opened for writing says so at once.
func TestOpeningOnAReadOnlyDiskSaysWhy(t *testing.T) {
	dir := t.TempDir()
	mount(t, dir, unix.MS_RDONLY, "")
	if _, err := Open(filepath.Join(dir, "journal"), small()); !errors.Is(err, unix.EROFS) || !strings.Contains(err.Error(), dir) {
		t.Errorf("%v", err)
	}
}
