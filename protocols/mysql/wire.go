package mysql

import (
	"bytes"
	"encoding/binary"
)

// A packet is three bytes of length, one of sequence and the payload; a payload of 16 MiB - 1 bytes goes on in the
// next packet (MySQL's protocol reference, "MySQL Packets").
const (
	headSize   = 4         // length and sequence
	maxPayload = 1<<24 - 1 // 16 MiB - 1: the payload of a packet that another one continues
)

// packetHead reads a packet's head: the bytes of its payload, and its sequence number.
func packetHead(b []byte) (size int, seq byte) {
	return int(b[0]) | int(b[1])<<8 | int(b[2])<<16, b[3]
}

// appendHead appends the head of a packet of size bytes, at most maxPayload.
func appendHead(dst []byte, size int, seq byte) []byte {
	return append(dst, byte(size), byte(size>>8), byte(size>>16), seq)
}

// appendPacket appends payload, shorter than maxPayload, as one packet.
func appendPacket(dst []byte, seq byte, payload []byte) []byte {
	return append(appendHead(dst, len(payload), seq), payload...)
}

// capabilities are what both sides of a connection can do: the 32 flags of MySQL ("Capabilities Flags"), and above them
// MariaDB's own, which it sends in a part of the greeting that MySQL leaves zero.
type capabilities uint64

const (
	clientLongPassword     capabilities = 1 << 0 // in MariaDB: CLIENT_MYSQL, "not a MariaDB that knows extended capabilities"
	clientFoundRows        capabilities = 1 << 1
	clientLongFlag         capabilities = 1 << 2
	clientConnectWithDB    capabilities = 1 << 3
	clientNoSchema         capabilities = 1 << 4
	clientCompress         capabilities = 1 << 5
	clientODBC             capabilities = 1 << 6
	clientLocalFiles       capabilities = 1 << 7
	clientIgnoreSpace      capabilities = 1 << 8
	clientProtocol41       capabilities = 1 << 9
	clientInteractive      capabilities = 1 << 10
	clientTLS              capabilities = 1 << 11
	clientIgnoreSigpipe    capabilities = 1 << 12
	clientTransactions     capabilities = 1 << 13
	clientReserved         capabilities = 1 << 14
	clientSecureConnection capabilities = 1 << 15
	clientMultiStatements  capabilities = 1 << 16
	clientMultiResults     capabilities = 1 << 17
	clientPSMultiResults   capabilities = 1 << 18
	clientPluginAuth       capabilities = 1 << 19
	clientConnectAttrs     capabilities = 1 << 20
	clientPluginAuthLenenc capabilities = 1 << 21
	clientExpiredPasswords capabilities = 1 << 22
	clientSessionTrack     capabilities = 1 << 23
	clientDeprecateEOF     capabilities = 1 << 24
	clientOptionalMetadata capabilities = 1 << 25
	clientZstd             capabilities = 1 << 26
	clientQueryAttributes  capabilities = 1 << 27
	clientMFA              capabilities = 1 << 28
	clientCapExtension     capabilities = 1 << 29
	clientVerifyServerCert capabilities = 1 << 30
	clientRememberOptions  capabilities = 1 << 31

	mariadbProgress       capabilities = 1 << 32
	mariadbComMulti       capabilities = 1 << 33 // withdrawn by MariaDB
	mariadbBulk           capabilities = 1 << 34
	mariadbExtendedTypes  capabilities = 1 << 35 // column definitions carry an extended type
	mariadbCacheMetadata  capabilities = 1 << 36 // a result's column definitions may be left out
	mariadbBulkUnitResult capabilities = 1 << 37 // a bulk execution answers with a result set of its units
)

// has reports whether all of these are there.
func (c capabilities) has(flags capabilities) bool { return c&flags == flags }

// Commands ("Command Phase").
const (
	comSleep            = 0x00
	comQuit             = 0x01
	comInitDB           = 0x02
	comQuery            = 0x03
	comFieldList        = 0x04
	comCreateDB         = 0x05
	comDropDB           = 0x06
	comRefresh          = 0x07
	comShutdown         = 0x08
	comStatistics       = 0x09
	comProcessInfo      = 0x0a
	comConnect          = 0x0b
	comProcessKill      = 0x0c
	comDebug            = 0x0d
	comPing             = 0x0e
	comTime             = 0x0f
	comDelayedInsert    = 0x10
	comChangeUser       = 0x11
	comBinlogDump       = 0x12
	comTableDump        = 0x13
	comConnectOut       = 0x14
	comRegisterSlave    = 0x15
	comStmtPrepare      = 0x16
	comStmtExecute      = 0x17
	comStmtSendLongData = 0x18
	comStmtClose        = 0x19
	comStmtReset        = 0x1a
	comSetOption        = 0x1b
	comStmtFetch        = 0x1c
	comDaemon           = 0x1d
	comBinlogDumpGTID   = 0x1e
	comResetConnection  = 0x1f
	comStmtBulkExecute  = 0xfa // MariaDB
)

// First bytes of the server's answers.
const (
	answerOK     = 0x00
	answerAuth   = 0x01 // AuthMoreData
	answerFile   = 0xfb // LOCAL INFILE request
	answerEOF    = 0xfe // EOF; with clientDeprecateEOF an OK that ends rows; in a login AuthSwitchRequest
	answerError  = 0xff
	maxEOFPacket = 9 // an EOF is shorter than this; what is longer and begins with 0xfe is a row
)

// Status flags of OK and EOF ("SERVER_STATUS_flags_enum").
const (
	statusInTransaction      = 1 << 0
	statusAutocommit         = 1 << 1
	statusMoreResults        = 1 << 3
	statusCursorExists       = 1 << 6
	statusLastRowSent        = 1 << 7
	statusDBDropped          = 1 << 8
	statusNoBackslashEscapes = 1 << 9
	statusPSOutParams        = 1 << 12
	statusStateChanged       = 1 << 14 // SERVER_SESSION_STATE_CHANGED
	statusANSIQuotes         = 1 << 15 // MariaDB
)

// body takes a payload apart. Slices that it returns point into it. A read past its end sets bad and gives zero values
// from then on.
type body struct {
	b   []byte
	bad bool
}

// done reports whether all was there and nothing is left.
func (r *body) done() bool { return !r.bad && len(r.b) == 0 }

func (r *body) take(n int) []byte {
	if r.bad || n < 0 || n > len(r.b) {
		r.bad, r.b = true, nil
		return nil
	}
	taken := r.b[:n:n]
	r.b = r.b[n:]
	return taken
}

func (r *body) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *body) uint16() uint16 {
	if b := r.take(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (r *body) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// text reads up to a NUL, which it takes and leaves out.
func (r *body) text() []byte {
	if i := bytes.IndexByte(r.b, 0); i >= 0 {
		text := r.b[:i:i]
		r.b = r.b[i+1:]
		return text
	}
	r.bad, r.b = true, nil
	return nil
}

// rest takes all that is left.
func (r *body) rest() []byte { return r.take(len(r.b)) }

// lenenc reads a length-encoded integer ("Protocol::LengthEncodedInteger"). 0xfb, NULL in a text row, and 0xff, which
// begins an ERR, are none.
func (r *body) lenenc() uint64 {
	switch first := r.byte(); first {
	case 0xfb, 0xff:
		r.bad, r.b = true, nil
		return 0
	case 0xfc:
		return uint64(r.uint16())
	case 0xfd:
		if b := r.take(3); b != nil {
			return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16
		}
		return 0
	case 0xfe:
		if b := r.take(8); b != nil {
			return binary.LittleEndian.Uint64(b)
		}
		return 0
	default:
		return uint64(first)
	}
}

// lenencText reads a string behind its length-encoded length.
func (r *body) lenencText() []byte {
	n := r.lenenc()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return nil
	}
	return r.take(int(n))
}

// appendLenenc appends a length-encoded integer.
func appendLenenc(dst []byte, n uint64) []byte {
	switch {
	case n < 0xfb:
		return append(dst, byte(n))
	case n < 1<<16:
		return append(dst, 0xfc, byte(n), byte(n>>8))
	case n < 1<<24:
		return append(dst, 0xfd, byte(n), byte(n>>8), byte(n>>16))
	}
	return binary.LittleEndian.AppendUint64(append(dst, 0xfe), n)
}

// appendLenencText appends a string behind its length.
func appendLenencText(dst, text []byte) []byte {
	return append(appendLenenc(dst, uint64(len(text))), text...)
}
