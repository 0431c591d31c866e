package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// bystander is another user's session that must not notice what goes on beside it.
type bystander struct {
	g    *gate
	c    *mysqlClient
	stop chan struct{}
	done chan error
	n    atomic.Int64
}

func (g *gate) bystander() *bystander {
	g.t.Helper()
	b := &bystander{g: g, c: g.bob(), stop: make(chan struct{}), done: make(chan error, 1)}
	b.c.ctx = context.Background() // it stays longer than others
	go func() {
		for {
			select {
			case <-b.stop:
				b.done <- nil
				return
			default:
			}
			var got int64
			want := b.n.Add(1)
			if err := b.c.QueryRowContext(b.c.ctx, "SELECT ?", want).Scan(&got); err != nil || got != want {
				b.done <- fmt.Errorf("%d instead of %d: %v", got, want, err)
				return
			}
		}
	}()
	return b
}

// goesOn checks that the bystander is still being answered.
func (b *bystander) goesOn() {
	b.g.t.Helper()
	before := b.n.Load()
	b.g.poll("the other session goes on", func() bool { return b.n.Load() > before+3 || len(b.done) > 0 })
	if len(b.done) > 0 {
		b.g.t.Fatalf("the other session: %v", <-b.done)
	}
}

func (b *bystander) end() {
	b.g.t.Helper()
	close(b.stop)
	if err := <-b.done; err != nil {
		b.g.t.Errorf("the other session: %v", err)
	}
	b.c.close()
}

// calm checks that what a stranger did leaves nothing in memory, once the blocks that have it are sealed and others follow, and
// nobody else disturbed.
func (g *gate) calm(b *bystander, before uint64) {
	g.t.Helper()
	b.goesOn()
	const most = 6 << 20 // 6 MiB
	g.poll("what it left in memory goes", func() bool { return int64(heap())-int64(before) <= most })
}

// alone waits until nobody but the bystander has a session.
func (g *gate) alone() {
	g.t.Helper()
	g.poll("the session has ended", func() bool { return !strings.Contains(g.run("", "sessions"), "alice") })
}

// drained reads what the gateway still says, up to a bound, until it closes the connection.
func (w *mysqlWire) drained(most int) ([]byte, error) {
	var b bytes.Buffer
	_, err := io.Copy(&b, io.LimitReader(w.nc, int64(most)))
	if b.Len() == most {
		err = fmt.Errorf("more than %d bytes", most)
	}
	return b.Bytes(), err
}

// longHead is the head of a packet that says that it is of n bytes.
func longHead(n int, seq byte) []byte { return []byte{byte(n), byte(n >> 8), byte(n >> 16), seq} }

// What a client sends that is no client: each ends its session or is refused, costs no memory, and nobody else notices.
func TestMySQLHostileClients(t *testing.T) {
	g := newGate(t, gateOptions{mysql: true})
	b := g.bystander()
	defer b.end()
	const full = 1<<24 - 1
	execute := func(id uint32, rest string) []byte {
		return wirePacket(0, append(binary.LittleEndian.AppendUint32([]byte{0x17}, id), rest...))
	}
	for name, x := range map[string]struct {
		send []byte
		says string // in the answer; empty: nothing needs be said
		ends bool
	}{
		"an empty packet":           {wirePacket(0, nil), "", true},
		"a number out of order":     {wirePacket(7, []byte("\x03SELECT 1")), "out of order", true},
		"an unknown command":        {wirePacket(0, []byte("\x66\x00\x00")), "command 0x66", false},
		"a command of the server's": {wirePacket(0, []byte{0x0b}), "", false},
		"EXECUTE of nothing":        {execute(12345, "\x00\x01\x00\x00\x00"), "Unknown prepared statement", false},
		"EXECUTE that is cut":       {wirePacket(0, []byte("\x17\x01")), "", false},
		"FETCH of nothing":          {wirePacket(0, []byte("\x1c\x01\x00\x00\x00\x01\x00\x00\x00")), "Unknown prepared statement", false},
		"FETCH that is cut":         {wirePacket(0, []byte("\x1c\x01")), "", false},
		"CLOSE that is cut":         {wirePacket(0, []byte("\x19\x01")), "", false},
		"BULK EXECUTE of nothing":   {wirePacket(0, []byte("\xfa\x01\x00\x00\x00\x80\x00")), "Unknown prepared statement", false},
		"CHANGE_USER that is cut":   {wirePacket(0, []byte("\x11alice")), "", true},
		"CHANGE_USER that is long":  {wirePacket(0, append([]byte{0x11}, make([]byte, 300<<10)...)), "", false},
		"INIT_DB that is long":      {wirePacket(0, append([]byte{0x02}, bytes.Repeat([]byte("x"), 1<<20)...)), "", false},
		"a second packet that is out of order": {append(append(longHead(full, 0), append([]byte{0x03}, make([]byte, full-1)...)...),
			wirePacket(9, []byte("x"))...), "", true},
	} {
		t.Run(name, func(t *testing.T) {
			before := heap()
			w := g.mysqlWire(g.db)
			w.nc.SetDeadline(time.Now().Add(20 * time.Second))
			if _, err := w.nc.Write(x.send); err != nil && !x.ends {
				t.Fatal(err)
			}
			if x.ends {
				said, err := w.drained(1 << 20)
				if err != nil && !strings.Contains(err.Error(), "reset") || !strings.Contains(string(said), x.says) {
					t.Errorf("it ends with %q, %v; want %q", said, err, x.says)
				}
			} else {
				w.send(0x03, "SELECT 'still there'") // behind the refusal, or nothing
				said := ""
				for !strings.Contains(said, "still there") {
					said += string(w.read())
				}
				if !strings.Contains(said, x.says) {
					t.Errorf("it is answered with %q, want %q", said, x.says)
				}
			}
			w.c.close()
			g.alone()
			g.calm(b, before)
		})
	}
}

// Values of an execution that lie about their lengths are refused or end the session.
func TestMySQLHostileParameters(t *testing.T) {
	g := newGate(t, gateOptions{mysql: true})
	b := g.bystander()
	defer b.end()
	for name, rest := range map[string]string{
		"no values":                  "",
		"no types":                   "\x00\x00",
		"types that are cut":         "\x00\x01\xfe",
		"a value that is cut":        "\x00\x01\x08\x00\x01\x02",
		"a length without its value": "\x00\x01\xfe\x00\x7f",
		"a length over the packet":   "\x00\x01\xfe\x00\xfe\xff\xff\xff\xff\xff\xff\xff\xff",
		"a length that is cut":       "\x00\x01\xfe\x00\xfd\xff",
		"a length that is no length": "\x00\x01\xfe\x00\xff\xff\xff\xff",
		"a type that is none":        "\x00\x01\x55\x00\x01",
		"more than there are":        "\x00\x01\x01\x00\x01" + strings.Repeat("\x00", 100),
	} {
		t.Run(name, func(t *testing.T) {
			before := heap()
			w := g.mysqlWire(g.db)
			w.nc.SetDeadline(time.Now().Add(20 * time.Second))
			p := w.answer(0x16, "SELECT ?")
			if p[0] != 0 {
				t.Fatalf("%q", p)
			}
			w.read()
			w.read()
			w.send(0x17, string(p[1:5])+"\x00\x01\x00\x00\x00"+rest)
			if said := w.read(); said[0] != 0xff {
				t.Errorf("it is answered with %q", said)
			}
			if said := w.answer(0x0e, ""); said[0] != 0 {
				t.Errorf("a ping behind it: %q", said)
			}
			w.c.close()
			g.alone()
			g.calm(b, before)
		})
	}
}

// A client that never reads is not read from either; one that sends half a packet is waited for, at no cost; one that
// sends more than a statement may have is refused without its text being held.
func TestMySQLHostileClientsThatNeverEnd(t *testing.T) {
	g := newGate(t, gateOptions{mysql: true, limits: "{max_statement: 1MiB, drain_timeout: 1s}"})
	b := g.bystander()
	defer b.end()
	const full = 1<<24 - 1
	flood := func(w *mysqlWire, one []byte, bytes int) {
		w.nc.SetDeadline(time.Now().Add(3 * time.Second)) // it may be stopped before all of it is taken
		for sent := 0; sent < bytes; sent += len(one) {
			if _, err := w.nc.Write(one); err != nil {
				return
			}
		}
	}
	for name, send := range map[string]func(*mysqlWire){
		"questions without reading the answers": func(w *mysqlWire) {
			flood(w, bytes.Repeat(wirePacket(0, []byte("\x03SELECT repeat('x', 1000)")), 100), 64<<20)
		},
		"half a head": func(w *mysqlWire) { w.nc.Write([]byte{5, 0}) },
		"half a packet": func(w *mysqlWire) {
			w.nc.Write(append(longHead(full, 0), "\x03SELECT "...))
		},
		"a statement without end": func(w *mysqlWire) {
			one := append(longHead(full, 0), append([]byte{0x03}, make([]byte, full-1)...)...)
			for seq := range 8 {
				one[3] = byte(seq)
				flood(w, one, len(one))
			}
		},
		"a value without end": func(w *mysqlWire) {
			p := w.answer(0x16, "SELECT ?")
			w.read()
			w.read()
			one := append(longHead(full, 0), 0x17)
			one = append(append(one, p[1:5]...), "\x00\x01\x00\x00\x00\x00\x01\xfe\x00\xfe\x00\x00\x00\x00\x0f\x00\x00\x00"...)
			one = append(one, bytes.Repeat([]byte("x"), 4+full-len(one))...)
			for seq := range 4 {
				one[3] = byte(seq)
				flood(w, one, len(one))
			}
		},
		"long data without end": func(w *mysqlWire) {
			p := w.answer(0x16, "SELECT ?")
			w.read()
			w.read()
			flood(w, wirePacket(0, append(append([]byte{0x18}, p[1:5]...), make([]byte, 100<<10)...)), 64<<20)
		},
		"statements prepared without end": func(w *mysqlWire) {
			go io.Copy(io.Discard, w.nc)
			flood(w, bytes.Repeat(wirePacket(0, []byte("\x16SELECT ?, ?, ?")), 100), 1<<20)
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := heap()
			w := g.mysqlWire(g.db)
			send(w)
			g.calm(b, before)
			w.nc.Close()
			g.alone()
			g.calm(b, before)
		})
	}
}

// Before anybody has proved anything.
func TestMySQLHostileLogins(t *testing.T) {
	g := newGate(t, gateOptions{mysql: true, limits: "{hello_timeout: 2s, drain_timeout: 1s}"})
	b := g.bystander()
	defer b.end()
	const full = 1<<24 - 1
	hello := func(rest string) string {
		return "\x8d\xa2\x08\x00\x00\x00\x00\x01\x2d" + strings.Repeat("\x00", 23) + rest
	}
	for name, send := range map[string][]byte{
		"nothing":                     nil,
		"half a head":                 {1, 0},
		"an empty packet":             wirePacket(1, nil),
		"a packet of full size":       append(longHead(full, 1), make([]byte, 4<<20)...),
		"a number out of order":       wirePacket(5, []byte(hello("alice\x00\x00"))),
		"a login that is cut":         wirePacket(1, []byte(hello(""))[:20]),
		"a name without end":          wirePacket(1, []byte(hello(strings.Repeat("a", 40<<10)))),
		"an answer longer than it is": wirePacket(1, []byte(hello("alice\x00\xff"))),
		"the old protocol":            wirePacket(1, []byte("\x05\x00\x00\x00\x01alice\x00\x00")),
		"TLS, and plaintext behind":   append(wirePacket(1, []byte(hello("")[:0]+"\x8d\xaa\x08\x00\x00\x00\x00\x01\x2d"+strings.Repeat("\x00", 23))), wirePacket(2, []byte(hello("alice\x00\x00")))...),
		"TLS, and half a handshake":   append(wirePacket(1, []byte("\x8d\xaa\x08\x00\x00\x00\x00\x01\x2d"+strings.Repeat("\x00", 23))), 0x16, 0x03, 0x01, 0x40, 0x00),
	} {
		t.Run(name, func(t *testing.T) {
			before := heap()
			for range 20 {
				c, err := net.Dial("tcp", g.addr)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				go c.Write(send)
				go func() {
					c.SetDeadline(time.Now().Add(20 * time.Second))
					io.Copy(io.Discard, c)
				}()
			}
			g.calm(b, before)
		})
	}
}

// Silent connections keep nobody out.
func TestMySQLHostileSlowLoris(t *testing.T) {
	g := newGate(t, gateOptions{mysql: true, limits: "{hello_timeout: 60s, drain_timeout: 1s}"})
	var all []net.Conn
	defer func() {
		for _, c := range all {
			c.Close()
		}
	}()
	for range 1100 {
		c, err := net.Dial("tcp", g.addr)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	c, err := dialMySQL(g.alice(), g.db, nil)
	if err != nil {
		t.Fatalf("1100 silent connections from one address keep everyone out: %v", err)
	}
	c.close()
}
