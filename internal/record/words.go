package record

// MaxWord is how many bytes of a word count: longer ones are told apart by their first MaxWord bytes only, so that a
// value may be split inside a long word (a file in base64) and still be found.
const MaxWord = 64

// Words gives each word of text, folded: a run of ASCII letters, digits, '_' and bytes from 0x80 on, in lower case
// (ASCII only), its first MaxWord bytes. The slice is valid until the next. Search and filters use this one
// definition.
func Words(text []byte, yield func(word []byte)) {
	var word [MaxWord]byte
	n := 0
	for _, c := range text {
		f := fold[c]
		if f != 0 {
			if n < MaxWord {
				word[n] = f
				n++
			}
			continue
		}
		if n > 0 {
			yield(word[:n])
			n = 0
		}
	}
	if n > 0 {
		yield(word[:n])
	}
}

// InWord reports whether c is part of a word.
func InWord(c byte) bool { return fold[c] != 0 }

// fold maps a byte of a word to lower case, any other to 0.
var fold = func() (t [256]byte) {
	for c := range 256 {
		switch b := byte(c); {
		case 'A' <= b && b <= 'Z':
			t[c] = b | 0x20
		case 'a' <= b && b <= 'z', '0' <= b && b <= '9', b == '_', b >= 0x80:
			t[c] = b
		}
	}
	return t
}()

// FNV-1a, 64 bits, of a folded word; part of the format.
const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

func hashWord(word []byte) uint64 {
	h := uint64(fnvOffset)
	for _, c := range word {
		h = (h ^ uint64(c)) * fnvPrime
	}
	return h
}

// WordSet collects the distinct words of a block before its filter's size is known. The zero value is empty.
type WordSet struct {
	slots []uint64 // open addressing over hashes, 0 is free; a power of two long
	n     int
	any   bool   // content was added: there may be any word
	text  []byte // a binary parameter, as people read it
}

// Content is no text: a program's output may be a file of any kind. Random bytes have a word in every five, none of which
// anybody looks for: to gather them took half of all that recording a stream took, and a third of its room. A block with
// content in it is always read.
const (
	contentFrom = 4 << 10 // 4 KiB: what is shorter is taken for text
	contentLook = 1 << 10 // 1 KiB, in which content has a zero byte
)

func isContent[T string | []byte](text T) bool {
	if len(text) < contentFrom {
		return false
	}
	for i := range contentLook {
		if text[i] == 0 {
			return true
		}
	}
	return false
}

// Any reports whether there may be any word: content was added.
func (s *WordSet) Any() bool { return s.any }

// Reset empties s and keeps its room.
func (s *WordSet) Reset() {
	clear(s.slots)
	s.n, s.any = 0, false
}

// AddRecord adds the words of all that r says: its code and its payload, so that whatever a search may look into can be
// found by its words.
func (s *WordSet) AddRecord(r *Record) {
	for _, b := range [...][]byte{r.Code, r.Text, r.Name, r.Portal, r.Message} {
		addText(s, b)
	}
	for i := range r.Params {
		s.addParam(&r.Params[i])
	}
	addText(s, r.Rule)
	for _, list := range [...][]string{r.Actions, r.Tables, r.Columns, r.Programs, r.Paths} {
		for _, v := range list {
			addText(s, v)
		}
	}
	if r.Kind == KindOpen || r.Kind == KindJoin {
		s.addSession(r)
	}
}

func (s *WordSet) addSession(r *Record) {
	for _, v := range [...]string{r.User, r.Account, r.Target, r.Database, r.Protocol, r.Client, r.App, r.TLS, r.Gateway,
		r.Build, r.Config, r.Policy, r.Credential, r.Peer, r.Version} {
		addText(s, v)
	}
}

// AddText adds all words of text.
func (s *WordSet) AddText(text []byte) { addText(s, text) }

// addText is Words and hashWord in one pass.
func addText[T string | []byte](s *WordSet, text T) {
	if s.any || isContent(text) {
		s.any = true
		return
	}
	h, n := uint64(fnvOffset), 0
	for i := range len(text) {
		f := fold[text[i]]
		if f != 0 {
			if n < MaxWord {
				h = (h ^ uint64(f)) * fnvPrime
			}
			n++
			continue
		}
		if n > 0 {
			s.add(h)
			h, n = fnvOffset, 0
		}
	}
	if n > 0 {
		s.add(h)
	}
}

func (s *WordSet) add(h uint64) {
	if h == 0 {
		h = 1
	}
	if s.n*2 >= len(s.slots) {
		s.grow()
	}
	mask := uint64(len(s.slots) - 1)
	for i := mix(h) & mask; ; i = (i + 1) & mask {
		switch s.slots[i] {
		case h:
			return
		case 0:
			s.slots[i] = h
			s.n++
			return
		}
	}
}

func (s *WordSet) grow() {
	old := s.slots
	s.slots, s.n = make([]uint64, max(1<<10, 2*len(old))), 0
	for _, h := range old {
		if h != 0 {
			s.add(h)
		}
	}
}

// Filter returns a filter of the words in s.
func (s *WordSet) Filter() Filter {
	if s.any {
		return Filter{[]byte{0xff}, 1}
	}
	f := NewFilter(s.n)
	for _, h := range s.slots {
		if h != 0 {
			f.add(h)
		}
	}
	return f
}

// Filter is a Bloom filter of words: May never says no to a word that was added, and says yes to about 1 in 100 that
// were not. An empty filter holds nothing.
type Filter struct {
	Bits   []byte // bit i is Bits[i/8]>>(i%8)&1
	Hashes uint8  // bits set for each word, 1 to 16
}

const (
	bitsPerWord = 10      // with 7 bits set for each word: 0.8% false positives
	maxFilter   = 1 << 20 // 1 MiB, enough for 800 thousand words
	maxHashes   = 16
)

// NewFilter returns a filter with room for n words.
func NewFilter(n int) Filter {
	if n <= 0 {
		return Filter{}
	}
	return Filter{make([]byte, min((n*bitsPerWord+7)/8, maxFilter)), 7}
}

// Add adds a word, folded as Words does.
func (f *Filter) Add(word []byte) { f.add(wordKey(word)) }

// May reports whether a word, folded as Words does, may have been added.
func (f *Filter) May(word []byte) bool {
	if len(f.Bits) == 0 {
		return false
	}
	at, step := walk(wordKey(word))
	for range f.Hashes {
		if i := at % f.size(); f.Bits[i/8]>>(i%8)&1 == 0 {
			return false
		}
		at += step
	}
	return true
}

func (f *Filter) add(key uint64) {
	at, step := walk(key)
	for range f.Hashes {
		i := at % f.size()
		f.Bits[i/8] |= 1 << (i % 8)
		at += step
	}
}

func (f *Filter) size() uint64 { return uint64(len(f.Bits)) * 8 }

// walk is where a word's bits are: from a first place in odd steps, both from halves of its mixed hash.
func walk(key uint64) (at, step uint64) {
	h := mix(key)
	return h >> 32, h&0xffffffff | 1
}

func wordKey(word []byte) uint64 {
	h := hashWord(word[:min(len(word), MaxWord)])
	if h == 0 {
		return 1
	}
	return h
}

// mix is the finisher of MurmurHash3 (64 bits).
func mix(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
