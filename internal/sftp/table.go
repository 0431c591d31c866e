package sftp

// slot is a request without an answer, or a refusal that waits for the answers before it.
type slot struct {
	id         uint32
	answer     answer // what the server may send
	kind       byte   // packet type of the request
	asked      bool   // a verdict let it pass
	token      uint64 // 0: nothing is told of it
	file       *file  // READ, WRITE, CLOSE and the like; OPEN: the file to be
	offset     uint64 // READ, WRITE
	length     uint32 // READ, WRITE
	own        []byte // our own answer; nil: the server's is awaited
	prev, next int32  // in the order of requests; -1: none
}

// answer is which packets may answer a request, beside a status.
type answer uint8

const (
	answerStatus answer = iota
	answerHandle
	answerData
	answerName
	answerAttrs
	answerExtended
)

var answerTypes = [...]byte{fxpStatus, fxpHandle, fxpData, fxpName, fxpAttrs, fxpExtendedReply}

// table holds requests in flight, by id and in their order. It grows to the number that there are at a time and allocates
// nothing from there on.
type table struct {
	slots       []slot
	free        []int32
	ids         map[uint32]int32
	first, last int32
}

func newTable() table { return table{ids: map[uint32]int32{}, first: -1, last: -1} }

// add puts s behind all others. Its id must not be there.
func (t *table) add(s slot) {
	var at int32
	if n := len(t.free); n > 0 {
		at, t.free = t.free[n-1], t.free[:n-1]
	} else {
		at = int32(len(t.slots))
		t.slots = append(t.slots, slot{})
	}
	s.prev, s.next = t.last, -1
	t.slots[at] = s
	if t.last >= 0 {
		t.slots[t.last].next = at
	} else {
		t.first = at
	}
	t.last = at
	t.ids[s.id] = at
}

// remove takes the slot at i out. What it pointed to goes with it.
func (t *table) remove(i int32) {
	s := &t.slots[i]
	if s.prev >= 0 {
		t.slots[s.prev].next = s.next
	} else {
		t.first = s.next
	}
	if s.next >= 0 {
		t.slots[s.next].prev = s.prev
	} else {
		t.last = s.prev
	}
	delete(t.ids, s.id)
	*s = slot{}
	t.free = append(t.free, i)
}

func (t *table) len() int { return len(t.ids) }

// head is the oldest that is there; nil: there is none.
func (t *table) head() *slot {
	if t.first < 0 {
		return nil
	}
	return &t.slots[t.first]
}
