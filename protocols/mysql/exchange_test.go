package mysql

import (
	"strings"
)

// pack puts payloads into packets, counted from seq.
func pack(seq byte, payloads ...string) (b []byte) {
	for i, p := range payloads {
		b = appendPacket(b, seq+byte(i), []byte(p))
	}
	return b
}

const (
	okPacket  = "\x00\x01\x00\x02\x00\x00\x00"
	eofPacket = "\xfe\x00\x00\x02\x00"
	errPacket = "\xff\x48\x04#HY000no such luck"
	column    = "\x03def\x00\x00\x00\x01a\x00\x0c\x3f\x00\x01\x00\x00\x00\x03\x81\x00\x00\x00\x00"
)

// traffic is what a client sends and what the server answers.
type traffic struct{ client, server []byte }

// exchanges are what a session consists of most of the time, without clientDeprecateEOF.
var exchanges = map[string]traffic{
	"query":   {pack(0, "\x03SELECT c FROM sbtest1 WHERE id = 4711"), pack(1, "\x01", column, eofPacket, "\x78"+strings.Repeat("c", 120), eofPacket)},
	"rows":    {pack(0, "\x03SELECT c FROM sbtest1 LIMIT 3"), pack(1, "\x01", column, eofPacket, "\x01a", "\xfb", "\x01b", eofPacket)},
	"update":  {pack(0, "\x03UPDATE sbtest1 SET k = k + 1"), pack(1, okPacket)},
	"execute": {pack(0, "\x17\x01\x00\x00\x00\x00\x01\x00\x00\x00\x00\x01\x08\x00\x05\x00\x00\x00\x00\x00\x00\x00"), pack(1, "\x01", column, eofPacket, "\x00\x00\x01a", eofPacket)},
	"ping":    {pack(0, "\x0e"), pack(1, okPacket)},
}

// preparing makes statement 1, of one parameter.
var preparing = traffic{pack(0, "\x16SELECT c FROM sbtest1 WHERE id = ?"), pack(1, "\x00\x01\x00\x00\x00\x01\x00\x01\x00\x00\x00\x00", column, eofPacket, column, eofPacket)}

// others are what a session has now and then.
var others = map[string]traffic{
	"two results": {pack(0, "\x03SELECT 1; UPDATE t SET a=1"), pack(1, "\x01", column, eofPacket, "\x011", "\xfe\x00\x00\x0a\x00", okPacket)},
	"error":       {pack(0, "\x03SELECT nothing"), pack(1, errPacket)},
	"error late":  {pack(0, "\x03SELECT a"), pack(1, "\x01", column, eofPacket, "\x011", errPacket)},
	"forbidden":   {pack(0, "\x03SELECT forbidden"), nil},
	"settings": {append(pack(0, "\x03SET NAMES latin1"), pack(0, "\x03SELECT 1")...), append(append(pack(1, okPacket),
		pack(1, "\x04", column, column, column, column, eofPacket, "\x00\x06latin1\xfb\x06latin1", eofPacket)...), pack(1, "\x01", column, eofPacket, "\x011", eofPacket)...)},
	"cursor": {append(pack(0, "\x17\x01\x00\x00\x00\x01\x01\x00\x00\x00\x00\x01\x08\x00\x05\x00\x00\x00\x00\x00\x00\x00"), pack(0, "\x1c\x01\x00\x00\x00\x05\x00\x00\x00")...),
		append(pack(1, "\x01", column, "\xfe\x00\x00\x42\x00"), pack(1, "\x00\x00\x011", "\xfe\x00\x00\xc2\x00")...)},
	"long data":  {append(pack(0, "\x18\x01\x00\x00\x00\x00\x00long"), pack(0, "\x17\x01\x00\x00\x00\x00\x01\x00\x00\x00\x00\x01\xfc\x00")...), pack(1, okPacket)},
	"long value": {pack(0, "\x17\x01\x00\x00\x00\x00\x01\x00\x00\x00\x00\x01\xfc\x00\xfc\x80\x00"+strings.Repeat("v", 128)), pack(1, okPacket)},
	"long words": {pack(0, "\x17\x01\x00\x00\x00\x00\x01\x00\x00\x00\x00\x01\xfc\x00\xfc\x80\x00"+strings.Repeat("seven wo ", 14)+"rd"), pack(1, okPacket)},
	"bulk":       {pack(0, "\xfa\x01\x00\x00\x00\x80\x00\x08\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00\x00"), pack(1, okPacket)},
	"gone":       {pack(0, "\x17\x09\x00\x00\x00\x00\x01\x00\x00\x00"), nil},
	"commands": {append(append(pack(0, "\x02db"), pack(0, "\x04t\x00")...), append(pack(0, "\x09"), pack(0, "\x1f")...)...),
		append(append(append(pack(1, okPacket), pack(1, "\x01", column, eofPacket, "\x00\x07utf8mb4\x02db\x07utf8mb4", eofPacket)...), pack(1, column, eofPacket)...), append(pack(1, "Uptime: 1"), pack(1, okPacket)...)...)},
	"unknown":  {pack(0, "\x1d"), nil},
	"local":    {append(append(pack(0, "\x03LOAD DATA LOCAL INFILE 'f'"), pack(2, "one\n")...), pack(3, "")...), append(pack(1, "\xfbf"), pack(4, okPacket)...)},
	"kill":     {pack(0, "\x03KILL QUERY 7"), pack(1, okPacket)},
	"too long": {pack(0, "\x03SELECT '"+strings.Repeat("x", 400)+"'"), nil},
	"again":    {pack(0, "\x11root\x00\x00\x00"), nil},
	"quit":     {pack(0, "\x01"), nil},
}
