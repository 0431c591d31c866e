package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// evilServer passes on what clients and the real server say, until a statement names an attack: what answers is then the
// attack. Sessions that name none see the real server.
type evilServer struct {
	t       testing.TB
	listen  net.Listener
	real    string
	attacks map[string]func(io.Writer)
	wg      sync.WaitGroup
}

func newEvilServer(t testing.TB, real string, attacks map[string]func(io.Writer)) *evilServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &evilServer{t: t, listen: l, real: real, attacks: attacks}
	e.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			e.wg.Go(func() { e.serve(c) })
		}
	})
	t.Cleanup(func() { l.Close(); e.wg.Wait() })
	return e
}

func (e *evilServer) serve(c net.Conn) {
	defer c.Close()
	server, err := net.Dial("tcp", e.real)
	if err != nil {
		return
	}
	defer server.Close()
	e.wg.Go(func() { io.Copy(c, server); c.Close() })
	from := &mysqlWire{nc: c}
	for {
		b, err := from.packet()
		if err != nil {
			return
		}
		if attack := e.named(b); attack != nil {
			attack(c)
			io.Copy(io.Discard, c) // then silence
			return
		}
		if _, err := server.Write(wirePacket(from.seq, b)); err != nil {
			return
		}
	}
}

// named is the attack that a command names; nil: none.
func (e *evilServer) named(b []byte) func(io.Writer) {
	_, name, ok := strings.Cut(string(b), "attack:")
	if !ok {
		return nil
	}
	name, _, _ = strings.Cut(name, "'")
	return e.attacks[name]
}

// What an evil server says. The driver that logged in agreed on no EOFs, and on definitions that may be left out.
var (
	evilOK     = []byte("\x00\x00\x00\x02\x00\x00\x00")
	evilMore   = []byte("\x00\x00\x00\x0a\x00\x00\x00") // and another result follows
	evilColumn = []byte("\x03def\x00\x00\x00\x01a\x00\x0c\x2d\x00\x01\x00\x00\x00\xfd\x00\x00\x00\x00\x00")
)

// once says something, and then nothing more.
func once(packets ...[]byte) func(io.Writer) {
	return func(w io.Writer) {
		for i, p := range packets {
			w.Write(wirePacket(byte(i+1), p))
		}
	}
}

// endlessly says something again and again, until nobody listens, or 256 MiB of it.
func endlessly(first []byte, again []byte) func(io.Writer) {
	return func(w io.Writer) {
		if _, err := w.Write(first); err != nil {
			return
		}
		several := bytes.Repeat(again, max(1, 32<<10/len(again)))
		for sent := 0; sent < 256<<20; sent += len(several) {
			if _, err := w.Write(several); err != nil {
				return
			}
		}
	}
}

func join(packets ...[]byte) []byte { return bytes.Join(packets, nil) }

// attack is what a server says.
type attack struct {
	say    func(io.Writer)
	ends   bool // the session; else it is for the client to make sense of what it gets
	always bool // whatever was asked; else after a statement only
}

func evilAttacks() map[string]attack {
	return map[string]attack{
		"an empty packet":                   {once(nil), true, true},
		"a result without columns":          {once([]byte("\xfc\x00\x00\x01")), true, false},
		"2^64-1 columns":                    {once([]byte("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01")), true, false},
		"a million columns":                 {once([]byte("\xfd\x40\x42\x0f\x01")), true, false},
		"65535 columns that don't come":     {once([]byte("\xfc\xff\xff\x01"), evilColumn), false, true},
		"an OK that is cut":                 {once([]byte("\x00\x00")), true, true},
		"an OK that lies about its numbers": {once([]byte("\x00\xfe\x01")), true, false},
		"an ERR that is cut":                {once([]byte("\xff")), true, false},
		"an OK of 2 MiB":                    {func(w io.Writer) { w.Write(wirePacket(1, append(bytes.Clone(evilOK), make([]byte, 2<<20)...))) }, true, false},
		"an ERR of 2 MiB": {func(w io.Writer) {
			w.Write(wirePacket(1, append([]byte("\xff\x01\x04#HY000"), make([]byte, 2<<20)...)))
		}, true, false},
		"half a head":                        {func(w io.Writer) { w.Write([]byte{1, 0}) }, false, false},
		"half a packet":                      {func(w io.Writer) { w.Write([]byte{0xff, 0xff, 0, 1, 0}) }, false, false},
		"a request for a file":               {once([]byte("\xfb/etc/passwd")), true, true},
		"a request for a file that is empty": {once([]byte("\xfb")), true, false},
		"two answers":                        {once(evilOK, evilOK), true, true},
		"a row that nobody asked for":        {once(evilOK, []byte("\x01x")), true, true},
		"results without end":                {endlessly(nil, wirePacket(1, evilMore)), false, false},
		"results with words without end":     {endlessly(nil, wirePacket(1, append(bytes.Clone(evilMore), bytes.Repeat([]byte("w"), 1000)...))), false, false},
		"ERRs without end":                   {endlessly(nil, wirePacket(1, []byte("\xff\x51\x04#HY000go away"))), true, false},
		"long ERRs without end":              {endlessly(nil, wirePacket(1, append([]byte("\xff\x51\x04#HY000"), make([]byte, 900<<10)...))), true, false},
		"rows without end":                   {endlessly(join(wirePacket(1, []byte("\x01\x01")), wirePacket(2, evilColumn)), wirePacket(3, append([]byte("\xfc\xe8\x03"), make([]byte, 1000)...))), false, false},
		"a row without end":                  {endlessly(join(wirePacket(1, []byte("\x01\x01")), wirePacket(2, evilColumn)), append([]byte("\xff\xff\xff\x03"), make([]byte, 1<<24-1)...)), false, false},
		"definitions without end":            {endlessly(wirePacket(1, []byte("\xfc\xff\xff\x01")), wirePacket(2, evilColumn)), false, false},
		"numbers out of order":               {func(w io.Writer) { w.Write(join(wirePacket(9, []byte("\x01\x01")), wirePacket(3, evilColumn))) }, false, false},
	}
}

// A server may be as hostile as a client: it is not let at the client's files, what it says costs no memory, and nobody
// else notices.
func TestMySQLHostileServer(t *testing.T) {
	attacks, all := map[string]func(io.Writer){}, evilAttacks()
	for name, a := range all {
		attacks[name] = a.say
	}
	g := newGate(t, gateOptions{mysql: true, stopped: true})
	evil := newEvilServer(t, g.my.Address(), attacks)
	g.write("gatefold.yaml", strings.Replace(strings.Replace(g.read("gatefold.yaml"), g.my.Address(), evil.listen.Addr().String(), 1),
		fmt.Sprintf("{mode: verify, ca: %q}", g.my.CA), "{mode: off}", 1))
	g.start(true)
	b := g.bystander()
	for name, a := range all {
		for kind, send := range map[string]func(*mysqlWire){
			"query":   func(w *mysqlWire) { w.send(0x03, "SELECT 'attack:"+name+"'") },
			"prepare": func(w *mysqlWire) { w.send(0x16, "SELECT 'attack:"+name+"'") },
			"use":     func(w *mysqlWire) { w.send(0x02, "attack:"+name+"'") },
		} {
			if kind == "query" || a.always {
				t.Run(name+", "+kind, func(t *testing.T) { g.attacked(t, b, send, a.ends) })
			}
		}
	}
	b.end()
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	notices := 0
	for _, r := range g.exported() {
		if r["kind"] == "notice" && strings.Contains(fmt.Sprint(r["message"]), "go away") {
			notices++
		}
	}
	if notices > 2 {
		t.Errorf("ERRs that nobody asked for, without end, came to %d records", notices)
	}
	g.oneResultEach()
	if out, errs, code := g.try("", "verify"); code != 0 {
		t.Errorf("verify: exit %d\n%s%s", code, out, errs)
	}
}

// attacked has a session meet an attack, and reads what its client is given until it ends, or for so many bytes.
func (g *gate) attacked(t *testing.T, b *bystander, send func(*mysqlWire), ends bool) {
	w := g.mysqlWire(g.db)
	send(w)
	w.nc.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if ends {
		w.nc.SetReadDeadline(time.Now().Add(20 * time.Second))
	}
	said, err := w.drained(4 << 20)
	if ends && err != nil && !strings.Contains(err.Error(), "reset") && !strings.Contains(err.Error(), "more than") {
		t.Errorf("the session goes on, with %.100q: %v", said, err)
	}
	if bytes.Contains(said, []byte("\xfb/etc/passwd")) {
		t.Error("the client was asked for a file")
	}
	const most = 160 << 10                                 // KiB, whatever came before
	if kib := g.anonymous(); kib > most && !raceDetector { // which takes memory of its own for each
		t.Errorf("the gateway has grown to %d KiB", kib)
	}
	w.nc.Close()
	g.alone()
	b.goesOn()
}

// anonymous is the memory of the gateway's process that is no file's, in KiB.
func (g *gate) anonymous() int {
	g.t.Helper()
	var kib int
	for line := range strings.Lines(g.procStatus()) {
		fmt.Sscanf(line, "RssAnon: %d kB", &kib)
	}
	return kib
}

func (g *gate) procStatus() string {
	g.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.cmd.Process.Pid))
	if err != nil {
		g.t.Fatal(err)
	}
	return string(b)
}
