// Package protocoltest is what the protocols' tests need around a protocol: a gate with users and a target, tapes that
// remember, connections and servers that say what a test wants. Tests alone import it.
package protocoltest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/testenv"
)

// Buffer is a buffer for several writers.
type Buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// Script is a connection whose other side has said all that it will ever say.
type Script struct {
	net.Conn
	in  *bytes.Reader
	Out bytes.Buffer // what was written
}

// NewScript is a connection whose other side said this.
func NewScript(said []byte) *Script { return &Script{in: bytes.NewReader(said)} }

func (s *Script) Read(b []byte) (int, error)       { return s.in.Read(b) }
func (s *Script) Write(b []byte) (int, error)      { return s.Out.Write(b) }
func (s *Script) Close() error                     { return nil }
func (s *Script) SetDeadline(time.Time) error      { return nil }
func (s *Script) SetReadDeadline(time.Time) error  { return nil }
func (s *Script) SetWriteDeadline(time.Time) error { return nil }
func (s *Script) RemoteAddr() net.Addr             { return &net.TCPAddr{} }

// NewTLS is a server's configuration, with an authority of its own, whose certificate in PEM it returns.
func NewTLS(t testing.TB) (config *tls.Config, ca []byte) {
	t.Helper()
	cert, err := testenv.NewCert()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(cert.Cert, cert.Key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, cert.CA
}

// Trust is the configuration of a client that trusts an authority, given in PEM.
func Trust(ca []byte) *tls.Config {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	return &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
}

// TrustFile trusts the authority in a file.
func TrustFile(t testing.TB, ca string) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	return Trust(pem)
}

// Turns takes a fuzzer's input apart into turns: a byte that says whose (its lowest bit: the server's) and how long (the
// other bits), then the bytes.
func Turns(data []byte, each func(server bool, p []byte)) {
	for len(data) > 0 {
		n := min(int(data[0]>>1)+1, len(data)-1)
		each(data[0]&1 == 1, data[1:1+n])
		data = data[1+n:]
	}
}

// AsTurns is the input that gives p to one side.
func AsTurns(server bool, p []byte) (data []byte) {
	for len(p) > 0 {
		n := min(len(p), 128)
		head := byte(n-1) << 1
		if server {
			head |= 1
		}
		data = append(append(data, head), p[:n]...)
		p = p[n:]
	}
	return data
}
