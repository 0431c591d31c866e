package sftp

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// transfer is a file of which one piece after the other passes, as OpenSSH's sftp moves it: requests and answers of 32 KiB.
type transfer struct {
	m             *SFTP
	request, data []byte
	out           Out
	offset        uint64
}

func newTransfer(t testing.TB, upload bool) *transfer {
	k := newTalk(t, 1<<20, Limits{})
	x := &transfer{m: k.m.(*SFTP)}
	body := string(bytes.Repeat([]byte("x"), 32<<10))
	if upload {
		k.c(fxpOpen, 1, "/data", openWrite, noAttrs).s(fxpHandle, 1, "0001")
		x.request, x.data = packet(fxpWrite, 7, "0001", offset0, body), statusIs(7, fxOK, "Success")
	} else {
		k.c(fxpOpen, 1, "/data", openRead, noAttrs).s(fxpHandle, 1, "0001")
		x.request, x.data = packet(fxpRead, 7, "0001", offset0, len(body)), packet(fxpData, 7, body)
	}
	return x
}

// piece moves one.
func (x *transfer) piece(t testing.TB) {
	binary.BigEndian.PutUint64(x.request[headSize+idSize+8:], x.offset)
	x.offset += 32 << 10
	if n, err := x.m.Client(x.request, &x.out); n != len(x.request) || err != nil {
		t.Fatal(n, err)
	}
	x.out.Reset()
	if n, err := x.m.Server(x.data, &x.out); n != len(x.data) || err != nil {
		t.Fatal(n, err)
	}
	x.out.Reset()
}

// A transfer allocates nothing for a piece and copies none of its bytes.
func TestNoAllocations(t *testing.T) {
	for _, upload := range []bool{false, true} {
		x := newTransfer(t, upload)
		x.piece(t)
		if n := testing.AllocsPerRun(100, func() { x.piece(t) }); n != 0 {
			t.Errorf("upload %t: %v allocations for a piece", upload, n)
		}
		for _, f := range x.m.handles {
			if f.read.noHash+f.written.noHash != "" || f.read.next+f.written.next != x.offset {
				t.Errorf("%+v", f)
			}
		}
	}
}

func BenchmarkDownload(b *testing.B) { benchmark(b, false) }
func BenchmarkUpload(b *testing.B)   { benchmark(b, true) }

func benchmark(b *testing.B, upload bool) {
	x := newTransfer(b, upload)
	b.SetBytes(32 << 10)
	b.ReportAllocs()
	for b.Loop() {
		x.piece(b)
	}
}
