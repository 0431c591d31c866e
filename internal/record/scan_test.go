package record

import (
	"slices"
	"testing"
)

func keys(s *WordSet) []uint64 {
	all := slices.DeleteFunc(slices.Clone(s.slots), func(h uint64) bool { return h == 0 })
	slices.Sort(all)
	return all
}

// checkScan holds AddPayload to DecodePayload and AddRecord.
func checkScan(t *testing.T, k Kind, payload []byte) {
	t.Helper()
	var decoded, scanned WordSet
	r := Record{Kind: k}
	want := DecodePayload(payload, &r)
	got := scanned.AddPayload(k, payload)
	if (want == nil) != (got == nil) {
		t.Fatalf("% x: read as a record: %v, scanned: %v", payload, want, got)
	}
	if decoded.AddRecord(&r); want == nil && !slices.Equal(keys(&decoded), keys(&scanned)) {
		t.Errorf("% x of a %v: the words differ from those of %+v", payload, k, r)
	}
}

func TestScanningFindsTheWordsOfTheRecord(t *testing.T) {
	r := full(t)
	for _, k := range []Kind{KindQuery, KindOpen, KindJoin, KindClose} {
		checkScan(t, k, r.AppendPayload(nil))
		checkScan(t, k, AppendErased(nil, Hash{1}))
		for _, other := range seedRecords() {
			checkScan(t, k, other.AppendPayload(nil))
		}
	}
}

func FuzzAddPayload(f *testing.F) {
	for _, r := range seedRecords() {
		f.Add(uint8(r.Kind), r.AppendPayload(nil))
	}
	f.Add(uint8(KindQuery), AppendErased(nil, Hash{1}))
	f.Fuzz(func(t *testing.T, k uint8, b []byte) { checkScan(t, Kind(k), b) })
}

func TestScanningDoesNotAllocate(t *testing.T) {
	r := full(t)
	b := r.AppendPayload(nil)
	var s WordSet
	s.AddPayload(KindOpen, b)
	if n := testing.AllocsPerRun(100, func() { s.AddPayload(KindOpen, b) }); n != 0 {
		t.Errorf("%v allocations a record", n)
	}
}

func BenchmarkAddPayload(b *testing.B) {
	r := typical()
	p := r.AppendPayload(nil)
	var s WordSet
	b.ReportAllocs()
	for b.Loop() {
		s.AddPayload(r.Kind, p)
	}
}
