package mysql

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// raw is a client that sends what a test says and shows what comes back, packet by packet.
type raw struct {
	t     testing.TB
	conn  net.Conn
	caps  capabilities
	marks int
}

const rawCaps = clientProtocol41 | clientSecureConnection | clientPluginAuth | clientLongPassword | clientTransactions |
	clientMultiStatements | clientMultiResults | clientPSMultiResults | clientLocalFiles

// dialRaw logs in with mysql_native_password. MariaDB's own capabilities go in place of clientLongPassword.
func dialRaw(t testing.TB, addr, user, password string, caps capabilities) *raw {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute))
	c := &raw{t: t, conn: conn, caps: caps}
	greeting := c.read()
	r := body{b: greeting[1:]}
	r.text()
	r.take(4)
	scramble := append([]byte(nil), r.take(8)...)
	r.take(1 + 2 + 1 + 2 + 2 + 1 + 10)
	scramble = append(scramble, r.take(12)...)
	if caps>>32 != 0 {
		caps &^= clientLongPassword
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(caps))
	b = binary.LittleEndian.AppendUint32(b, 1<<30)
	b = append(b, 45)
	b = append(b, make([]byte, 19)...)
	b = binary.LittleEndian.AppendUint32(b, uint32(caps>>32))
	b = append(append(b, user...), 0)
	proof := nativeProof(password, scramble)
	b = append(append(b, byte(len(proof))), proof...)
	b = append(append(b, "mysql_native_password"...), 0)
	c.write(1, b)
	if p := c.read(); p[0] != answerOK {
		t.Fatalf("log in: %q", p)
	}
	return c
}

// nativeProof is SHA1(password) XOR SHA1(scramble, SHA1(SHA1(password))).
func nativeProof(password string, scramble []byte) []byte {
	one := sha1.Sum([]byte(password))
	two := sha1.Sum(one[:])
	mix := sha1.Sum(append(append([]byte(nil), scramble...), two[:]...))
	for i := range one {
		one[i] ^= mix[i]
	}
	return one[:]
}

func (c *raw) write(seq byte, payload []byte) {
	c.t.Helper()
	var b []byte
	for len(payload) >= maxPayload {
		b = append(appendHead(b, maxPayload, seq), payload[:maxPayload]...)
		payload = payload[maxPayload:]
		seq++
	}
	if _, err := c.conn.Write(appendPacket(b, seq, payload)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *raw) read() []byte {
	c.t.Helper()
	p, err := onePacket(c.conn)
	if err != nil {
		c.t.Fatal(err)
	}
	return p[headSize:]
}

// until reads packets up to one that has the mark in it, which it leaves out.
func (c *raw) until(mark string) (seen [][]byte) {
	c.t.Helper()
	for {
		p, err := onePacket(c.conn)
		if err != nil {
			return append(seen, []byte("\x00\x00\x00\x00"+err.Error()))
		}
		if bytes.Contains(p, []byte(mark)) {
			return seen
		}
		seen = append(seen, p)
	}
}

// show writes a packet as its number and its payload.
func show(p []byte) string {
	payload := p[headSize:]
	if len(payload) > 300 {
		payload = fmt.Appendf(payload[:300:300], "...%d", len(payload))
	}
	return fmt.Sprintf("%d %q", p[3], payload)
}

// do sends a command with a marker right behind it, and returns the command's answer.
func (c *raw) do(cmd string) [][]byte {
	c.t.Helper()
	c.marks++
	mark := fmt.Sprintf("marker-%d-", c.marks)
	c.write(0, []byte(cmd))
	if strings.Contains(cmd, "LOCAL INFILE") {
		if p := c.read(); p[0] != answerFile {
			return [][]byte{append([]byte{0, 0, 0, 0}, p...)}
		}
		c.write(2, []byte("one\ntwo\n"))
		c.write(3, nil)
	}
	c.write(0, []byte("\x03SELECT '"+mark+"'"))
	seen := c.until(mark) // the definition of its column
	c.until(mark)         // its row
	c.read()
	return seen[:len(seen)-1] // but for the number of its columns
}
