package sftp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// talk is a conversation through a machine. Paths with "forbidden" in them are refused. What is said is taken in pieces.
type talk struct {
	t                  testing.TB
	m                  Machine
	piece              int // bytes
	client, server     []byte
	toClient, toServer bytes.Buffer
	asked              []Request
	results            []Result
	err                error
	token              uint64
	out                Out
}

// says has one side say p and the other side's words that waited for it be looked at again.
func (k *talk) says(client bool, p []byte) {
	for len(p) > 0 && k.err == nil {
		n := min(k.piece, len(p))
		if client {
			k.client = append(k.client, p[:n]...)
		} else {
			k.server = append(k.server, p[:n]...)
		}
		p = p[n:]
		for k.err == nil && (k.step(&k.client, k.m.Client) || k.err == nil && k.step(&k.server, k.m.Server)) {
		}
	}
}

// step takes what it can and reports whether that moved anything.
func (k *talk) step(held *[]byte, take take) bool {
	if len(*held) == 0 {
		return false
	}
	given := bytes.Clone(*held) // as a buffer that is used again: nothing may be kept of it
	n, err := take(given, &k.out)
	*held = (*held)[n:]
	for _, p := range k.out.ToServer {
		k.toServer.Write(p)
	}
	for _, p := range k.out.ToClient {
		k.toClient.Write(p)
	}
	for i := range given {
		given[i] = 0xee
	}
	k.results = append(k.results, k.out.Results...)
	ask := k.out.Ask
	moved := n > 0 || ask != nil
	k.out.Reset()
	if k.err = err; err == nil && ask != nil {
		k.judge(ask)
	}
	return moved
}

func (k *talk) judge(r *Request) {
	k.asked = append(k.asked, *r)
	if r.Refuse != "" {
		k.m.Refuse("")
		return
	}
	if strings.Contains(r.Path+r.Path2, "forbidden") {
		k.m.Refuse("policy says no")
		return
	}
	k.token++
	k.m.Allow(k.token)
}

func (k *talk) end() {
	k.m.End(&k.out)
	k.results = append(k.results, k.out.Results...)
	k.out.Reset()
}

// packet puts a packet of SFTP together: a byte, uint32, uint64 or string each, in its form on the wire.
func packet(kind byte, fields ...any) []byte {
	b := []byte{0, 0, 0, 0, kind}
	for _, f := range fields {
		switch v := f.(type) {
		case int:
			b = binary.BigEndian.AppendUint32(b, uint32(v))
		case uint64:
			b = binary.BigEndian.AppendUint64(b, v)
		case string:
			b = putString(b, v)
		case []byte:
			b = append(b, v...)
		default:
			panic(fmt.Sprintf("%T", f))
		}
	}
	return finishPacket(b)
}

const offset0 = uint64(0)

var (
	initV3    = packet(fxpInit, 3)
	versionV3 = packet(fxpVersion, 3)
	homeIs    = packet(fxpName, 0, 1, "/home/ann", "drwx", 0)
	noAttrs   = 0
)

func statusIs(id int, code status, message string) []byte {
	return putStatus(nil, uint32(id), code, message)
}

// newTalk begins a conversation of SFTP, in pieces of so many bytes.
func newTalk(t testing.TB, piece int, l Limits) *talk {
	k := &talk{t: t, m: New(l), piece: piece}
	k.says(true, initV3)
	k.says(false, versionV3)
	k.says(false, homeIs)
	if k.err != nil {
		t.Fatal(k.err)
	}
	k.toServer.Reset()
	k.toClient.Reset()
	return k
}

// c and s are what the client and the server say; the fields are a packet's.
func (k *talk) c(kind byte, fields ...any) *talk { k.says(true, packet(kind, fields...)); return k }
func (k *talk) s(kind byte, fields ...any) *talk { k.says(false, packet(kind, fields...)); return k }

// inPieces runs a conversation whole, byte by byte and in odd pieces.
func inPieces(t *testing.T, f func(t *testing.T, piece int)) {
	for _, piece := range []int{1 << 20, 1, 2, 3, 7, 64} {
		t.Run(fmt.Sprint(piece), func(t *testing.T) { f(t, piece) })
	}
}

// reached checks what arrived at a side since the last look.
func (k *talk) reached(name string, at *bytes.Buffer, packets ...[]byte) {
	k.t.Helper()
	if want := bytes.Join(packets, nil); !bytes.Equal(at.Bytes(), want) {
		k.t.Errorf("the %s got\n%q, want\n%q", name, at.Bytes(), want)
	}
	at.Reset()
}

func (k *talk) atServer(packets ...[]byte) {
	k.t.Helper()
	k.reached("server", &k.toServer, packets...)
}
func (k *talk) atClient(packets ...[]byte) {
	k.t.Helper()
	k.reached("client", &k.toClient, packets...)
}

// fails checks that the channel ended with an error that says so much.
func (k *talk) fails(what string) {
	k.t.Helper()
	if k.err == nil || !strings.Contains(k.err.Error(), what) {
		k.t.Errorf("error %v, want one with %q", k.err, what)
	}
}

func (k *talk) well() {
	k.t.Helper()
	if k.err != nil {
		k.t.Error(k.err)
	}
}

// told checks the results.
func (k *talk) told(want ...Result) {
	k.t.Helper()
	if len(want) != len(k.results) {
		k.t.Fatalf("results %+v, want %+v", k.results, want)
	}
	for i, r := range k.results {
		w := want[i]
		if !bytes.Equal(r.Hash, w.Hash) {
			k.t.Errorf("result %d: hash %x, want %x (%s)", i, r.Hash, w.Hash, r.NoHash)
		}
		r.Hash, w.Hash = nil, nil
		if !equal(r, w) {
			k.t.Errorf("result %d: %+v, want %+v", i, r, w)
		}
	}
	k.results = nil
}

func equal(a, b Result) bool {
	return a.Token == b.Token && a.Failed == b.Failed && a.Unknown == b.Unknown && a.Code == b.Code && a.Message == b.Message &&
		a.Read == b.Read && a.Written == b.Written && a.Transfer == b.Transfer && a.From == b.From && a.NoHash == b.NoHash
}

func (k *talk) cl(p string) *talk { k.says(true, []byte(p)); return k }
func (k *talk) sv(p string) *talk { k.says(false, []byte(p)); return k }

func (k *talk) hasAsked(want ...Request) {
	k.t.Helper()
	if !slices.Equal(k.asked, want) {
		k.t.Errorf("asked\n%+v, want\n%+v", k.asked, want)
	}
}
