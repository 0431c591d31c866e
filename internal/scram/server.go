package scram

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"strings"
)

// Server is one exchange seen from the server. First, then Final, each once.
type Server struct {
	verifier Verifier
	binding  []byte // tls-server-end-point data; nil: none is offered
	header   string // the client's GS2 header, "n,,"
	bare     string // client-first without its header
	first    string // server-first
	nonce    string // both nonces
	bound    bool   // the client chose SHA256Plus
}

// NewServer begins an exchange with a client that should know v's password. binding is the tls-server-end-point data
// of the certificate that the client was shown; nil where there is none, and then SHA256Plus is not offered.
func NewServer(v Verifier, binding []byte) *Server {
	return &Server{verifier: v, binding: binding}
}

// First takes client-first, sent under the mechanism that the client chose, and returns server-first.
func (s *Server) First(mechanism string, message []byte) ([]byte, error) {
	const name = "client-first"
	s.bound = mechanism == SHA256Plus
	if !s.bound && mechanism != SHA256 || s.bound && s.binding == nil {
		return nil, malformed(name, "the mechanism was not offered")
	}
	if !printable(message) {
		return nil, malformed(name, "too long, or not printable")
	}
	if err := s.readHeader(string(message)); err != nil {
		return nil, err
	}
	nonce, err := readBare(s.bare)
	if err != nil {
		return nil, err
	}
	s.nonce = nonce + newNonce()
	s.first = fmt.Sprintf("r=%s,s=%s,i=%d", s.nonce, encoding.EncodeToString(s.verifier.Salt), s.verifier.Iterations)
	return []byte(s.first), nil
}

// readHeader splits off the GS2 header (RFC 5802, section 6) and checks that the client neither claims a binding
// without the mechanism for it nor was made to believe that none is offered.
func (s *Server) readHeader(message string) error {
	const name = "client-first"
	flag, rest, ok1 := strings.Cut(message, ",")
	authzid, bare, ok2 := strings.Cut(rest, ",")
	if !ok1 || !ok2 {
		return malformed(name, "no GS2 header")
	}
	if authzid != "" {
		return malformed(name, "an authorization identity is not supported")
	}
	switch {
	case flag == "n" && !s.bound:
	case flag == "y" && !s.bound:
		if s.binding != nil {
			return fmt.Errorf("read %s: %w: the client supports channel binding and did not see it offered", name, ErrBinding)
		}
	case flag == "p=tls-server-end-point" && s.bound:
	default:
		return malformed(name, "the channel binding flag does not fit the mechanism")
	}
	s.header, s.bare = flag+",,", bare
	return nil
}

// readBare returns the nonce of client-first-message-bare. The user's name is not read: PostgreSQL's clients leave it
// empty, the startup message has it. Extensions after the nonce are allowed and ignored, mandatory ones are not.
func readBare(bare string) (string, error) {
	const name = "client-first"
	user, rest, ok := strings.Cut(bare, ",")
	if !ok || !strings.HasPrefix(user, "n=") {
		return "", malformed(name, "no user name, or a mandatory extension")
	}
	nonce, extensions, more := strings.Cut(rest, ",")
	nonce, ok = strings.CutPrefix(nonce, "r=")
	if !ok || nonce == "" {
		return "", malformed(name, "no nonce")
	}
	if more && !attributes(extensions) {
		return "", malformed(name, "an extension is no attribute")
	}
	return nonce, nil
}

// Final takes client-final, checks its proof and returns server-final, which proves to the client that the server
// knows the verifier. ErrProof: the password is wrong.
func (s *Server) Final(message []byte) ([]byte, error) {
	const name = "client-final"
	if s.first == "" {
		return nil, malformed(name, "it came before client-first")
	}
	if !printable(message) {
		return nil, malformed(name, "too long, or not printable")
	}
	without, proof64, ok := cutLast(string(message), ",p=")
	if !ok {
		return nil, malformed(name, "no proof")
	}
	if err := s.readFinal(without); err != nil {
		return nil, err
	}
	var proof [keySize]byte
	if !decodeKey(proof[:], proof64) {
		return nil, malformed(name, "the proof is not base64 of 32 bytes")
	}
	authMessage := s.bare + "," + s.first + "," + without
	if !s.proves(proof[:], authMessage) {
		return nil, ErrProof
	}
	var signature [keySize]byte
	mac(signature[:], s.verifier.ServerKey[:], authMessage)
	return []byte("v=" + encoding.EncodeToString(signature[:])), nil
}

// readFinal checks channel binding and nonce of client-final-message-without-proof.
func (s *Server) readFinal(without string) error {
	const name = "client-final"
	binding64, rest, ok := strings.Cut(without, ",")
	binding64, isBinding := strings.CutPrefix(binding64, "c=")
	nonce, extensions, more := strings.Cut(rest, ",")
	nonce, isNonce := strings.CutPrefix(nonce, "r=")
	if !ok || !isBinding || !isNonce || more && !attributes(extensions) {
		return malformed(name, "no channel binding, no nonce, or a mandatory extension")
	}
	if subtle.ConstantTimeCompare([]byte(nonce), []byte(s.nonce)) != 1 {
		return malformed(name, "the nonce does not match")
	}
	binding, err := encoding.DecodeString(binding64)
	if err != nil {
		return malformed(name, "the channel binding is not base64")
	}
	want := []byte(s.header)
	if s.bound {
		want = append(want, s.binding...)
	}
	if subtle.ConstantTimeCompare(binding, want) != 1 {
		return fmt.Errorf("read %s: %w", name, ErrBinding)
	}
	return nil
}

// proves reports whether proof comes from the password (RFC 5802, section 3): H(proof XOR signature) is StoredKey.
func (s *Server) proves(proof []byte, authMessage string) bool {
	var signature, client [keySize]byte
	mac(signature[:], s.verifier.StoredKey[:], authMessage)
	xor(client[:], proof, signature[:])
	stored := sha256.Sum256(client[:])
	clear(client[:])
	return subtle.ConstantTimeCompare(stored[:], s.verifier.StoredKey[:]) == 1
}

// printable reports whether a message is as short and as plain as SCRAM's are (RFC 5802, section 7; PostgreSQL sends
// and takes ASCII only, but for the user name, which may be UTF-8 and is not read).
func printable(message []byte) bool {
	return len(message) > 0 && len(message) <= maxMessage &&
		!bytes.ContainsFunc(message, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// attributes reports whether s is a list of name=value (RFC 5802, section 5.1), none of which is mandatory ("m").
func attributes(s string) bool {
	for a := range strings.SplitSeq(s, ",") {
		letter := len(a) >= 2 && (a[0] >= 'a' && a[0] <= 'z' || a[0] >= 'A' && a[0] <= 'Z')
		if !letter || a[1] != '=' || a[0] == 'm' {
			return false
		}
	}
	return true
}

// cutLast cuts s at the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
