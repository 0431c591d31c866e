package record

import (
	"crypto/sha256"
	"errors"
	"math/rand/v2"
	"testing"
)

var sampleSecret = NewSecret([16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})

// salt derives a salt as FORMAT.md tells it, apart from the code.
func salt(root []byte, seq uint64) [16]byte {
	for bit := 39; bit >= 0; bit-- {
		sum := sha256.Sum256(append(append([]byte("gatefold payload seed 1\x00"), root...), byte(seq>>bit&1)))
		root = sum[:16]
	}
	return [16]byte(root)
}

func TestSaltsAreTheLeavesOfTheTree(t *testing.T) {
	inOrder, atRandom := sampleSecret.Salts(), sampleSecret.Salts()
	r := rand.New(rand.NewPCG(1, 2))
	for i := range uint64(1000) {
		if got, ok := inOrder.Salt(i); !ok || got != salt([]byte(sampleSecret), i) {
			t.Fatalf("salt %d is %x", i, got)
		}
		seq := r.Uint64() >> (24 + r.IntN(40))
		if got, ok := atRandom.Salt(seq); !ok || got != salt([]byte(sampleSecret), seq) {
			t.Fatalf("salt %d, out of order, is %x", seq, got)
		}
	}
	for _, seq := range []uint64{0, 1, MaxSeq - 1, MaxSeq} {
		if got, ok := atRandom.Salt(seq); !ok || got != salt([]byte(sampleSecret), seq) {
			t.Errorf("salt %d is %x", seq, got)
		}
	}
	if _, ok := atRandom.Salt(MaxSeq + 1); ok {
		t.Error("there is a salt beyond the last")
	}
}

// What is left of a secret tells every other salt, and nothing on the way to the erased ones is in it.
func TestAnErasedSaltCantBeDerivedFromWhatIsLeft(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	left, gone := sampleSecret, map[uint64]bool{}
	for _, seq := range []uint64{5, 4, 7, 0, MaxSeq, 1 << 20, 5, r.Uint64() & MaxSeq, r.Uint64() & MaxSeq} {
		var err error
		if left, err = left.Puncture(seq); err != nil {
			t.Fatal(err)
		}
		gone[seq] = true
		if _, err := ParseSecret([]byte(left)); err != nil || !left.Punctured() {
			t.Fatalf("what is left is no secret: %v", err)
		}
		salts := left.Salts()
		for other := range uint64(40) {
			want := salt([]byte(sampleSecret), other)
			if got, ok := salts.Salt(other); ok == gone[other] || ok && got != want {
				t.Errorf("without %v, salt %d is %x, %v", gone, other, got, ok)
			}
		}
		for erased := range gone {
			if n, ok := left.above(erased); ok {
				t.Errorf("the seed of depth %d is above erased salt %d", n.depth, erased)
			}
			for rest := left; len(rest) > 0; rest = rest[seedSize:] {
				n := rest.first()
				if n.seed == seed(salt([]byte(sampleSecret), erased)) || n.holds(erased) {
					t.Errorf("a seed of depth %d tells of erased salt %d", n.depth, erased)
				}
			}
		}
	}
}

// Each seed that is kept is the one that the tree has at its place, so that a later erasing starts from the truth.
func TestAllOfASmallSessionCanBeErased(t *testing.T) {
	left := sampleSecret
	for seq := range uint64(300) {
		var err error
		if left, err = left.Puncture(seq); err != nil {
			t.Fatal(err)
		}
	}
	if got, ok := left.Salts().Salt(300); !ok || got != salt([]byte(sampleSecret), 300) {
		t.Errorf("salt 300 is %x, %v", got, ok)
	}
	if len(left) > seedDepth*seedSize {
		t.Errorf("%d bytes are left of it: neighbours erased together take no more than one", len(left))
	}
}

func TestASecretIsBounded(t *testing.T) {
	left, err := sampleSecret, error(nil)
	erased := 0
	for ; err == nil; erased++ {
		left, err = left.Puncture(uint64(erased) << 10)
	}
	if !errors.Is(err, ErrErased) || erased < 200 {
		t.Errorf("after %d: %v", erased, err)
	}
	if _, err := ParseSecret([]byte(left)); err != nil {
		t.Error(err)
	}
}

func TestParseSecretRefusesWhatIsNotCanonical(t *testing.T) {
	good, err := sampleSecret.Puncture(77)
	if err != nil {
		t.Fatal(err)
	}
	change := func(at int, b byte) []byte {
		c := []byte(good)
		c[at] = b
		return c
	}
	for name, b := range map[string][]byte{
		"nothing":            nil,
		"15 bytes":           make([]byte, 15),
		"17 bytes":           make([]byte, 17),
		"cut short":          []byte(good[:len(good)-1]),
		"depth 0":            change(0, 0),
		"depth 41":           change(0, 41),
		"a prefix too long":  change(5, 1),
		"out of order":       []byte(good[seedSize:] + good[:seedSize]),
		"twice":              []byte(good[:seedSize] + good),
		"longer than any is": make([]byte, (MaxSecret/seedSize+1)*seedSize),
	} {
		if _, err := ParseSecret(b); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func FuzzParseSecret(f *testing.F) {
	f.Add([]byte(sampleSecret), uint64(5))
	once, _ := sampleSecret.Puncture(5)
	twice, _ := once.Puncture(1 << 30)
	f.Add([]byte(once), uint64(0))
	f.Add([]byte(twice), uint64(1<<30+1))
	f.Fuzz(func(t *testing.T, b []byte, seq uint64) {
		s, err := ParseSecret(b)
		if err != nil {
			return
		}
		left, err := s.Puncture(seq)
		if err != nil {
			return
		}
		if err := left.check(); err != nil {
			t.Errorf("what is left is no secret: %v", err)
		}
		if _, ok := left.Salts().Salt(seq); ok {
			t.Errorf("salt %d is still there", seq)
		}
		was, ok := s.Salts().Salt(seq ^ 1)
		is, still := left.Salts().Salt(seq ^ 1)
		if was != is || ok != still {
			t.Errorf("the salt beside it changed")
		}
	})
}

func BenchmarkSaltsInOrder(b *testing.B) {
	salts, seq := sampleSecret.Salts(), uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		salts.Salt(seq)
		seq++
	}
}
