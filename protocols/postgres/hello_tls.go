package postgres

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"

	"github.com/gatefold/gatefold/internal/scram"
	"github.com/gatefold/gatefold/protocols"
)

// alpn is PostgreSQL's name in TLS (RFC 7301), which direct TLS must negotiate so that no other protocol's traffic can
// be passed off as Postgres (PostgreSQL's documentation, section 55.2.10).
const alpn = "postgresql"

// maxHandshake bounds what a client sends in a handshake. A ClientHello is of 0.3 to 2 KiB; crypto/tls would keep 64 KiB of
// one, and room for twice that.
const maxHandshake = 20 << 10 // 20 KiB

// answerTLS answers an SSLRequest and does the handshake.
func (c *conn) answerTLS(ctx context.Context) error {
	if _, err := c.client.Write([]byte{'S'}); err != nil {
		return fmt.Errorf("answer SSLRequest: %w", err)
	}
	return c.handshake(ctx, c.client)
}

// directTLS does the handshake with a client that began with it; first are the bytes that were read of it.
func (c *conn) directTLS(ctx context.Context, first []byte) error {
	if err := c.handshake(ctx, &prefixConn{Conn: c.client, prefix: first}); err != nil {
		return err
	}
	if c.client.(*tls.Conn).ConnectionState().NegotiatedProtocol != alpn {
		return &protocols.Error{Class: protocols.ClassBadRequest, Message: "direct TLS without ALPN protocol negotiation",
			Hint: "Have the client negotiate the ALPN protocol postgresql, or use sslnegotiation=postgres."}
	}
	return nil
}

// handshake puts TLS on nc and notes the certificate that the client was shown.
func (c *conn) handshake(ctx context.Context, nc net.Conn) error {
	var shown *tls.Certificate
	bounded := &protocols.Bounded{Conn: nc, Left: maxHandshake}
	t := tls.Server(bounded, shownTo(c.origin.TLS, &shown))
	if err := t.HandshakeContext(ctx); err != nil {
		var header tls.RecordHeaderError
		if errors.As(err, &header) && header.Conn != nil {
			return &protocols.Error{Class: protocols.ClassBadRequest, Message: "received unencrypted data after SSL request", Cause: err,
				Hint: "This could be either a client-software bug or evidence of an attempted man-in-the-middle attack."}
		}
		c.mute = true // part of a handshake is under way: words in plaintext would only be garbage to the client
		return fmt.Errorf("shake hands with the client: %w", err)
	}
	bounded.Release()
	c.setClient(t)
	c.binding = bindingOf(shown)
	return nil
}

// shownTo returns config as it is, but that it notes the certificate that a client is shown. Tickets are off: a
// resumed connection shows none, and Postgres clients don't resume.
func shownTo(config *tls.Config, shown **tls.Certificate) *tls.Config {
	config = config.Clone()
	config.SessionTicketsDisabled = true
	if len(config.NextProtos) == 0 {
		config.NextProtos = []string{alpn}
	}
	choose, certificates := config.GetCertificate, config.Certificates
	config.Certificates = nil // so that GetCertificate is asked always
	config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		cert, err := chooseCertificate(hello, choose, certificates)
		*shown = cert
		return cert, err
	}
	return config
}

// chooseCertificate chooses as crypto/tls does: by GetCertificate, else the first that suits the client, else the first.
func chooseCertificate(hello *tls.ClientHelloInfo, choose func(*tls.ClientHelloInfo) (*tls.Certificate, error),
	certificates []tls.Certificate) (*tls.Certificate, error) {
	if choose != nil && (len(certificates) == 0 || hello.ServerName != "") {
		if cert, err := choose(hello); cert != nil || err != nil {
			return cert, err
		}
	}
	for i := range certificates {
		if hello.SupportsCertificate(&certificates[i]) == nil {
			return &certificates[i], nil
		}
	}
	if len(certificates) == 0 {
		return nil, errors.New("choose certificate: none is configured")
	}
	return &certificates[0], nil
}

// bindingOf is the channel binding of a certificate; nil where there is none.
func bindingOf(cert *tls.Certificate) []byte {
	if cert == nil || len(cert.Certificate) == 0 {
		return nil
	}
	leaf := cert.Leaf
	if leaf == nil {
		var err error
		if leaf, err = x509.ParseCertificate(cert.Certificate[0]); err != nil {
			return nil
		}
	}
	binding, err := scram.EndPoint(leaf)
	if err != nil {
		return nil
	}
	return binding
}

// prefixConn is a connection of which some bytes were read already.
type prefixConn struct {
	net.Conn
	prefix []byte
}

func (p *prefixConn) Read(b []byte) (int, error) {
	if len(p.prefix) == 0 {
		return p.Conn.Read(b)
	}
	n := copy(b, p.prefix)
	p.prefix = p.prefix[n:]
	return n, nil
}

// CloseWrite ends what is sent, where the connection can: a client that closes its half may still be answered.
func (p *prefixConn) CloseWrite() error {
	half, ok := p.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}
