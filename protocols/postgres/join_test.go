package postgres

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/gatefold/gatefold/internal/scram"
	"github.com/gatefold/gatefold/internal/vault"
	"github.com/gatefold/gatefold/protocols"
)

const targetSecret = "hunter2"

// joinTo has a conn that said hello join the target at addr.
func joinTo(t *testing.T, addr, floor string, config *tls.Config) (protocols.Joined, *pgproto3.ErrorResponse, error) {
	t.Helper()
	client, server := net.Pipe()
	c := New(Options{}).Accept(protocols.Origin{Conn: server}).(*conn)
	defer c.Close()
	c.startup = &startup{version: version30, user: "alice", settings: map[string]string{"application_name": "test"}}
	told := make(chan []byte, 1)
	go func() {
		b, _ := io.ReadAll(client)
		told <- b
	}()
	credential := &vault.Credential{User: "app", Secret: []byte(targetSecret)}
	joined, err := c.Join(t.Context(), protocols.Route{Credential: credential, Floor: floor, TLS: config, Database: "shop",
		Dial: func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", addr) }})
	if err == nil {
		return joined, nil, nil
	}
	c.Refuse(err)
	c.Close()
	return joined, decodeError(t, <-told), err
}

func auth(kind uint32, more ...byte) []byte {
	n := byte(8 + len(more))
	return append([]byte{'R', 0, 0, 0, n, 0, 0, 0, byte(kind)}, more...)
}

var saslOffer = encode(&pgproto3.AuthenticationSASL{AuthMechanisms: []string{scram.SHA256}})

// greeting is what follows AuthenticationOk.
var greeting = encode(&pgproto3.ParameterStatus{Name: "server_version", Value: "15.4"},
	&pgproto3.BackendKeyData{ProcessID: 4711, SecretKey: []byte{1, 2, 3, 4}}, &pgproto3.ReadyForQuery{TxStatus: 'I'})

// A server that asks for less than the floor gets not one byte of the credential, nor does one that is not what it
// should be. What the client is told names neither the target's user nor its address.
func TestHostileTarget(t *testing.T) {
	ok := encode(&pgproto3.AuthenticationOk{})
	for _, tt := range []struct {
		name   string
		floor  string
		script func(*rawClient)
		says   string
		code   string // 57P03 where empty
	}{
		{name: "asks for the password itself", floor: "md5", says: "weaker login",
			script: func(c *rawClient) { c.Write(auth(pgproto3.AuthTypeCleartextPassword)) }},
		{name: "asks for md5", floor: "", says: "weaker login",
			script: func(c *rawClient) { c.Write(auth(pgproto3.AuthTypeMD5Password, 1, 2, 3, 4)) }},
		{name: "asks for SCRAM without channel binding", floor: "scram-sha-256-plus", says: "weaker login",
			script: func(c *rawClient) { c.Write(saslOffer) }},
		{name: "asks for nothing", floor: "password", says: "weaker login",
			script: func(c *rawClient) { c.Write(append(bytes.Clone(ok), greeting...)) }},
		{name: "asks for GSSAPI", floor: "trust", says: "does not know",
			script: func(c *rawClient) { c.Write(auth(pgproto3.AuthTypeGSS)) }},
		{name: "offers unknown SASL only", floor: "trust", says: "does not know",
			script: func(c *rawClient) {
				c.Write(encode(&pgproto3.AuthenticationSASL{AuthMechanisms: []string{"OAUTHBEARER"}}))
			}},
		{name: "says OK in the middle of SCRAM", floor: "trust", says: "as it should",
			script: func(c *rawClient) { c.Write(append(bytes.Clone(saslOffer), ok...)) }},
		{name: "leaves its own proof out", floor: "", says: "as it should",
			script: func(c *rawClient) { serveSCRAM(c, targetSecret, 0); c.Write(append(bytes.Clone(ok), greeting...)) }},
		{name: "does not know the password", floor: "", says: "could not prove",
			script: func(c *rawClient) {
				serveSCRAM(c, "a guess", 0)
				c.Write(encode(&pgproto3.AuthenticationSASLFinal{Data: []byte("v=" + strings.Repeat("A", 43) + "=")}))
			}},
		{name: "asks for a million iterations and one", floor: "", says: "as it should",
			script: func(c *rawClient) {
				c.Write(saslOffer)
				_, body, _, _ := readMessage(c, nil, maxAuth)
				nonce := string(body[bytes.LastIndex(body, []byte("r="))+2:])
				c.Write(encode(&pgproto3.AuthenticationSASLContinue{Data: []byte("r=" + nonce + "x,s=c2FsdA==,i=1000001")}))
			}},
		{name: "begins SCRAM twice", floor: "", says: "as it should",
			script: func(c *rawClient) { c.Write(append(bytes.Clone(saslOffer), saslOffer...)) }},
		{name: "asks for the password, then for more", floor: "password", says: "as it should",
			script: func(c *rawClient) {
				c.Write(append(auth(pgproto3.AuthTypeCleartextPassword), auth(pgproto3.AuthTypeMD5Password, 1, 2, 3, 4)...))
			}},
		{name: "continues what was not begun", floor: "trust", says: "as it should",
			script: func(c *rawClient) { c.Write(encode(&pgproto3.AuthenticationSASLContinue{Data: []byte("r=")})) }},
		{name: "ends what was not begun", floor: "trust", says: "as it should",
			script: func(c *rawClient) { c.Write(encode(&pgproto3.AuthenticationSASLFinal{Data: []byte("v=")})) }},
		{name: "is ready before the login", floor: "trust", says: "as it should", script: func(c *rawClient) { c.Write(greeting) }},
		{name: "sends rows", floor: "trust", says: "as it should",
			script: func(c *rawClient) { c.Write(append(bytes.Clone(ok), 'D', 0, 0, 0, 6, 0, 0)) }},
		{name: "is not Postgres", floor: "trust", says: "during login", script: func(c *rawClient) { c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }},
		{name: "announces 4 GB", floor: "trust", says: "during login", script: func(c *rawClient) { c.Write([]byte{'S', 255, 255, 255, 255}) }},
		{name: "announces a length that wraps", floor: "trust", says: "during login", script: func(c *rawClient) { c.Write([]byte{'R', 0, 0, 0, 3}) }},
		{name: "is never done", floor: "trust", says: "as it should",
			script: func(c *rawClient) {
				notice := encode(&pgproto3.NoticeResponse{Severity: "NOTICE", Message: "wait"})
				c.Write(append(bytes.Clone(ok), bytes.Repeat(notice, 2*maxMessages)...))
			}},
		{name: "greets without end", floor: "trust", says: "as it should",
			script: func(c *rawClient) {
				c.Write(append(bytes.Clone(ok), bytes.Repeat(encode(&pgproto3.ParameterStatus{Name: "x", Value: strings.Repeat("y", 20_000)}), 9)...))
			}},
		{name: "sends a huge cancel key", floor: "trust", says: "as it should",
			script: func(c *rawClient) {
				c.Write(append(bytes.Clone(ok), encode(&pgproto3.BackendKeyData{SecretKey: make([]byte, 257)})...))
			}},
		{name: "refuses, naming its user", floor: "", says: "refused the gateway's login",
			script: func(c *rawClient) {
				c.Write(encode(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "28P01", Message: `password authentication failed for user "app"`}))
			}},
		{name: "has no such database", floor: "", says: "no database of this name", code: "3D000",
			script: func(c *rawClient) {
				c.Write(encode(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "3D000", Message: `database "shop" does not exist`}))
			}},
		{name: "names a parameter before it knows us", floor: "", says: "refused the gateway's login",
			script: func(c *rawClient) {
				c.Write(encode(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "22023", Message: "I am app@10.0.0.1"}))
			}},
		{name: "sends a broken error", floor: "", says: "as it should", script: func(c *rawClient) { c.Write([]byte{'E', 0, 0, 0, 5, 'S'}) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := pretend(t, func(c *rawClient) {
				if c.startupMessage() != nil {
					tt.script(c)
				}
			})
			_, told, err := joinTo(t, p.Addr, tt.floor, nil)
			if err == nil {
				t.Fatal("joined")
			}
			if tt.code == "" {
				tt.code = "57P03"
			}
			if told.Code != tt.code || !strings.Contains(told.Message, tt.says) {
				t.Errorf("the client is told %+v, want ...%s... (the log: %v)", told, tt.says, err)
			}
			shown := told.Message + told.Detail + told.Hint
			for _, private := range []string{"app", p.Addr, "127.0.0.1", targetSecret} {
				if strings.Contains(shown, private) {
					t.Errorf("the client is told %q: %s", private, shown)
				}
			}
			if strings.Contains(err.Error(), targetSecret) {
				t.Errorf("the log is told the secret: %v", err)
			}
			if tt.floor != "password" && strings.Contains(p.Received(), targetSecret) {
				t.Error("the target was sent the secret")
			}
			if tt.says == "weaker login" && strings.Contains(p.Received(), "\x00p\x00") {
				t.Errorf("the target was answered: %q", p.Received())
			}
		})
	}
}

// Each method at its own floor: the order of strength, and that what is allowed works.
func TestMethods(t *testing.T) {
	ok := append(encode(&pgproto3.AuthenticationOk{}), greeting...)
	scripts := []func(*rawClient){
		func(c *rawClient) { c.Write(ok) },
		func(c *rawClient) {
			c.Write(auth(pgproto3.AuthTypeCleartextPassword))
			if _, body, _, err := readMessage(c, nil, maxAuth); err == nil && string(body) == targetSecret+"\x00" {
				c.Write(ok)
			}
		},
		func(c *rawClient) {
			c.Write(auth(pgproto3.AuthTypeMD5Password, 1, 2, 3, 4))
			if _, body, _, err := readMessage(c, nil, maxAuth); err == nil && string(body) == md5OfHunter2+"\x00" {
				c.Write(ok)
			}
		},
		func(c *rawClient) {
			if final := serveSCRAM(c, targetSecret, 0); final != nil {
				c.Write(append(encode(&pgproto3.AuthenticationSASLFinal{Data: final}), ok...))
			}
		},
	}
	for floor, name := range methodNames {
		for m, script := range scripts {
			p := pretend(t, func(c *rawClient) {
				if c.startupMessage() != nil {
					script(c)
				}
			})
			joined, _, err := joinTo(t, p.Addr, name, nil)
			if in := err == nil; in != (m >= floor) {
				t.Errorf("floor %s, target asks for %s: joined %t, %v", name, methodNames[m], in, err)
			}
			if err == nil && (joined.PID != 4711 || joined.Version != "15.4" || joined.TLS != "" || joined.Peer != p.Addr) {
				t.Errorf("joined %+v", joined)
			}
		}
	}
	if _, _, err := joinTo(t, "127.0.0.1:1", "sspi", nil); err == nil {
		t.Error("an unknown floor was taken")
	}
}

// md5OfHunter2 is "md5" and md5(md5("hunter2app") in hex, then the bytes 1 2 3 4) in hex.
const md5OfHunter2 = "md56c756f9baaf93d46b93b7ca862c00383"

// Pins CVE-2024-10977 and kin: what is said before TLS is neither believed nor shown, and plaintext never follows.
func TestTargetWithoutTLS(t *testing.T) {
	for name, answer := range map[string][]byte{
		"no":              {'N'},
		"an error":        encode(&pgproto3.ErrorResponse{Severity: "FATAL", Code: "28000", Message: "call 0900 123 for support"}),
		"garbage":         {'?'},
		"yes, then words": append([]byte{'S'}, encode(&pgproto3.AuthenticationOk{})...),
	} {
		t.Run(name, func(t *testing.T) {
			p := pretend(t, func(c *rawClient) {
				var request [8]byte
				if _, err := io.ReadFull(c, request[:]); err == nil {
					c.Write(answer)
				}
			})
			_, told, err := joinTo(t, p.Addr, "trust", &tls.Config{ServerName: "db"})
			if err == nil || told.Code != "57P03" || strings.Contains(told.Message+told.Hint, "0900") {
				t.Errorf("%v, the client is told %+v", err, told)
			}
			if strings.Contains(p.Received(), "app\x00") {
				t.Error("the startup message went out in plaintext")
			}
		})
	}
}

func TestTargetThatIsDown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	_, told, err := joinTo(t, addr, "", nil)
	if err == nil || told.Code != "57P03" || strings.Contains(told.Message+told.Hint, addr) {
		t.Errorf("%v, the client is told %+v", err, told)
	}
}

// The startup message to the target has the credential's name, never the client's, and only what is passed on.
func TestStartupToTheTarget(t *testing.T) {
	got := make(chan *pgproto3.StartupMessage, 1)
	p := pretend(t, func(c *rawClient) { got <- c.startupMessage() })
	go joinTo(t, p.Addr, "", nil)
	m := <-got
	if len(m.Parameters) != 3 || m.Parameters["user"] != "app" || m.Parameters["database"] != "shop" || m.Parameters["application_name"] != "test" {
		t.Errorf("%+v", m)
	}
}

func TestCloseEndsJoin(t *testing.T) {
	silent := make(chan struct{})
	p := pretend(t, func(c *rawClient) { c.startupMessage(); close(silent) })
	client, server := net.Pipe()
	defer client.Close()
	c := New(Options{}).Accept(protocols.Origin{Conn: server}).(*conn)
	c.startup = &startup{version: version30, user: "alice", settings: map[string]string{}}
	ended := make(chan error)
	go func() {
		_, err := c.Join(t.Context(), protocols.Route{Credential: &vault.Credential{User: "app", Secret: []byte(targetSecret)},
			Dial: func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", p.Addr) }})
		ended <- err
	}()
	<-silent
	c.Close()
	if err := <-ended; err == nil {
		t.Error("Join ended well")
	}
}

// keeper is a connection that keeps hold of what it was last given to write.
type keeper struct {
	net.Conn
	last, copied []byte
}

func (k *keeper) Write(b []byte) (int, error) {
	k.last, k.copied = b, bytes.Clone(b)
	return len(b), nil
}

func TestAnswersAreWiped(t *testing.T) {
	for _, demand := range [][]byte{auth(pgproto3.AuthTypeCleartextPassword), auth(pgproto3.AuthTypeMD5Password, 1, 2, 3, 4)} {
		k := &keeper{}
		l := &login{conn: k}
		l.auth.credential = &vault.Credential{User: "app", Secret: []byte(targetSecret)}
		if _, err := l.take('R', demand[5:]); err != nil {
			t.Fatal(err)
		}
		if len(k.copied) == 0 || !bytes.Equal(k.last, make([]byte, len(k.last))) {
			t.Errorf("sent %q, and %q is left of it", k.copied, k.last)
		}
		if string(l.auth.credential.Secret) != targetSecret {
			t.Error("the route's credential is its owner's to wipe")
		}
	}
}
