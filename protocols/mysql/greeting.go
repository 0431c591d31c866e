package mysql

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"strings"
)

const (
	protocolVersion = 10
	scrambleSize    = 20
	maxGreeting     = 4 << 10 // 4 KiB: of a greeting, or of the error that a target sends in its place
	maxVersion      = 100     // bytes of a version; MySQL's SERVER_VERSION_LENGTH is 60, MariaDB's 100

	collationUTF8MB4 = 45 // utf8mb4_general_ci, which all of them have

	// defaultVersion is announced where nothing is known of the target. Clients that look at the version ask a MariaDB
	// for nothing that MySQL 5.7 lacks, but for a few; config names another for a listener in front of something else.
	defaultVersion = "5.5.5-10.6.0-MariaDB-gatefold"
)

// required are the capabilities without which no login is done, on either side.
const required = clientProtocol41 | clientSecureConnection | clientPluginAuth

// always are announced to clients whatever the target can: the gateway's login does them by itself.
const always = required | clientPluginAuthLenenc | clientConnectAttrs | clientConnectWithDB | clientTLS

// common are the capabilities that MariaDB 10.0 and MySQL 5.7 have and all after them, announced where nothing is known of
// the target.
const common = always | clientLongPassword | clientFoundRows | clientLongFlag | clientNoSchema | clientODBC | clientLocalFiles |
	clientIgnoreSpace | clientInteractive | clientIgnoreSigpipe | clientTransactions | clientReserved |
	clientMultiStatements | clientMultiResults | clientPSMultiResults

// framing are the capabilities that change how packets of a session look. Both sides must have the same.
const framing = clientSessionTrack | clientDeprecateEOF | clientQueryAttributes |
	mariadbProgress | mariadbBulk | mariadbExtendedTypes | mariadbCacheMetadata | mariadbBulkUnitResult

// announceable are all that a client may be offered. Not among them: compression (the record would be blind), results without
// their columns (CLIENT_OPTIONAL_METADATA: they begin as an OK does), several factors, and what MariaDB has withdrawn.
const announceable = common | clientExpiredPasswords | framing

// greeting is what a server says first ("Protocol::HandshakeV10"; MariaDB's "Initial Handshake Packet" has its extended
// capabilities in what MySQL reserves).
type greeting struct {
	version   string
	thread    uint32 // the server's name for the connection, the lower 32 bits
	scramble  []byte
	caps      capabilities
	collation byte
	status    uint16
	plugin    string // that a client may begin with
}

var errGreeting = errors.New("the greeting is malformed")

// mariaDB reports whether it is MariaDB's, 10.2 or later: its servers don't say CLIENT_LONG_PASSWORD.
func (g *greeting) mariaDB() bool { return g.caps&clientLongPassword == 0 }

// parseGreeting parses a greeting. Nothing in it points into payload.
func parseGreeting(payload []byte) (*greeting, error) {
	r := body{b: payload}
	if r.byte() != protocolVersion {
		return nil, errGreeting
	}
	g := &greeting{version: string(r.text())}
	if len(g.version) > maxVersion || strings.IndexFunc(g.version, unprintable) >= 0 {
		return nil, errGreeting
	}
	g.thread = r.uint32()
	scramble := r.take(8)
	r.take(1)
	lower := r.uint16()
	g.collation, g.status = r.byte(), r.uint16()
	g.caps = capabilities(lower) | capabilities(r.uint16())<<16
	size := int(r.byte())
	r.take(6)
	extended := r.uint32()
	if g.mariaDB() {
		g.caps |= capabilities(extended) << 32
	}
	// The rest of the scramble is of 13 bytes at least, the last of them NUL.
	more := r.take(max(13, size-8))
	if r.bad || len(more) < scrambleSize-8 {
		return nil, errGreeting
	}
	g.scramble = append(bytes.Clone(scramble), more[:scrambleSize-8]...)
	if g.caps.has(clientPluginAuth) {
		plugin, _, _ := bytes.Cut(r.rest(), []byte{0})
		g.plugin = string(plugin)
	}
	return g, nil
}

func unprintable(r rune) bool { return r < ' ' || r > '~' }

// append appends the greeting's payload.
func (g *greeting) append(dst []byte) []byte {
	dst = append(dst, protocolVersion)
	dst = append(append(dst, g.version...), 0)
	dst = binary.LittleEndian.AppendUint32(dst, g.thread)
	dst = append(append(dst, g.scramble[:8]...), 0)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(g.caps))
	dst = append(dst, g.collation)
	dst = binary.LittleEndian.AppendUint16(dst, g.status)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(g.caps>>16))
	dst = append(dst, scrambleSize+1, 0, 0, 0, 0, 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(g.caps>>32))
	dst = append(append(dst, g.scramble[8:]...), 0)
	return append(append(dst, g.plugin...), 0)
}

// newScramble is fresh and unpredictable, without the bytes that end it (NUL) or that MySQL's own avoids ('$', which
// separates the fields of a stored caching_sha2_password).
func newScramble() []byte {
	s := make([]byte, 0, scrambleSize)
	var b [2 * scrambleSize]byte
	for len(s) < scrambleSize {
		rand.Read(b[:])
		for _, c := range b {
			if c &= 0x7f; c != 0 && c != '$' && len(s) < scrambleSize {
				s = append(s, c)
			}
		}
	}
	return s
}
