package sftp

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// turns are what two sides say, as a fuzzer writes it: which side and how much, then so many bytes.
func turns(in []byte, say func(client bool, p []byte)) {
	for len(in) >= 2 {
		head := binary.BigEndian.Uint16(in)
		n := min(int(head&0x7fff), len(in)-2)
		say(head&0x8000 != 0, in[2:2+n])
		in = in[2+n:]
	}
}

func turn(client bool, parts ...[]byte) []byte {
	p := bytes.Join(parts, nil)
	head := uint16(len(p))
	if client {
		head |= 0x8000
	}
	return append(binary.BigEndian.AppendUint16(nil, head), p...)
}

// run has two sides talk through m and checks what holds whatever they say: each request that was allowed is told of once, and
// none that was refused.
func run(t *testing.T, m Machine, in []byte, piece int) *talk {
	k := &talk{t: t, m: m, piece: piece}
	turns(in, k.says)
	k.end()
	told := map[uint64]bool{}
	for _, r := range k.results {
		if r.Token == 0 || r.Token > k.token || told[r.Token] {
			t.Fatalf("told %+v, of %d", k.results, k.token)
		}
		told[r.Token] = true
		if r.Hash != nil && r.NoHash != "" {
			t.Fatalf("%+v", r)
		}
	}
	if len(told) != int(k.token) {
		t.Fatalf("%d results of %d requests: %+v", len(told), k.token, k.results)
	}
	return k
}

// FuzzSFTP: nothing that both sides say breaks the machine, only whole requests that were allowed reach the server, and it
// doesn't matter in which pieces the bytes come.
func FuzzSFTP(f *testing.F) {
	begin := [][]byte{turn(true, initV3), turn(false, versionV3), turn(false, homeIs)}
	for _, more := range [][][]byte{
		{turn(true, packet(fxpOpen, 1, "/data", openRead, noAttrs)), turn(false, packet(fxpHandle, 1, "h")),
			turn(true, packet(fxpRead, 2, "h", offset0, 4), packet(fxpRead, 3, "h", uint64(4), 4)),
			turn(false, packet(fxpData, 3, "efgh"), packet(fxpData, 2, "abcd")), turn(true, packet(fxpClose, 4, "h")), turn(false, statusIs(4, 0, ""))},
		{turn(true, packet(fxpOpen, 1, "x/../data", openWrite|openAppend, attrMode, 0o644)), turn(false, packet(fxpHandle, 1, "h")),
			turn(true, packet(fxpWrite, 2, "h", offset0, "abcd"), packet(fxpFsetstat, 3, "h", attrSize, uint64(3))),
			turn(false, statusIs(2, 0, ""), statusIs(3, 4, "no"))},
		{turn(true, packet(fxpRemove, 1, "/forbidden"), packet(fxpRename, 2, "a/..", "../b"), packet(fxpSymlink, 3, "..", "l"),
			packet(fxpExtended, 4, "copy-data", "h", offset0, offset0, "h", offset0), packet(fxpExtended, 5, "x"))},
		{turn(true, packet(fxpOpendir, 1, "/")), turn(false, packet(fxpHandle, 1, "d")), turn(true, packet(fxpReaddir, 2, "d")),
			turn(false, packet(fxpName, 2, 1, "a", "a", 0)), turn(true, packet(fxpExtended, 3, "statvfs@openssh.com", "/")),
			turn(false, packet(fxpExtendedReply, 3, offset0))},
	} {
		f.Add(bytes.Join(append(begin, more...), nil), uint8(3))
	}
	f.Add(turn(true, packet(fxpInit, 6, "x", "y")), uint8(1))
	f.Fuzz(func(t *testing.T, in []byte, piece uint8) {
		limits := Limits{InFlight: 8, Asked: 6, Open: 4, Ahead: 64}
		m := New(limits)
		whole := run(t, m, in, 1<<20)
		if m.budget != limits.Ahead {
			t.Fatalf("%d of room for %d bytes is left", m.budget, limits.Ahead)
		}
		parts := run(t, New(limits), in, int(piece)+1)
		if (whole.err == nil) != (parts.err == nil) || whole.err == nil && !bytes.Equal(whole.toServer.Bytes(), parts.toServer.Bytes()) {
			t.Fatalf("whole: %v\n%q\nin pieces: %v\n%q", whole.err, whole.toServer.Bytes(), parts.err, parts.toServer.Bytes())
		}
		if whole.err == nil && !bytes.Equal(whole.toClient.Bytes(), parts.toClient.Bytes()) {
			t.Fatalf("the client got %q, in pieces %q", whole.toClient.Bytes(), parts.toClient.Bytes())
		}
		requests(t, parts.toServer.Bytes())
	})
}

// requests checks that a server got nothing but requests, whole but for the content of the last, and none that was refused.
func requests(t *testing.T, p []byte) {
	for len(p) > 0 {
		if len(p) < headSize+idSize || bytes.Contains(p, []byte("/forbidden")) && p[4] != fxpWrite && p[4] != fxpSymlink {
			t.Fatalf("the server got %q", p)
		}
		size := binary.BigEndian.Uint32(p)
		if uint64(size) > uint64(len(p)-4) {
			if p[4] != fxpWrite {
				t.Fatalf("the server got a part of a request: %q", p)
			}
			return
		}
		p = p[4+size:]
	}
}

// FuzzSCP: as FuzzSFTP.
func FuzzSCP(f *testing.F) {
	one := turn(false, []byte(ok))
	f.Add(bytes.Join([][]byte{one, turn(true, []byte("T1 0 2 0\n")), one, turn(true, []byte("D0755 0 d\n")), one, turn(true, []byte("C0644 3 f\n")),
		one, turn(true, []byte("abc\x00")), one, turn(true, []byte("E\n")), one}, nil), uint8(2), true)
	f.Add(bytes.Join([][]byte{turn(true, []byte(ok)), turn(false, []byte("C0644 3 forbidden\n")), turn(false, []byte("C0644 3 f\n")),
		turn(true, []byte(ok)), turn(false, []byte("ab\n\x01no\n")), turn(true, []byte("\x02no\n"))}, nil), uint8(2), false)
	f.Fuzz(func(t *testing.T, in []byte, piece uint8, upload bool) {
		command := SCPCommand{Upload: upload, Recursive: true, Paths: []string{"/srv"}}
		whole := run(t, NewSCP(command), in, 1<<20)
		parts := run(t, NewSCP(command), in, int(piece)+1)
		if (whole.err == nil) != (parts.err == nil) || whole.err == nil && !bytes.Equal(whole.toServer.Bytes(), parts.toServer.Bytes()) {
			t.Fatalf("whole: %v\n%q\nin pieces: %v\n%q", whole.err, whole.toServer.Bytes(), parts.err, parts.toServer.Bytes())
		}
	})
}

// FuzzRecognise: a command line that is followed says all that its shell needs to know.
func FuzzRecognise(f *testing.F) {
	for _, line := range []string{"scp -t /x", "scp -r -f 'a b'", `scp -t "a\"b"`, "rsync --server . x", "git upload-pack 'x'", "scp -t $x"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		c := Recognise(line)
		if c.Program == ProgramSCP && c.SCP.Untold == "" && len(c.SCP.Paths) == 0 {
			t.Fatalf("%+v", c)
		}
	})
}
