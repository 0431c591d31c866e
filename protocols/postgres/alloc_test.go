package postgres

import (
	"encoding/binary"
	"testing"

	"github.com/gatefold/gatefold/internal/relay"
	"github.com/gatefold/gatefold/protocols"
	"github.com/gatefold/gatefold/protocols/protocoltest"
)

// traffic is what a client sends and what the server answers.
type traffic struct{ client, server []byte }

func lines(t testing.TB, all ...string) (b []byte) {
	t.Helper()
	for _, line := range all {
		msg, err := clientMessage(line)
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, msg...)
	}
	return b
}

func serverMessages(all ...[]byte) (b []byte) {
	for _, msg := range all {
		b = append(b, msg...)
	}
	return b
}

// exchanges are what a session consists of most of the time.
func exchanges(t testing.TB) map[string]traffic {
	parsed, bindDone := message(nil, typeParseComplete), message(nil, typeBindComplete)
	ready := message(nil, typeReadyForQuery, []byte{'I'})
	row := message(nil, typeDataRow, []byte{0, 1}, binary.BigEndian.AppendUint32(nil, 84), make([]byte, 84))
	var rows []byte
	for range 10 {
		rows = append(rows, row...)
	}
	one, ten := message(nil, typeCommandComplete, []byte("SELECT 1\x00")), message(nil, typeCommandComplete, []byte("SELECT 10\x00"))
	columns := message(nil, typeRowDescription, make([]byte, 40))
	return map[string]traffic{
		"simple": {lines(t, `Query "SELECT abalance FROM pgbench_accounts WHERE aid = 4711"`),
			serverMessages(columns, row, one, ready)},
		"simple, beyond ASCII": {lines(t, `Query "SELECT abalance FROM pgbench_accounts WHERE name = 'grün'"`),
			serverMessages(columns, row, one, ready)},
		"prepared": {lines(t, `Bind - s1 4711`, `Execute - 0`, `Sync`),
			serverMessages(bindDone, row, one, ready)},
		"10 rows": {lines(t, `Bind - s1 4711`, `Describe P -`, `Execute - 0`, `Sync`),
			serverMessages(bindDone, columns, rows, ten, ready)},
		"unnamed": {lines(t, `Parse - "SELECT abalance FROM pgbench_accounts WHERE aid = $1"`, `Bind - - 4711`, `Execute - 0`, `Sync`),
			serverMessages(parsed, bindDone, row, one, ready)},
		"pipeline": {lines(t, `Bind - s1 1`, `Execute - 0`, `Bind - s1 2`, `Execute - 0`, `Sync`, `Bind - s1 3`, `Execute - 0`, `Sync`),
			serverMessages(bindDone, row, one, bindDone, row, one, ready, bindDone, row, one, ready)},
	}
}

// steady is a machine after its first statements, with s1 prepared.
type steady struct {
	m   *machine
	out relay.Out
}

func newSteady(t testing.TB, s protocols.Session) *steady {
	k := &steady{m: newMachine(machineConfig{Settings: conversationSettings}, s)}
	k.run(t, traffic{lines(t, `Parse s1 "SELECT abalance FROM pgbench_accounts WHERE aid = $1" 23`, `Sync`),
		serverMessages(message(nil, typeParseComplete), message(nil, typeReadyForQuery, []byte{'I'}))})
	return k
}

func (k *steady) run(t testing.TB, x traffic) {
	k.out.Reset()
	if n, err := k.m.Client(x.client, &k.out); n != len(x.client) || err != nil {
		t.Fatal(n, err)
	}
	k.out.Reset()
	if err := k.m.Server(x.server, &k.out); err != nil {
		t.Fatal(err)
	}
	if k.m.queue.len() > 0 {
		t.Fatal("something is still outstanding")
	}
}

// A statement allocates nothing in the machine.
func TestNoAllocations(t *testing.T) {
	for name, x := range exchanges(t) {
		t.Run(name, func(t *testing.T) {
			k := newSteady(t, &protocoltest.Silent{})
			k.run(t, x)
			if n := testing.AllocsPerRun(100, func() { k.run(t, x) }); n != 0 {
				t.Errorf("%v allocations for an exchange", n)
			}
		})
	}
}

func BenchmarkMachine(b *testing.B) {
	for name, x := range exchanges(b) {
		b.Run(name, func(b *testing.B) {
			k := newSteady(b, &protocoltest.Silent{})
			b.ReportAllocs()
			b.SetBytes(int64(len(x.client) + len(x.server)))
			for b.Loop() {
				k.run(b, x)
			}
		})
	}
}
