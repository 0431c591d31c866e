package scram

import (
	"crypto/subtle"
	"fmt"
	"slices"
	"strings"
)

// Client is one exchange seen from the client. First, Final, Verify, each once and in this order; then Wipe.
type Client struct {
	Mechanism string // the one chosen

	password  []byte // prepared
	header    string // GS2 header
	binding   []byte // what follows the header in client-final; nil without SHA256Plus
	nonce     string
	signature [keySize]byte // the server's, as it must be
	proved    bool
}

// NewClient begins an exchange with a server that offers mechanisms. The password is copied. binding is the
// tls-server-end-point data of the server's certificate; nil: not inside TLS, or the certificate has none. SHA256Plus is
// chosen where it can be.
func NewClient(password []byte, mechanisms []string, binding []byte) (*Client, error) {
	c := &Client{Mechanism: SHA256, header: "n,,", nonce: newNonce()}
	switch {
	case binding != nil && slices.Contains(mechanisms, SHA256Plus):
		c.Mechanism, c.header, c.binding = SHA256Plus, "p=tls-server-end-point,,", binding
	case !slices.Contains(mechanisms, SHA256):
		return nil, fmt.Errorf("choose mechanism: the server offers none that gatefold knows")
	case binding != nil:
		// The server did not offer it; if it did and someone took that out, the server will notice.
		c.header = "y,,"
	}
	c.password = prepare(password)
	return c, nil
}

// First returns client-first. The user's name stays empty: the startup message has it, and PostgreSQL ignores it here.
func (c *Client) First() []byte { return []byte(c.header + c.bare()) }

func (c *Client) bare() string { return "n=,r=" + c.nonce }

// Final takes server-first and returns client-final. Wrong or absurd demands of the server are refused before any work.
func (c *Client) Final(message []byte) ([]byte, error) {
	const name = "server-first"
	if !printable(message) {
		return nil, malformed(name, "too long, or not printable")
	}
	nonce, salt, iterations, err := readServerFirst(string(message))
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(nonce, c.nonce) || len(nonce) == len(c.nonce) {
		return nil, malformed(name, "the nonce is not the client's with the server's behind it")
	}
	input := slices.Concat([]byte(c.header), c.binding)
	without := "c=" + encoding.EncodeToString(input) + ",r=" + nonce
	proof := c.prove(salt, iterations, c.bare()+","+string(message)+","+without)
	return []byte(without + ",p=" + encoding.EncodeToString(proof[:])), nil
}

// prove works out the proof, and the signature that the server must answer with.
func (c *Client) prove(salt []byte, iterations int, authMessage string) (proof [keySize]byte) {
	k := derive(c.password, salt, iterations)
	defer k.wipe()
	mac(proof[:], k.stored[:], authMessage)
	xor(proof[:], proof[:], k.client[:])
	mac(c.signature[:], k.server[:], authMessage)
	c.proved = true
	clear(c.password)
	c.password = nil
	return proof
}

// readServerFirst reads "r=nonce,s=salt,i=iterations". Extensions after it are ignored, as PostgreSQL's libpq does.
func readServerFirst(message string) (nonce string, salt []byte, iterations int, err error) {
	const name = "server-first"
	parts := strings.SplitN(message, ",", 4)
	if len(parts) < 3 || len(parts) == 4 && !attributes(parts[3]) {
		return "", nil, 0, malformed(name, "not nonce, salt, iterations")
	}
	nonce, ok1 := strings.CutPrefix(parts[0], "r=")
	salt64, ok2 := strings.CutPrefix(parts[1], "s=")
	count, ok3 := strings.CutPrefix(parts[2], "i=")
	if !ok1 || !ok2 || !ok3 {
		return "", nil, 0, malformed(name, "not nonce, salt, iterations")
	}
	salt, err = encoding.DecodeString(salt64)
	if err != nil || len(salt) == 0 || len(salt) > maxSalt {
		return "", nil, 0, malformed(name, "the salt is not base64 of 1 to 256 bytes")
	}
	if iterations, err = parseIterations(count); err != nil {
		return "", nil, 0, fmt.Errorf("read %s: %w", name, err)
	}
	return nonce, salt, iterations, nil
}

// Verify takes server-final and checks that the server knows the password too. Without it a login proves nothing.
func (c *Client) Verify(message []byte) error {
	const name = "server-final"
	if !printable(message) {
		return malformed(name, "too long, or not printable")
	}
	value, extensions, more := strings.Cut(string(message), ",")
	if strings.HasPrefix(value, "e=") {
		return fmt.Errorf("read %s: the server refused: %w", name, ErrProof)
	}
	signature64, ok := strings.CutPrefix(value, "v=")
	var signature [keySize]byte
	if !ok || !decodeKey(signature[:], signature64) || more && !attributes(extensions) {
		return malformed(name, "no signature of 32 bytes")
	}
	if !c.proved || subtle.ConstantTimeCompare(signature[:], c.signature[:]) != 1 {
		return ErrSignature
	}
	return nil
}

// Wipe overwrites what c knows of the password. It may be called at any time, any number of times.
func (c *Client) Wipe() {
	clear(c.password)
	c.password = nil
	c.signature = [keySize]byte{}
	c.proved = false
}
