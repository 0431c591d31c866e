package sftp

import (
	"crypto/sha256"
	"strings"
	"testing"
)

func sum(s string) []byte {
	h := sha256.Sum256([]byte(s))
	return h[:]
}

func TestBeginning(t *testing.T) {
	inPieces(t, func(t *testing.T, piece int) {
		k := &talk{t: t, m: New(Limits{}), piece: piece}
		k.c(fxpInit, 6, "a client's extension", "1") // we speak version 3 to both
		k.atServer(initV3)
		k.c(fxpStat, 1, "notes.txt") // before the version is told: it waits
		k.atServer()
		k.s(fxpVersion, 3, "posix-rename@openssh.com", "1", "vendor-id", "x", "statvfs@openssh.com", "3", "limits@openssh.com", "1")
		k.atServer(packet(fxpRealpath, 0, "."))
		k.atClient()
		k.says(false, homeIs)
		k.atClient(packet(fxpVersion, 3, "posix-rename@openssh.com", "1", "limits@openssh.com", "1"))
		k.atServer(packet(fxpStat, 1, "notes.txt"))
		k.well()
		if r := k.asked[0]; r.Op != Stat || r.Path != "/home/ann/notes.txt" || r.As != "notes.txt" {
			t.Errorf("%+v", r)
		}
	})
}

func TestDownload(t *testing.T) {
	inPieces(t, func(t *testing.T, piece int) {
		k := newTalk(t, piece, Limits{})
		k.c(fxpOpen, 1, "/data", openRead, noAttrs).s(fxpHandle, 1, "h")
		k.c(fxpRead, 2, "h", offset0, 4).c(fxpRead, 3, "h", uint64(4), 4).c(fxpRead, 4, "h", uint64(8), 4)
		k.s(fxpData, 3, "efgh").s(fxpData, 2, "abcd") // out of order
		k.s(fxpData, 4, "i")                          // short
		k.c(fxpRead, 5, "h", uint64(9), 3)
		k.says(false, statusIs(5, 1, "EOF"))
		k.c(fxpClose, 6, "h")
		if len(k.results) != 0 {
			t.Fatalf("told before it was closed: %+v", k.results)
		}
		k.says(false, statusIs(6, fxOK, ""))
		k.well()
		want := Result{Token: 1, Read: 9, Transfer: true, Hash: sum("abcdefghi")}
		k.told(want)
	})
}

func TestUpload(t *testing.T) {
	inPieces(t, func(t *testing.T, piece int) {
		k := newTalk(t, piece, Limits{})
		k.c(fxpOpen, 1, "data", openWrite|openCreate|openTrunc, attrMode, 0o640).s(fxpHandle, 1, "h")
		k.c(fxpWrite, 2, "h", offset0, "abcd").c(fxpWrite, 3, "h", uint64(6), "gh").c(fxpWrite, 4, "h", uint64(4), "ef")
		k.says(false, statusIs(3, fxOK, ""))
		k.says(false, statusIs(2, fxOK, ""))
		k.says(false, statusIs(4, fxOK, ""))
		k.c(fxpFsetstat, 5, "h", attrSize|attrMode, uint64(8), 0o600) // it is as long already
		k.says(false, statusIs(5, fxOK, ""))
		k.c(fxpClose, 6, "h").says(false, statusIs(6, fxOK, ""))
		k.well()
		k.told(Result{Token: 2}, Result{Token: 1, Written: 8, Transfer: true, Hash: sum("abcdefgh")})
		open, set := k.asked[0], k.asked[1]
		if open.Op != OpenWrite || open.Path != "/home/ann/data" || open.Detail != "flags=write,create,truncate mode=0640" {
			t.Errorf("%+v", open)
		}
		if set.Op != Setstat || set.Path != "/home/ann/data" || set.Detail != "size=8 mode=0600" {
			t.Errorf("%+v", set)
		}
	})
}

// Each case is what happens between the opening and the closing of a file that is read and written.
func TestNoHash(t *testing.T) {
	for name, c := range map[string]struct {
		flags int
		does  func(k *talk)
		why   string
		want  Result
	}{
		"a gap": {openRead, func(k *talk) {
			k.c(fxpRead, 2, "h", offset0, 2).c(fxpRead, 3, "h", uint64(4), 2).s(fxpData, 2, "ab").s(fxpData, 3, "ef")
		}, "byte 2 never came", Result{Read: 4}},
		"read twice": {openRead, func(k *talk) {
			k.c(fxpRead, 2, "h", offset0, 2).s(fxpData, 2, "ab").c(fxpRead, 2, "h", offset0, 2).s(fxpData, 2, "ab")
		}, "byte 0 came more than once", Result{Read: 4}},
		"overlap ahead": {openRead, func(k *talk) {
			k.c(fxpRead, 2, "h", offset0, 2).c(fxpRead, 3, "h", uint64(4), 4).c(fxpRead, 4, "h", uint64(6), 2)
			k.s(fxpData, 3, "efgh").s(fxpData, 4, "gh")
		}, "byte 6 came more than once", Result{Read: 6}},
		"a failed write": {openWrite, func(k *talk) {
			k.c(fxpWrite, 2, "h", offset0, "ab").says(false, statusIs(2, fxFailure, "disk full"))
		}, "a write failed", Result{}},
		"both ways": {openRead | openWrite, func(k *talk) {
			k.c(fxpWrite, 2, "h", offset0, "ab").says(false, statusIs(2, fxOK, ""))
			k.c(fxpRead, 3, "h", offset0, 2).s(fxpData, 3, "ab")
		}, bothWays, Result{Read: 2, Written: 2}},
		"appended out of order": {openWrite | openAppend, func(k *talk) {
			k.c(fxpWrite, 2, "h", offset0, "ab").c(fxpWrite, 3, "h", uint64(9), "c")
			k.says(false, statusIs(2, fxOK, ""))
			k.says(false, statusIs(3, fxOK, ""))
		}, "byte 2 was passed over in a file that is appended to", Result{Written: 3}},
		"cut": {openWrite, func(k *talk) {
			k.c(fxpWrite, 2, "h", offset0, "ab").says(false, statusIs(2, fxOK, ""))
			k.c(fxpFsetstat, 3, "h", attrSize, uint64(1)).says(false, statusIs(3, fxOK, ""))
			k.results = nil
		}, "it was made 1 bytes long after it was written", Result{Written: 2}},
		"closed early": {openWrite, func(k *talk) {
			k.c(fxpWrite, 2, "h", offset0, "ab")
		}, tooEarly, Result{}},
		"too far ahead": {openRead, func(k *talk) {
			k.c(fxpRead, 2, "h", offset0, 2).c(fxpRead, 3, "h", uint64(2), 20).s(fxpData, 3, strings.Repeat("x", 20))
		}, "too much came out of order", Result{Read: 20}},
		"the end of numbers": {openRead, func(k *talk) {
			k.c(fxpRead, 2, "h", ^uint64(0)-1, 8).s(fxpData, 2, "abcdefgh")
		}, "an offset over 2^64", Result{Read: 8}},
	} {
		t.Run(name, func(t *testing.T) {
			k := newTalk(t, 1<<20, Limits{Ahead: 16})
			k.c(fxpOpen, 1, "/data", c.flags, noAttrs).s(fxpHandle, 1, "h")
			c.does(k)
			k.c(fxpClose, 9, "h").says(false, statusIs(9, fxOK, ""))
			k.well()
			c.want.Token, c.want.Transfer, c.want.NoHash = 1, true, c.why
			k.told(c.want)
			if budget := k.m.(*SFTP).budget; budget != 16 {
				t.Errorf("%d bytes of room are left of 16", budget)
			}
		})
	}
}

// A refused request never reaches the server, and its answer keeps its place: behind those of the requests before it.
func TestRefusal(t *testing.T) {
	inPieces(t, func(t *testing.T, piece int) {
		k := newTalk(t, piece, Limits{})
		k.c(fxpStat, 1, "/a").c(fxpRemove, 2, "/forbidden").c(fxpStat, 3, "/b").c(fxpRemove, 4, "/x/../forbidden")
		k.atServer(packet(fxpStat, 1, "/a"), packet(fxpStat, 3, "/b"))
		k.atClient()
		a, b := packet(fxpAttrs, 1, noAttrs), packet(fxpAttrs, 3, noAttrs)
		k.says(false, b)
		k.atClient(b)
		k.says(false, a)
		k.atClient(a, statusIs(2, fxPermissionDenied, "policy says no"), statusIs(4, fxPermissionDenied, "policy says no"))
		k.c(fxpRemove, 5, "/forbidden") // nothing is before it
		k.atClient(statusIs(5, fxPermissionDenied, "policy says no"))
		k.well()
		k.told(Result{Token: 2}, Result{Token: 1})
	})
}

// A refusal that is due while the server's packet is on its way waits for its end.
func TestRefusalBetweenPackets(t *testing.T) {
	k := newTalk(t, 1<<20, Limits{})
	k.c(fxpOpen, 1, "/data", openRead, noAttrs).s(fxpHandle, 1, "h")
	k.c(fxpRead, 2, "h", offset0, 8)
	k.toClient.Reset()
	data := packet(fxpData, 2, "abcdefgh")
	k.says(false, data[:15])
	k.c(fxpRemove, 3, "/forbidden")
	k.atClient(data[:15])
	k.says(false, data[15:])
	k.atClient(data[15:], statusIs(3, fxPermissionDenied, "policy says no"))
	k.well()
}

// Handles that no opening of this channel gave never reach the server.
func TestHandles(t *testing.T) {
	inPieces(t, func(t *testing.T, piece int) {
		k := newTalk(t, piece, Limits{})
		no := func(id int) []byte { return statusIs(id, fxFailure, notOpen) }
		k.c(fxpRead, 1, "h", offset0, 8).c(fxpWrite, 2, "h", offset0, "abc").c(fxpClose, 3, "h").c(fxpFsetstat, 4, "h", noAttrs)
		k.c(fxpExtended, 5, "copy-data", "h", offset0, offset0, "h", offset0)
		k.atServer()
		k.atClient(no(1), no(2), no(3), no(4), no(5))
		k.c(fxpOpen, 6, "/r", openRead, noAttrs).s(fxpHandle, 6, "r").c(fxpOpen, 7, "/w", openWrite, noAttrs).s(fxpHandle, 7, "w")
		k.c(fxpOpendir, 8, "/d").s(fxpHandle, 8, "d")
		k.toServer.Reset()
		k.toClient.Reset()
		k.c(fxpWrite, 9, "r", offset0, "abc").c(fxpRead, 10, "w", offset0, 8).c(fxpRead, 11, "d", offset0, 8)
		k.c(fxpExtended, 12, "copy-data", "w", offset0, offset0, "r", offset0)
		k.atServer()
		k.atClient(no(9), no(10), no(11), no(12))
		k.c(fxpClose, 13, "r").c(fxpRead, 14, "r", offset0, 8) // as soon as it is to be closed
		k.atServer(packet(fxpClose, 13, "r"))
		k.says(false, statusIs(13, fxOK, ""))
		k.atClient(statusIs(13, fxOK, ""), no(14))
		k.well()
	})
}

// A server may give a handle again before it has told that it is closed.
func TestHandleUsedAgain(t *testing.T) {
	k := newTalk(t, 1<<20, Limits{})
	k.c(fxpOpen, 1, "/a", openRead, noAttrs).s(fxpHandle, 1, "h").c(fxpRead, 2, "h", offset0, 1).s(fxpData, 2, "a")
	k.c(fxpClose, 3, "h").c(fxpOpen, 4, "/b", openRead, noAttrs).s(fxpHandle, 4, "h")
	k.says(false, statusIs(3, fxOK, ""))
	k.c(fxpRead, 5, "h", offset0, 1).s(fxpData, 5, "b").c(fxpClose, 6, "h").says(false, statusIs(6, fxOK, ""))
	k.well()
	k.told(Result{Token: 1, Read: 1, Transfer: true, Hash: sum("a")}, Result{Token: 2, Read: 1, Transfer: true, Hash: sum("b")})
}

func TestRequests(t *testing.T) {
	k := newTalk(t, 1<<20, Limits{})
	k.c(fxpOpen, 90, "/from", openRead, noAttrs).s(fxpHandle, 90, "r").c(fxpOpen, 91, "to", openRead|openAppend, noAttrs).s(fxpHandle, 91, "w")
	for _, c := range []struct {
		packet []byte
		want   Request
		sent   []byte // nil: as it came
	}{
		{packet(fxpOpen, 1, "/etc//./passwd", 1<<5|openCreate, noAttrs),
			Request{Op: OpenWrite, Path: "/etc/passwd", As: "/etc//./passwd", Detail: "flags=create,exclusive"}, nil},
		{packet(fxpOpen, 1, "x/../../bob/", 0, noAttrs),
			Request{Op: OpenRead, Path: "/home/bob", As: "x/../../bob/", Detail: "flags="}, packet(fxpOpen, 1, "/home/bob/", 0, noAttrs)},
		{packet(fxpLstat, 1, ""), Request{Op: Lstat, Path: "/home/ann"}, nil},
		{packet(fxpStat, 1, "/.."), Request{Op: Stat, Path: "/", As: "/.."}, packet(fxpStat, 1, "/")},
		{packet(fxpSetstat, 1, "/f", attrOwner|attrTimes, 1, 2, 3, 4), Request{Op: Setstat, Path: "/f", Detail: "uid=1 gid=2 atime=3 mtime=4"}, nil},
		{packet(fxpSetstat, 1, "/f", attrSize, uint64(0)), Request{Op: Setstat, Path: "/f", Detail: "size=0"}, nil},
		{packet(fxpFsetstat, 1, "w", attrMode, 0o755), Request{Op: Setstat, Path: "/home/ann/to", Detail: "mode=0755"}, nil},
		{packet(fxpOpendir, 1, "."), Request{Op: Opendir, Path: "/home/ann", As: "."}, nil},
		{packet(fxpRemove, 1, "/f"), Request{Op: Remove, Path: "/f"}, nil},
		{packet(fxpMkdir, 1, "/d", 0), Request{Op: Mkdir, Path: "/d"}, nil},
		{packet(fxpRmdir, 1, "/d"), Request{Op: Rmdir, Path: "/d"}, nil},
		{packet(fxpRealpath, 1, "/a/.."), Request{Op: Realpath, Path: "/", As: "/a/.."}, nil},
		{packet(fxpReadlink, 1, "/l"), Request{Op: Readlink, Path: "/l"}, nil},
		{packet(fxpRename, 1, "a/../b", "../c"), Request{Op: Rename, Path: "/home/ann/b", As: "a/../b", Path2: "/home/c", As2: "../c"},
			packet(fxpRename, 1, "/home/ann/b", "/home/c")},
		{packet(fxpSymlink, 1, "../secret", "d/../l"), Request{Op: Symlink, Path: "/home/ann/l", As: "d/../l", Path2: "/home/secret", As2: "../secret"},
			packet(fxpSymlink, 1, "../secret", "/home/ann/l")},
		{packet(fxpExtended, 1, "posix-rename@openssh.com", "/a", "/b"), Request{Op: Rename, Path: "/a", Path2: "/b"}, nil},
		{packet(fxpExtended, 1, "hardlink@openssh.com", "/a", "/b/../c"), Request{Op: Link, Path: "/a", Path2: "/c", As2: "/b/../c"},
			packet(fxpExtended, 1, "hardlink@openssh.com", "/a", "/c")},
		{packet(fxpExtended, 1, "statvfs@openssh.com", "/a"), Request{Op: Statvfs, Path: "/a"}, nil},
		{packet(fxpExtended, 1, "lsetstat@openssh.com", "/a", attrMode, 0o777), Request{Op: Setstat, Path: "/a", Detail: "mode=0777"}, nil},
		{packet(fxpExtended, 1, "expand-path@openssh.com", "~/x"), Request{Op: Realpath, Path: "/home/ann/x", As: "~/x"}, nil},
		{packet(fxpExtended, 1, "expand-path@openssh.com", "~bob/x"), Request{Op: Realpath, Path: "~bob/x"}, nil},
		{packet(fxpExtended, 1, "home-directory", "bob"), Request{Op: Realpath, Path: "~bob"}, nil},
		{packet(fxpExtended, 1, "copy-data", "r", uint64(1), uint64(2), "w", uint64(3)),
			Request{Op: Copy, Path: "/from", Path2: "/home/ann/to", Detail: "from=1 length=2 to=3"}, nil},
	} {
		k.asked = nil
		k.toServer.Reset()
		k.says(true, c.packet)
		k.well()
		if len(k.asked) != 1 || k.asked[0] != c.want {
			t.Errorf("%q: asked\n%+v, want\n%+v", c.packet, k.asked, c.want)
		}
		if c.sent == nil {
			c.sent = c.packet
		}
		k.atServer(c.sent)
		k.says(false, statusIs(1, fxFailure, "no"))
	}
	for _, p := range [][]byte{
		packet(fxpFstat, 1, "r"), packet(fxpExtended, 1, "fsync@openssh.com", "w"), packet(fxpExtended, 1, "fstatvfs@openssh.com", "r"),
		packet(fxpRealpath, 1, "."), packet(fxpExtended, 1, "limits@openssh.com"), packet(fxpExtended, 1, "users-groups-by-id@openssh.com", "\x00\x00\x00\x01", ""),
	} { // of what was asked about before, or of no file
		k.asked = nil
		k.says(true, p)
		k.well()
		if len(k.asked) != 0 {
			t.Errorf("asked %+v", k.asked)
		}
		k.atServer(p)
		k.says(false, statusIs(1, fxFailure, "no"))
	}
}

// An extension that isn't decoded is on record and never reaches the server, whatever policy says.
func TestUnknownExtension(t *testing.T) {
	k := newTalk(t, 1<<20, Limits{})
	k.c(fxpExtended, 1, "check-file-handle", "h", "md5")
	k.well()
	k.atServer()
	k.atClient(statusIs(1, fxUnsupported, "the extension is not carried"))
	if r := k.asked[0]; r.Op != Extended || r.Path != "check-file-handle" || r.Refuse == "" {
		t.Errorf("%+v", r)
	}
}

// A client that names a link before what it says is put into OpenSSH's order.
func TestLinkFirst(t *testing.T) {
	k := newTalk(t, 1<<20, Limits{LinkFirst: true})
	k.c(fxpSymlink, 1, "link", "../says")
	k.well()
	k.atServer(packet(fxpSymlink, 1, "../says", "link"))
	if r := k.asked[0]; r.Path != "/home/ann/link" || r.Path2 != "/home/says" {
		t.Errorf("%+v", r)
	}
}

// Without knowing where relative paths begin, none can be judged.
func TestNoHome(t *testing.T) {
	k := &talk{t: t, m: New(Limits{}), piece: 1 << 20}
	k.says(true, initV3)
	k.says(false, versionV3)
	k.says(false, statusIs(0, fxUnsupported, ""))
	k.toServer.Reset()
	k.toClient.Reset()
	k.c(fxpStat, 1, "x").c(fxpStat, 2, "/x")
	k.well()
	k.atServer(packet(fxpStat, 2, "/x"))
	k.atClient(statusIs(1, fxPermissionDenied, errNoHome))
}

// The table is bounded: a client that has too much in flight isn't read until answers come.
func TestInFlight(t *testing.T) {
	inFlight(t, Limits{InFlight: 3})
	inFlight(t, Limits{Asked: 3})
}

func inFlight(t *testing.T, l Limits) {
	k := newTalk(t, 1<<20, l)
	for id := range 5 {
		k.c(fxpStat, id, "/x")
	}
	k.atServer(packet(fxpStat, 0, "/x"), packet(fxpStat, 1, "/x"), packet(fxpStat, 2, "/x"))
	k.says(false, statusIs(1, fxFailure, ""))
	k.atServer(packet(fxpStat, 3, "/x"))
	k.well()
}

func TestOpenFiles(t *testing.T) {
	k := newTalk(t, 1<<20, Limits{Open: 2})
	k.c(fxpOpen, 1, "/a", openRead, noAttrs).c(fxpOpendir, 2, "/b")
	k.s(fxpHandle, 1, "a")
	k.atClient(packet(fxpHandle, 1, "a"))
	k.c(fxpOpen, 3, "/c", openRead, noAttrs).s(fxpHandle, 2, "b")
	k.atClient(packet(fxpHandle, 2, "b"), statusIs(3, fxPermissionDenied, "2 files are open: close some"))
	k.c(fxpClose, 4, "b").c(fxpOpen, 5, "/c", openRead, noAttrs)
	k.well()
	k.atServer(packet(fxpOpen, 1, "/a", openRead, noAttrs), packet(fxpOpendir, 2, "/b"), packet(fxpClose, 4, "b"), packet(fxpOpen, 5, "/c", openRead, noAttrs))
}

// What is open when the channel ends is told of, with what had passed.
func TestEnd(t *testing.T) {
	k := newTalk(t, 1<<20, Limits{})
	k.c(fxpOpen, 1, "/a", openRead, noAttrs).s(fxpHandle, 1, "a").c(fxpRead, 2, "a", offset0, 4).s(fxpData, 2, "abcd")
	k.c(fxpOpen, 3, "/b", openWrite, noAttrs).s(fxpHandle, 3, "b").c(fxpClose, 4, "b").c(fxpStat, 5, "/c")
	k.well()
	k.end()
	const why = "it was not closed"
	k.told(Result{Token: 3, Unknown: true}, Result{Token: 1, Unknown: true, Message: why, Read: 4, Transfer: true, Hash: sum("abcd")},
		Result{Token: 2, Unknown: true, Message: why, Transfer: true, Hash: sum("")})
}

// Two files may be on their way to be closed that had the same handle: each has its Result.
func TestEndOfOneHandleTwice(t *testing.T) {
	k := newTalk(t, 1<<20, Limits{})
	for id := 1; id < 9; id += 4 {
		k.c(fxpOpen, id, "/a", openWrite, noAttrs).s(fxpHandle, id, "h").c(fxpClose, id+1, "h")
	}
	k.well()
	k.end()
	if len(k.results) != 2 || k.results[0].Token == k.results[1].Token {
		t.Errorf("%+v", k.results)
	}
}
