package mysql

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gatefold/gatefold/protocols"
	"github.com/gatefold/gatefold/protocols/protocoltest"
)

// rawClient is a client that says what a test wants it to.
type rawClient struct {
	t *testing.T
	packets
	greeting *greeting
	caps     capabilities
	scramble []byte
}

// insecure trusts any gate.
var insecure = &tls.Config{InsecureSkipVerify: true}

func dialGate(t *testing.T, g *testGate) *rawClient {
	t.Helper()
	return &rawClient{t: t, packets: packets{nc: protocoltest.Dial(t, g.Addr.String())}, caps: required | clientPluginAuthLenenc | clientConnectAttrs | clientConnectWithDB}
}

// greeted reads the greeting.
func (c *rawClient) greeted() *rawClient {
	c.t.Helper()
	g, err := parseGreeting(c.get())
	if err != nil {
		c.t.Fatal(err)
	}
	c.greeting, c.scramble = g, g.scramble
	return c
}

func (c *rawClient) get() []byte {
	c.t.Helper()
	payload, err := c.read(1 << 20)
	if err != nil {
		c.t.Fatal(err)
	}
	return payload
}

// want reads a packet that begins with these bytes, and returns the rest.
func (c *rawClient) want(begin ...byte) []byte {
	c.t.Helper()
	payload := c.get()
	if !bytes.HasPrefix(payload, begin) {
		c.t.Fatalf("got %q, want %q", payload, begin)
	}
	return payload[len(begin):]
}

func (c *rawClient) put(payload []byte) {
	c.t.Helper()
	if err := c.write(payload); err != nil {
		c.t.Fatal(err)
	}
}

// refused reads the refusal, and that nothing follows it.
func (c *rawClient) refused() *targetError {
	c.t.Helper()
	payload := c.get()
	if payload[0] != answerError {
		c.t.Fatalf("got %q, want a refusal", payload)
	}
	if rest, err := io.ReadAll(c.nc); len(rest) > 0 || err != nil {
		c.t.Errorf("after the refusal: %q, %v", rest, err)
	}
	return parseError(payload)
}

// startTLS asks for TLS and does the handshake.
func (c *rawClient) startTLS(config *tls.Config) *rawClient {
	c.t.Helper()
	c.caps |= clientTLS
	c.put(response{caps: c.caps}.bytes()[:tlsRequestSize])
	t := tls.Client(c.nc, config)
	if err := t.Handshake(); err != nil {
		c.t.Fatal(err)
	}
	c.nc = t
	return c
}

// response is a HandshakeResponse41.
type response struct {
	caps                   capabilities
	user, database, plugin string
	auth                   []byte
	attrs                  []byte
}

func (r response) bytes() []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(r.caps))
	b = binary.LittleEndian.AppendUint32(b, 1<<24)
	b = append(append(b, collationUTF8MB4), make([]byte, 19)...)
	b = binary.LittleEndian.AppendUint32(b, uint32(r.caps>>32))
	b = append(append(b, r.user...), 0)
	b = appendLenencText(b, r.auth)
	if r.caps.has(clientConnectWithDB) {
		b = append(append(b, r.database...), 0)
	}
	b = append(append(b, r.plugin...), 0)
	if r.caps.has(clientConnectAttrs) {
		b = appendLenencText(b, r.attrs)
	}
	return b
}

// login sends a response by plugin.
func (c *rawClient) login(user, plugin string, auth []byte) {
	c.t.Helper()
	c.put(response{caps: c.caps, user: user, plugin: plugin, auth: auth, database: "shop"}.bytes())
}

// switched reads an AuthSwitchRequest to plugin.
func (c *rawClient) switched(plugin string) {
	c.t.Helper()
	scramble := c.want(append(append([]byte{answerEOF}, plugin...), 0)...)
	if plugin == pluginClear {
		return
	}
	if len(scramble) != scrambleSize+1 || bytes.Equal(scramble[:scrambleSize], c.scramble) {
		c.t.Fatalf("scramble %q after %q", scramble, c.scramble)
	}
	c.scramble = scramble[:scrambleSize]
}

// nowhere is a gate whose target refuses connections.
func nowhere(t *testing.T, change func(*testGate)) *testGate {
	t.Helper()
	return newGate(t, protocoltest.Nowhere(t), "app", "hunter2", change)
}

// proved reads what a client is told whose proof was good, at a gate to nowhere.
func (c *rawClient) proved() {
	c.t.Helper()
	if got := c.refused(); got.code != 1429 || !strings.Contains(got.message, "can't be reached") {
		c.t.Errorf("not proved: %v", got)
	}
}

func (c *rawClient) denied(using string) {
	c.t.Helper()
	got := c.refused()
	if got.code != 1045 || got.state != "28000" || !strings.HasPrefix(got.message, "Access denied for user '") ||
		!strings.HasSuffix(got.message, "'@'127.0.0.1' (using password: "+using+")") {
		c.t.Errorf("%v", got)
	}
}

func TestGreeting(t *testing.T) {
	g := nowhere(t, func(g *testGate) { g.Origin.Target, g.Origin.Announce = "", "8.0.36-shop" })
	seen := map[uint32]bool{}
	for range 20 {
		c := dialGate(t, g).greeted()
		switch got := c.greeting; {
		case got.version != "8.0.36-shop":
			t.Errorf("version %q", got.version)
		case got.thread&ownID == 0 || seen[got.thread]:
			t.Errorf("id %#x", got.thread)
		case bytes.ContainsAny(got.scramble, "\x00$") || len(got.scramble) != scrambleSize:
			t.Errorf("scramble %q", got.scramble)
		case !got.caps.has(always) || got.caps&(clientCompress|clientZstd|clientMFA|mariadbComMulti) != 0:
			t.Errorf("capabilities %#x", uint64(got.caps))
		case got.plugin != pluginSHA2:
			t.Errorf("plugin %q", got.plugin)
		}
		seen[c.greeting.thread] = true
	}
}

func TestDefaultGreeting(t *testing.T) {
	g := nowhere(t, nil)
	for range 3 {
		if c := dialGate(t, g).greeted(); c.greeting.version != defaultVersion || c.greeting.caps != common {
			t.Errorf("%+v", c.greeting)
		}
	}
	if n := g.Dials.Load(); n != 1 {
		t.Errorf("a target that is down was asked %d times", n)
	}
}

func TestGarbageInPlaceOfAResponse(t *testing.T) {
	g := nowhere(t, nil)
	whole := response{caps: required, user: "alice", plugin: pluginSHA2}.bytes()
	numbered := func(seq byte, payload []byte) []byte { return appendPacket(nil, seq, payload) }
	for name, garbage := range map[string][]byte{
		"HTTP":                    []byte("GET / HTTP/1.1\r\nHost: db\r\n\r\n"),
		"SSH":                     []byte("SSH-2.0-OpenSSH_9.2\r\n"),
		"16 MB":                   {0xff, 0xff, 0xff, 1},
		"one byte too long":       appendHead(nil, maxHello+1, 1),
		"nothing":                 numbered(1, nil),
		"number 0":                numbered(0, whole),
		"number 2":                numbered(2, whole),
		"cut":                     numbered(1, whole[:30]),
		"a user without end":      numbered(1, whole[:36]),
		"an answer too long":      numbered(1, append(whole[:38:38], 200, 1, 2, 3)),
		"a query":                 numbered(1, append([]byte{comQuery}, "SELECT 1"...)),
		"TLS asked for, and not":  numbered(1, response{caps: required | clientTLS, user: "alice", plugin: pluginSHA2}.bytes()),
		"a name that is no UTF-8": numbered(1, response{caps: required, user: "al\xffice", plugin: pluginSHA2}.bytes()),
		"a user of 600 bytes":     numbered(1, response{caps: required, user: strings.Repeat("a", 600), plugin: pluginSHA2}.bytes()),
		"attributes that lie": numbered(1, response{caps: required | clientConnectAttrs, user: "alice", plugin: pluginSHA2,
			attrs: []byte{200, 'x'}}.bytes()),
		"300 attributes": numbered(1, response{caps: required | clientConnectAttrs, user: "alice", plugin: pluginSHA2,
			attrs: bytes.Repeat([]byte{1, 'x', 1, 'y'}, 300)}.bytes()),
	} {
		t.Run(name, func(t *testing.T) {
			c := dialGate(t, g).greeted()
			if _, err := c.nc.Write(garbage); err != nil {
				t.Fatal(err)
			}
			payload := readAny(t, c.nc)
			if got := parseError(payload); payload[0] != answerError || got.code != 1043 && got.code != 1251 {
				t.Errorf("%+v", got)
			}
		})
	}
}

// readAny reads a packet of any number.
func readAny(t *testing.T, nc net.Conn) []byte {
	t.Helper()
	var head [headSize]byte
	if _, err := io.ReadFull(nc, head[:]); err != nil {
		t.Fatal(err)
	}
	size, _ := packetHead(head[:])
	payload := make([]byte, size)
	if _, err := io.ReadFull(nc, payload); err != nil || size == 0 {
		t.Fatal(err)
	}
	return payload
}

func TestClientTooOld(t *testing.T) {
	g := nowhere(t, nil)
	for name, caps := range map[string]capabilities{
		"3.23":               0,
		"4.1 without":        clientProtocol41,
		"5.1, before plugin": clientProtocol41 | clientSecureConnection,
	} {
		c := dialGate(t, g).greeted()
		c.put(response{caps: caps, user: "alice"}.bytes())
		if got := c.refused(); got.code != 1251 || !strings.Contains(got.message, "too old") {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Pins CVE-2021-3935 and kin: what is stuffed in before TLS must not count as said inside it.
func TestPlaintextStuffedBeforeTLS(t *testing.T) {
	g := nowhere(t, nil)
	request := response{caps: required | clientTLS}.bytes()[:tlsRequestSize]
	stuffed := appendPacket(appendPacket(nil, 1, request), 2, response{caps: required | clientTLS, user: "alice", plugin: pluginSHA2}.bytes())
	t.Run("behind the SSLRequest", func(t *testing.T) {
		c := dialGate(t, g).greeted()
		c.nc.Write(stuffed)
		c.seq = 2
		if got := c.refused(); got.code != 1043 || !strings.Contains(got.message, "unencrypted data") {
			t.Errorf("%+v", got)
		}
	})
	t.Run("before a real handshake", func(t *testing.T) {
		c := dialGate(t, g).greeted()
		c.nc.Write(stuffed)
		if err := tls.Client(c.nc, g.Trusted(t)).Handshake(); err == nil {
			t.Error("the handshake went through")
		}
	})
	t.Run("TLS inside TLS", func(t *testing.T) {
		c := dialGate(t, g).greeted().startTLS(g.Trusted(t))
		c.put(request)
		if got := c.refused(); got.code != 1043 {
			t.Errorf("%+v", got)
		}
	})
}

func TestPlaintextWhereNoneIsTaken(t *testing.T) {
	g := nowhere(t, func(g *testGate) { g.Origin.Plaintext = false })
	c := dialGate(t, g).greeted()
	c.login("alice", pluginSHA2, proveSHA2([]byte(protocoltest.Password), c.scramble))
	if got := c.refused(); got.code != 3159 || !strings.Contains(got.message, "--ssl") {
		t.Errorf("%+v", got)
	}
}

func TestClientThatLeaves(t *testing.T) {
	g := nowhere(t, nil)
	whole := appendPacket(nil, 1, response{caps: required, user: "alice", plugin: pluginNative}.bytes())
	for n, says := range [][]byte{nil, {0}, whole[:20], whole} {
		c := dialGate(t, g).greeted()
		c.nc.Write(says)
		if len(says) == len(whole) {
			c.seq++
			c.switched(pluginSHA2)
		}
		c.nc.Close()
		if err := g.Err(t, n); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: %v, want that the client left", says, err)
		}
	}
}

// A slow-loris: one byte, then nothing. The deadline of Hello ends it, with a word.
func TestSlowLoris(t *testing.T) {
	g := nowhere(t, func(g *testGate) { g.Timeout = 100 * time.Millisecond })
	whole := appendPacket(nil, 1, response{caps: required, user: "alice", plugin: pluginNative}.bytes())
	for name, says := range map[string][]byte{"nothing": nil, "one byte": {0}, "half a packet": whole[:30], "no answer": whole} {
		c := dialGate(t, g).greeted()
		c.nc.Write(says)
		if len(says) == len(whole) {
			c.seq++
			c.switched(pluginSHA2)
		}
		if got := parseError(readAny(t, c.nc)); got.message != lateLogin {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestShutdownReachesWhoLogsIn(t *testing.T) { nowhere(t, nil).ShutdownReachesHello(t) }

func TestCloseEndsHello(t *testing.T) {
	nowhere(t, nil).CloseEndsHello(t, func(client net.Conn) error {
		_, err := io.ReadFull(client, make([]byte, headSize)) // the greeting
		return err
	})
}

// A connection that is refused before it was greeted is told so in a packet that has no SQLSTATE yet.
func TestRefusedBeforeTheGreeting(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	c := New(Options{}).Accept(protocols.Origin{Conn: server})
	go func() {
		c.Refuse(&protocols.Error{Class: protocols.ClassTooMany, Message: "Too many connections"})
		c.Close()
	}()
	payload, err := (&packets{nc: client}).read(maxReply)
	if err != nil || string(payload) != "\xff\x10\x04Too many connections" {
		t.Errorf("%q, %v", payload, err)
	}
}
