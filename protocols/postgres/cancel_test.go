package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/testenv"
	"github.com/gatefold/gatefold/protocols"
)

// sleeper runs a statement that only a cancel ends, and waits until the target runs it.
func sleeper(t *testing.T, conn *pgx.Conn, server *testenv.PostgresServer) (ended chan error) {
	t.Helper()
	ended = make(chan error, 1)
	go func() {
		_, err := conn.Exec(context.Background(), "SELECT pg_sleep(600)", pgx.QueryExecModeSimpleProtocol)
		ended <- err
	}()
	admin, err := pgx.Connect(t.Context(), server.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	testenv.Eventually(t, "the statement to run", func() bool {
		var n int
		err := admin.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'", conn.PgConn().PID()).Scan(&n)
		return err == nil && n == 1
	})
	return ended
}

func isCancelled(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == "57014"
}

// A cancel request reaches the target by TLS as the session does, with keys of both lengths, and is on its tape first.
func TestCancel(t *testing.T) {
	for _, options := range []string{"sslmode=disable", "sslmode=disable&max_protocol_version=3.2"} {
		g, server := realGate(t, nil)
		conn, err := connect(t, g, "postgres", options)
		if err != nil {
			t.Fatal(err)
		}
		ended := sleeper(t, conn, server)
		if err := conn.PgConn().CancelRequest(t.Context()); err != nil {
			t.Errorf("%s: %v", options, err)
		}
		if err := <-ended; !isCancelled(err) {
			t.Errorf("%s: the statement ended with %v", options, err)
		}
		if n := g.tape(0).count(record.KindCancel); n != 1 {
			t.Errorf("%s: %d cancel requests on the tape", options, n)
		}
		// The session goes on.
		var one int
		if err := conn.QueryRow(t.Context(), "SELECT 1").Scan(&one); err != nil || one != 1 {
			t.Errorf("%s: after the cancel: %d, %v", options, one, err)
		}
	}
}

// cancelRaw sends a cancel request and returns when the gate has closed the connection.
func cancelRaw(t *testing.T, g *testGate, pid uint32, secret []byte) []byte {
	t.Helper()
	c := dialRaw(t, g)
	c.send(packet(codeCancel, append(binary.BigEndian.AppendUint32(nil, pid), secret...)))
	said, err := io.ReadAll(c)
	if err != nil {
		t.Error(err)
	}
	return said
}

func TestCancelWithTheWrongKey(t *testing.T) {
	g, server := realGate(t, nil)
	conn, err := connect(t, g, "postgres", "sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	pid, secret := conn.PgConn().PID(), conn.PgConn().SecretKey()
	ended := sleeper(t, conn, server)
	wrong := append([]byte{secret[0] ^ 1}, secret[1:]...)
	for name, try := range map[string]struct {
		pid    uint32
		secret []byte
	}{
		"another secret": {pid, wrong}, "another pid": {pid + 1, secret}, "a longer secret": {pid, append(secret[:4:4], 0)},
		"zeros": {pid, make([]byte, 4)}, "as long as can be": {pid, make([]byte, maxCancelKey)},
	} {
		if said := cancelRaw(t, g, try.pid, try.secret); len(said) > 0 {
			t.Errorf("%s: the gate says %q", name, said)
		}
	}
	if n := g.tape(0).count(record.KindCancel); n != 0 {
		t.Errorf("%d cancel requests with wrong keys are on the tape", n)
	}
	select {
	case err := <-ended:
		t.Errorf("the statement ended: %v", err)
	default:
	}
	for _, size := range []int{0, 3, maxCancelKey + 1} {
		if said := cancelRaw(t, g, pid, make([]byte, size)); !strings.Contains(string(said), "08P01") {
			t.Errorf("a key of %d bytes: the gate says %q", size, said)
		}
	}
	cancelRaw(t, g, pid, secret)
	if err := <-ended; !isCancelled(err) {
		t.Errorf("the right key: %v", err)
	}
	conn.Close(t.Context())
	testenv.Eventually(t, "the key to be forgotten", func() bool { return g.protocol.cancels.find(pid, secret) == nil })
}

// The target's own key never reaches the client: it does not cancel here, and the gate's does not cancel there.
func TestTheTargetsKeyStaysIn(t *testing.T) {
	g, _ := realGate(t, nil)
	conn, err := connect(t, g, "postgres", "sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	e := g.protocol.cancels.find(conn.PgConn().PID(), conn.PgConn().SecretKey())
	if e == nil {
		t.Fatal("the client's key is unknown")
	}
	if string(e.key) == string(e.secret) {
		t.Error("the client was given the target's key")
	}
	if e.route.Credential != nil {
		t.Error("a credential is kept")
	}
}

// What can't be recorded isn't passed on.
func TestCancelThatIsRefusedOrWaits(t *testing.T) {
	g, server := realGate(t, nil)
	conn, err := connect(t, g, "postgres", "sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	ended := sleeper(t, conn, server)
	pid, secret := conn.PgConn().PID(), conn.PgConn().SecretKey()
	tape := g.tape(0)
	tape.mu.Lock()
	tape.wait = make(chan protocols.Answer, 1)
	tape.wait <- protocols.Answer{Verdict: record.VerdictDeny, Refusal: &protocols.Error{Class: protocols.ClassNotRecorded, Message: "the journal is full"}}
	tape.mu.Unlock()
	cancelRaw(t, g, pid, secret)
	select {
	case err := <-ended:
		t.Fatalf("it was passed on: %v", err)
	default:
	}
	if !strings.Contains(g.log.String(), "the journal is full") {
		t.Errorf("the log does not say why: %s", g.log)
	}
	tape.mu.Lock()
	tape.wait <- protocols.Answer{Verdict: record.VerdictAllow, Seq: 7}
	tape.mu.Unlock()
	cancelRaw(t, g, pid, secret)
	if err := <-ended; !isCancelled(err) {
		t.Errorf("after the wait: %v", err)
	}
}

// Two sessions of two targets may share a process id; their secrets tell them apart.
func TestCancelEntriesShareAPID(t *testing.T) {
	var cs cancels
	a := cs.issue(&target{pid: 7}, protocols.Route{}, version30)
	b := cs.issue(&target{pid: 7}, protocols.Route{}, version32)
	if cs.find(7, a.secret) != a || cs.find(7, b.secret) != b || cs.find(8, a.secret) != nil {
		t.Error("an entry is not found by its secret")
	}
	a.close()
	a.close()
	if cs.find(7, a.secret) != nil || cs.find(7, b.secret) != b {
		t.Error("the wrong entry is gone")
	}
	b.close()
	if len(cs.byPID) != 0 {
		t.Error("the registry keeps what is closed")
	}
	if a.do(func() { t.Error("a closed session was asked") }) {
		t.Error("a closed session is said to live")
	}
}
