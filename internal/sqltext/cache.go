package sqltext

import (
	"fmt"
	"sync"
	"unsafe"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Limits of what is read and kept.
const (
	MaxParse = 1 << 20  // 1 MiB: a longer text is not parsed, whatever the configuration says
	maxKey   = 16 << 10 // 16 KiB: facts of a longer text are not kept
)

// key is a text as it is read.
type key struct {
	reading  Reading
	template bool   // text is a template
	text     string // the whole text, never a hash of it: a collision would be a wrong verdict
}

// Cache keeps the Facts of the texts seen last. A text of the plainest form (see template) is looked up without its
// literals, so that all executions of a statement with its values written into it share one Facts. Safe for
// concurrent use; a hit allocates nothing.
type Cache struct {
	maxParse int

	mu      sync.Mutex
	lru     *simplelru.LRU[key, *Facts]
	scratch []byte // a template while it is looked up
}

// NewCache makes a cache of so many entries (one at least), for texts up to maxParse bytes (0 or more than
// MaxParse: MaxParse).
func NewCache(entries, maxParse int) (*Cache, error) {
	if maxParse <= 0 || maxParse > MaxParse {
		maxParse = MaxParse
	}
	lru, err := simplelru.NewLRU[key, *Facts](entries, nil)
	if err != nil {
		return nil, fmt.Errorf("make cache of %d facts: %w", entries, err)
	}
	return &Cache{maxParse: maxParse, lru: lru, scratch: make([]byte, 0, maxKey)}, nil
}

// Read returns the Facts of a text as r says that the server reads it. text is not kept.
func (c *Cache) Read(r Reading, text []byte) *Facts {
	if len(text) > c.maxParse {
		return tooLong(text, c.maxParse)
	}
	if len(text) > maxKey {
		return Read(r, text)
	}
	k := key{reading: r}
	if f, ok := c.get(k, text); ok {
		return f
	}
	f, literal := read(r, text)
	return c.add(k, text, f, literal)
}

// get looks text up by its template or, where it has none, by itself.
func (c *Cache) get(k key, text []byte) (*Facts, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t, ok := templateOf(k.reading, c.scratch[:0], text); ok {
		k.template, k.text = true, unsafe.String(unsafe.SliceData(t), len(t)) // for the look-up only
		if f, ok := c.lru.Get(k); ok && f != nil {
			return f, true
		}
	}
	k.template, k.text = false, unsafe.String(unsafe.SliceData(text), len(text)) // for the look-up only
	return c.lru.Get(k)
}

// add keeps f and returns it, or what another caller kept meanwhile: one text, one address. literal says that f
// holds for these literals only.
func (c *Cache) add(k key, text []byte, f *Facts, literal bool) *Facts {
	c.mu.Lock()
	defer c.mu.Unlock()
	k.text = string(text)
	if !literal && f.Understood && f.Masked == nil {
		if t, ok := templateOf(k.reading, c.scratch[:0], text); ok {
			k.template, k.text = true, string(t)
		}
	}
	if old, ok := c.lru.Get(k); ok {
		return old
	}
	c.lru.Add(k, f)
	return f
}

// Len is how many Facts are kept.
func (c *Cache) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lru.Len()
}
