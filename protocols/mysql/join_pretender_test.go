package mysql

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
)

// pretender is a server that a test has play the target. It remembers all that it was sent.
type pretender struct {
	addr string
	mu   sync.Mutex
	got  bytes.Buffer
}

func (p *pretender) received() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.got.String()
}

// heard is a connection whose reads are remembered.
type heard struct {
	net.Conn
	p *pretender
}

func (h *heard) Read(b []byte) (int, error) {
	n, err := h.Conn.Read(b)
	h.p.mu.Lock()
	defer h.p.mu.Unlock()
	h.p.got.Write(b[:n])
	return n, err
}

// pretend starts a server that plays script on each connection, then waits for the gateway to hang up.
func pretend(t *testing.T, script func(*packets)) *pretender {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &pretender{addr: l.Addr().String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer nc.Close()
				c := &packets{nc: &heard{nc, p}}
				script(c)
				io.Copy(io.Discard, c.nc)
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return p
}

var (
	pretended = greeting{version: "8.0.36", thread: 7, scramble: []byte("abcdefghijklmnopqrst"), collation: 255,
		caps: common | clientDeprecateEOF | clientSessionTrack, status: statusAutocommit, plugin: pluginSHA2}
	allIsWell = []byte{answerOK, 0, 0, statusAutocommit, 0, 0, 0}
)

// greets sends a greeting and reads the gateway's response; false: the gateway hung up.
func greets(p *packets, g greeting) bool {
	if p.write(g.append(nil)) != nil {
		return false
	}
	_, err := p.read(maxHello)
	return err == nil
}

// switchTo is an AuthSwitchRequest.
func switchTo(plugin string, scramble []byte) []byte {
	b := append(append([]byte{answerEOF}, plugin...), 0)
	return append(append(b, scramble...), 0)
}

// answersState answers loginQuery as a target with these values does.
func answersState(p *packets, values ...string) {
	p.seq = 0
	if _, err := p.read(maxHello); err != nil {
		return
	}
	p.write([]byte{byte(len(values))})
	for range values {
		p.write([]byte("a column"))
	}
	p.write([]byte{answerEOF, 0, 0, 2, 0})
	var row []byte
	for _, v := range values {
		row = appendLenencText(row, []byte(v))
	}
	p.write(row)
	p.write([]byte{answerEOF, 0, 0, 2, 0})
}
