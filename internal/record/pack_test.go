package record

import (
	"bytes"
	"math/rand/v2"
	"os/exec"
	"testing"
)

// noise is what no compression makes smaller.
func noise(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

func TestPackStoresNoiseAsItIsAndCompressesTheRest(t *testing.T) {
	text := bytes.Repeat([]byte("GET /orders/4711 200 "), 20_000)
	for name, c := range map[string]struct {
		raw    []byte
		stored bool
	}{
		"noise":                     {noise(300_000), true},
		"noise of whole blocks":     {noise(256 << 10), true},
		"text":                      {text, false},
		"noise with text behind it": {append(noise(200_000), text...), false},
	} {
		packed := Pack(nil, c.raw)
		if stored := bytes.Contains(packed, c.raw[:1000]) && len(packed) > len(c.raw); stored != c.stored {
			t.Errorf("%s: %d bytes were packed as %d", name, len(c.raw), len(packed))
		}
		b := Block{Raw: len(c.raw), Data: packed}
		if raw, err := b.Unpack(nil); err != nil || !bytes.Equal(raw, c.raw) {
			t.Errorf("%s came back as %d bytes, %v", name, len(raw), err)
		}
	}
}

// Others must be able to read a block.
func TestAnyZstdReadsWhatIsStored(t *testing.T) {
	if _, err := exec.LookPath("zstd"); err != nil {
		t.Skip("no zstd on this machine")
	}
	raw := noise(300_000)
	cmd := exec.Command("zstd", "-dc")
	cmd.Stdin = bytes.NewReader(Pack(nil, raw))
	if out, err := cmd.Output(); err != nil || !bytes.Equal(out, raw) {
		t.Errorf("%d bytes came back as %d, %v", len(raw), len(out), err)
	}
}
