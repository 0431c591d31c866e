package postgres

import (
	"io"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/gatefold/gatefold/internal/scram"
	"github.com/gatefold/gatefold/protocols/protocoltest"
)

// pretend starts a server that plays script on each connection.
func pretend(t *testing.T, script func(*rawClient)) *protocoltest.Pretender {
	t.Helper()
	return protocoltest.Pretend(t, func(nc net.Conn) { script(&rawClient{t, nc}) })
}

// startupMessage reads the gateway's StartupMessage.
func (c *rawClient) startupMessage() *pgproto3.StartupMessage {
	var first [4]byte
	if _, err := io.ReadFull(c, first[:]); err != nil {
		return nil
	}
	code, body, err := readPacket(c, first)
	if err != nil {
		return nil
	}
	var m pgproto3.StartupMessage
	if err := m.Decode(append([]byte{byte(code >> 24), byte(code >> 16), byte(code >> 8), byte(code)}, body...)); err != nil {
		c.t.Errorf("the gateway's startup message: %v", err)
	}
	return &m
}

// serveSCRAM logs the gateway in as a real server does, and stops before server-final.
func serveSCRAM(c *rawClient, password string, iterations int) (final []byte) {
	v, err := scram.NewVerifier([]byte(password), iterations)
	if err != nil {
		c.t.Error(err)
		return nil
	}
	x := scram.NewServer(v, nil)
	c.Write(saslOffer)
	_, body, _, err := readMessage(c, nil, maxAuth)
	if err != nil {
		return nil
	}
	mechanism, message, err := parseSASLInitial(body)
	if err != nil {
		c.t.Error(err)
		return nil
	}
	challenge, err := x.First(mechanism, message)
	if err != nil {
		c.t.Error(err)
		return nil
	}
	c.Write(encode(&pgproto3.AuthenticationSASLContinue{Data: challenge}))
	if _, body, _, err = readMessage(c, nil, maxAuth); err != nil {
		return nil
	}
	if final, err = x.Final(body); err != nil {
		return nil
	}
	return final
}
