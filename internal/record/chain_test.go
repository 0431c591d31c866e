package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// The chain is a format: these values may never change.
func TestChainValuesArePinned(t *testing.T) {
	salts := NewSecret([16]byte{1, 2, 3}).Salts()
	salt, _ := salts.Salt(7)
	start := Start(ID{0xaa})
	commitment := Commit(salt, []byte("payload"))
	for name, c := range map[string]struct {
		got  []byte
		want string
	}{
		"start":  {start[:], "916f043a5aa680e73fac57fedefdb692970d09cbd9a710c4bc219e6073987943"},
		"salt":   {salt[:], "60a7b350360d5818c5db6e2916843bc0"},
		"commit": {commitment[:], "f43d6b1f00fedcaa287a11b948d11f0fcdef3dd074fc194c1840cb5d732c6579"},
	} {
		if got := hex.EncodeToString(c.got); got != c.want {
			t.Errorf("%s is %s, want %s", name, got, c.want)
		}
	}
	link := Link(start, []byte("envelope"), commitment)
	if got, want := hex.EncodeToString(link[:]), "961e7fb0b14923f49e2352aa93dd3f3fe69b453e412d457ae2381e62be5574c6"; got != want {
		t.Errorf("link is %s, want %s", got, want)
	}
	if Next(start, salts, 7, []byte("envelope"), []byte("payload")) != link {
		t.Error("Next is not Link of Commit of the salt")
	}
}

// An erased payload is replaced by its commitment, and the chain stays as it was.
func TestTheChainGoesOnOverAnErasedPayload(t *testing.T) {
	whole := NewSecret([16]byte{1, 2, 3})
	salt, _ := whole.Salts().Salt(7)
	erased := AppendErased(nil, Commit(salt, []byte("payload")))
	left, err := whole.Puncture(7)
	if err != nil {
		t.Fatal(err)
	}
	want := Next(Hash{1}, whole.Salts(), 7, []byte("envelope"), []byte("payload"))
	if Next(Hash{1}, left.Salts(), 7, []byte("envelope"), erased) != want {
		t.Error("the chain goes on otherwise")
	}
	if Next(Hash{1}, left.Salts(), 7, []byte("envelope"), []byte("payload")) == want {
		t.Error("the payload can still be proved")
	}
}

// What is short is hashed in one piece on the stack, what is long is not: the values must agree at the seam.
func TestHashIsOneFunctionAtAllLengths(t *testing.T) {
	salt, _ := NewSecret([16]byte{}).Salts().Salt(0)
	for n := hashRoom - 64; n < hashRoom+64; n++ {
		payload := bytes.Repeat([]byte{byte(n)}, n)
		want := sha256.Sum256(append(append([]byte(commitName), salt[:]...), payload...))
		if Commit(salt, payload) != want {
			t.Fatalf("a payload of %d bytes", n)
		}
	}
}

func TestEachPartOfALinkCounts(t *testing.T) {
	with := func(root byte) *Salter { return NewSecret([16]byte{root}).Salts() }
	base := Next(Hash{}, with(0), 0, []byte("e"), []byte("p"))
	for name, h := range map[string]Hash{
		"before":   Next(Hash{1}, with(0), 0, []byte("e"), []byte("p")),
		"secret":   Next(Hash{}, with(1), 0, []byte("e"), []byte("p")),
		"seq":      Next(Hash{}, with(0), 1, []byte("e"), []byte("p")),
		"envelope": Next(Hash{}, with(0), 0, []byte("f"), []byte("p")),
		"payload":  Next(Hash{}, with(0), 0, []byte("e"), []byte("q")),
	} {
		if h == base {
			t.Errorf("%s doesn't change the value", name)
		}
	}
}

func TestChainDoesNotAllocate(t *testing.T) {
	r := typical()
	env, payload := r.AppendEnvelope(nil), r.AppendPayload(nil)
	salts, seq := NewSecret([16]byte{}).Salts(), uint64(0)
	var h Hash
	if n := testing.AllocsPerRun(100, func() { h, seq = Next(h, salts, seq, env, payload), seq+1 }); n != 0 {
		t.Errorf("%v allocations a record", n)
	}
}

func BenchmarkNext(b *testing.B) {
	r := typical()
	env, payload := r.AppendEnvelope(nil), r.AppendPayload(nil)
	salts, seq := NewSecret([16]byte{}).Salts(), uint64(0)
	var h Hash
	b.ReportAllocs()
	for b.Loop() {
		h, seq = Next(h, salts, seq, env, payload), seq+1
	}
}
