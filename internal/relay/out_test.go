package relay

import "testing"

// Adjacent bytes are one piece, others aren't, and the order is that of the calls.
func TestBatchJoins(t *testing.T) {
	p := []byte("abcdefgh")
	var b Batch
	b.Forward(p[0:2])
	b.Forward(p[2:4])
	b.Forward(nil)
	b.Append([]byte("XY"))
	b.AppendString("Z")
	b.Forward(p[6:8])
	if n := len(b.Pieces()); n != 3 {
		t.Errorf("%d pieces: %q", n, b.Pieces())
	}
	if got := string(b.Bytes(nil)); got != "abcdXYZgh" || b.Len() != len(got) {
		t.Errorf("%q of length %d", got, b.Len())
	}
	b.reset()
	if b.Len() != 0 || len(b.Pieces()) != 0 || len(b.Bytes(nil)) != 0 {
		t.Error("reset leaves something")
	}
}

// A piece with an end of its own is never run past it.
func TestBatchKeepsBounds(t *testing.T) {
	p := []byte("abcd")
	var b Batch
	b.Forward(p[0:2:2])
	b.Forward(p[2:4])
	if n := len(b.Pieces()); n != 2 {
		t.Errorf("%d pieces: %q", n, b.Pieces())
	}
}

// A reused batch allocates nothing.
func TestBatchAllocations(t *testing.T) {
	p := []byte("abcdefgh")
	var b Batch
	room := make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() {
		b.reset()
		b.Forward(p[0:2])
		b.Append(p[:4])
		b.Forward(p[4:8])
		room = b.Bytes(room)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
