package mysql

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/protocols"
	"github.com/gatefold/gatefold/protocols/protocoltest"
)

// splice is a real server behind the machine, without gatefold's logins: the client's own goes through as it is, but that
// TLS and compression aren't offered. What follows is the product's relay.
type splice struct {
	addr string
	mu   sync.Mutex
	runs []*spliced
	cut  atomic.Int64 // bytes that the machine sees at once; 0: as they come
}

// spliced is one connection's record and end.
type spliced struct {
	tape *protocoltest.Words
	err  error
}

func newSplice(t testing.TB, server *testenv.MariaDBServer, change func(*machine)) *splice {
	t.Helper()
	s := &splice{}
	t.Cleanup(func() {
		for _, run := range s.runs {
			if run.tape.Fault != "" {
				t.Error(run.tape.Fault)
			}
			if len(run.tape.Open) > 0 {
				t.Errorf("actions without a Result: %v\n%s", run.tape.Open, run.tape.Text())
			}
		}
	})
	s.addr = protocoltest.Serve(t, func(client net.Conn) {
		run := &spliced{tape: protocoltest.NewWords()}
		s.mu.Lock()
		s.runs = append(s.runs, run)
		s.mu.Unlock()
		err := run.relay(client, server.Address(), change, int(s.cut.Load()))
		s.mu.Lock()
		run.err = err
		s.mu.Unlock()
	}).String()
	return s
}

// last is the record of the connection made last.
func (s *splice) last() *spliced {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.runs[len(s.runs)-1]
}

// hidden is what the splice doesn't offer, as the gateway doesn't.
var hidden = clientCompress | clientTLS | clientZstd | clientOptionalMetadata

func (r *spliced) relay(client net.Conn, address string, change func(*machine), cut int) error {
	server, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer server.Close()
	greeting, err := onePacket(server)
	if err != nil {
		return err
	}
	version := greeting[headSize+1:]
	caps := version
	for i, c := range version {
		if c == 0 {
			caps = version[i+1+4+8+1:]
			break
		}
	}
	binary.LittleEndian.PutUint16(caps, binary.LittleEndian.Uint16(caps)&^uint16(hidden))
	binary.LittleEndian.PutUint16(caps[5:], binary.LittleEndian.Uint16(caps[5:])&^uint16(hidden>>16))
	client.Write(greeting)
	answer, err := onePacket(client)
	if err != nil {
		return err
	}
	had := capabilities(binary.LittleEndian.Uint32(answer[headSize:]))
	if !had.has(clientLongPassword) {
		had |= capabilities(binary.LittleEndian.Uint32(answer[headSize+4+4+1+19:])) << 32
	}
	server.Write(answer)
	for from, to := server, client; ; from, to = to, from { // until the server says OK or ERR
		p, err := onePacket(from)
		if err != nil {
			return err
		}
		to.Write(p)
		if from == server && p[headSize] == answerError {
			return nil
		}
		if from == server && p[headSize] == answerOK {
			break
		}
	}
	m := newMachine(machineConfig{Caps: had, State: sessionState{dialect: protocols.DialectMariaDB, version: 101119,
		charset: []byte("utf8mb4"), status: statusAutocommit}}, r.tape)
	m.dirty = true
	if change != nil {
		change(m)
	}
	if cut > 0 {
		client, server = trickle{client, cut}, trickle{server, cut}
	}
	return relay.Run(context.Background(), client, server, m, r.tape.Sync)
}

// onePacket reads one packet with its head.
func onePacket(r io.Reader) ([]byte, error) {
	head := make([]byte, headSize)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	size, _ := packetHead(head)
	p := append(head, make([]byte, size)...)
	_, err := io.ReadFull(r, p[headSize:])
	return p, err
}
