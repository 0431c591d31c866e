package record

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"testing"
)

// The chain is a format: these values may never change.
func TestChainValuesArePinned(t *testing.T) {
	secret := [16]byte{1, 2, 3}
	salt := Salt(secret, 7)
	start := Start(ID{0xaa})
	commitment := Commit(salt, []byte("payload"))
	for name, c := range map[string]struct {
		got  []byte
		want string
	}{
		"start":  {start[:], "916f043a5aa680e73fac57fedefdb692970d09cbd9a710c4bc219e6073987943"},
		"salt":   {salt[:], "1486011381f094dd7e287a7dd96cf292"},
		"commit": {commitment[:], "79e4f7ddf3d9b5b7eb9e1d6c4b2cbed5f921f418ca2987e3934871f7b5d54a68"},
	} {
		if got := hex.EncodeToString(c.got); got != c.want {
			t.Errorf("%s is %s, want %s", name, got, c.want)
		}
	}
	link := Link(start, []byte("envelope"), commitment)
	if got, want := hex.EncodeToString(link[:]), "24cc43e5ddbe8bad9898b8458c4d8144236088128436c589b6a3375c476e8795"; got != want {
		t.Errorf("link is %s, want %s", got, want)
	}
	if Next(start, secret, 7, []byte("envelope"), []byte("payload")) != link {
		t.Error("Next is not Link of Commit of Salt")
	}
}

func TestSaltIsHMAC(t *testing.T) {
	secret := [16]byte{9, 8, 7}
	m := hmac.New(sha256.New, secret[:])
	m.Write([]byte(saltName))
	m.Write(binary.BigEndian.AppendUint64(nil, 1<<40))
	if got := Salt(secret, 1<<40); !bytes.Equal(got[:], m.Sum(nil)[:16]) {
		t.Errorf("% x", got)
	}
}

// What is short is hashed in one piece on the stack, what is long is not: the values must agree at the seam.
func TestHashIsOneFunctionAtAllLengths(t *testing.T) {
	salt := Salt([16]byte{}, 0)
	for n := hashRoom - 64; n < hashRoom+64; n++ {
		payload := bytes.Repeat([]byte{byte(n)}, n)
		want := sha256.Sum256(append(append([]byte(commitName), salt[:]...), payload...))
		if Commit(salt, payload) != want {
			t.Fatalf("a payload of %d bytes", n)
		}
	}
}

func TestEachPartOfALinkCounts(t *testing.T) {
	base := Next(Hash{}, [16]byte{}, 0, []byte("e"), []byte("p"))
	for name, h := range map[string]Hash{
		"before":   Next(Hash{1}, [16]byte{}, 0, []byte("e"), []byte("p")),
		"secret":   Next(Hash{}, [16]byte{1}, 0, []byte("e"), []byte("p")),
		"seq":      Next(Hash{}, [16]byte{}, 1, []byte("e"), []byte("p")),
		"envelope": Next(Hash{}, [16]byte{}, 0, []byte("f"), []byte("p")),
		"payload":  Next(Hash{}, [16]byte{}, 0, []byte("e"), []byte("q")),
	} {
		if h == base {
			t.Errorf("%s doesn't change the value", name)
		}
	}
}

func TestChainDoesNotAllocate(t *testing.T) {
	r := typical()
	env, payload := r.AppendEnvelope(nil), r.AppendPayload(nil)
	var h Hash
	if n := testing.AllocsPerRun(100, func() { h = Next(h, [16]byte{}, 1, env, payload) }); n != 0 {
		t.Errorf("%v allocations a record", n)
	}
}

func BenchmarkNext(b *testing.B) {
	r := typical()
	env, payload := r.AppendEnvelope(nil), r.AppendPayload(nil)
	var h Hash
	b.ReportAllocs()
	for b.Loop() {
		h = Next(h, [16]byte{}, 1, env, payload)
	}
}
