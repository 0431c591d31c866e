package postgres

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/gatefold/gatefold/protocols/protocoltest"
)

// A conversation is a file under testdata/conversations: a script of what a client sends and waits for, what a real
// PostgreSQL 15 answered (recorded once, run against a live one where there is one), and what must come of it: what the
// client sees, and what is recorded.

// clientMessage makes a message of a script's line: its name as in the protocol's documentation, then its fields.
func clientMessage(line string) ([]byte, error) {
	words, err := split(line)
	if err != nil {
		return nil, err
	}
	field := func(i int) string {
		if i < len(words) && words[i] != "-" {
			return words[i]
		}
		return ""
	}
	number := func(i int) uint32 {
		n, _ := strconv.ParseUint(field(i), 10, 32)
		return uint32(n)
	}
	var b []byte
	zero := func(s string) { b = append(append(b, s...), 0) }
	kind, known := map[string]byte{"Query": 'Q', "Parse": 'P', "Bind": 'B', "BindBinary": 'B', "Execute": 'E', "Describe": 'D', "Close": 'C',
		"Sync": 'S', "Flush": 'H', "CopyData": 'd', "CopyDone": 'c', "CopyFail": 'f', "FunctionCall": 'F', "Terminate": 'X',
		"Raw": 0}[words[0]]
	switch {
	case !known:
		return nil, fmt.Errorf("unknown message %q", words[0])
	case kind == 0:
		return []byte(field(1)), nil
	case kind == 'Q' || kind == 'f':
		zero(field(1))
	case kind == 'P':
		zero(field(1))
		zero(field(2))
		b = binary.BigEndian.AppendUint16(b, uint16(max(0, len(words)-3)))
		for i := 3; i < len(words); i++ {
			b = binary.BigEndian.AppendUint32(b, number(i))
		}
	case kind == 'B':
		zero(field(1))
		zero(field(2))
		b = appendValues(b, words[0] == "BindBinary", words[min(3, len(words)):])
		b = append(b, 0, 0)
	case kind == 'E':
		zero(field(1))
		b = binary.BigEndian.AppendUint32(b, number(2))
	case kind == 'D' || kind == 'C':
		b = append(b, field(1)[0])
		zero(field(2))
	case kind == 'd':
		b = append(b, field(1)...)
	case kind == 'F':
		b = appendValues(binary.BigEndian.AppendUint32(b, number(1)), false, words[2:])
		b = append(b, 0, 0)
	}
	return message(nil, kind, b), nil
}

// appendValues appends formats and values; null is NULL.
func appendValues(b []byte, binaryFormat bool, values []string) []byte {
	if binaryFormat {
		b = append(b, 0, 1, 0, 1)
	} else {
		b = append(b, 0, 0)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(values)))
	for _, v := range values {
		if v == "null" {
			b = binary.BigEndian.AppendUint32(b, 0xffffffff)
			continue
		}
		b = binary.BigEndian.AppendUint32(b, uint32(len(v)))
		b = append(b, v...)
	}
	return b
}

// split takes a line apart at spaces; a word may be a Go string.
func split(line string) ([]string, error) {
	var words []string
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		if line[0] != '"' {
			word, rest, _ := strings.Cut(line, " ")
			words, line = append(words, word), rest
			continue
		}
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", line, err)
		}
		word, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", line, err)
		}
		words, line = append(words, word), line[len(quoted):]
	}
	return words, nil
}

var serverNames = map[byte]string{'1': "ParseComplete", '2': "BindComplete", '3': "CloseComplete", 'C': "CommandComplete",
	'G': "CopyInResponse", 'H': "CopyOutResponse", 'd': "CopyData", 'c': "CopyDone", 'D': "DataRow", 'I': "EmptyQueryResponse",
	'E': "ErrorResponse", 'V': "FunctionCallResponse", 'n': "NoData", 'N': "NoticeResponse", 'A': "NotificationResponse",
	't': "ParameterDescription", 'S': "ParameterStatus", 's': "PortalSuspended", 'Z': "ReadyForQuery", 'T': "RowDescription"}

// cutMessages takes whole messages off b.
func cutMessages(b []byte) (messages [][]byte, rest []byte) {
	for len(b) >= headSize {
		_, size, ok := frame(b)
		if !ok || len(b) < headSize+size {
			break
		}
		messages, b = append(messages, b[:headSize+size]), b[headSize+size:]
	}
	return messages, b
}

// describeServer writes a server's message in words.
func describeServer(msg []byte) string {
	name, b := serverNames[msg[0]], body{b: msg[headSize:]}
	switch msg[0] {
	case 'E', 'N':
		return name + " " + describeNotice(b.b)
	case 'C':
		return fmt.Sprintf("%s %q", name, b.text())
	case 'Z':
		return fmt.Sprintf("%s %c", name, b.byte())
	case 'S':
		return fmt.Sprintf("%s %s=%s", name, b.text(), b.text())
	case 'A':
		b.uint32()
		return fmt.Sprintf("%s %s %q", name, b.text(), b.text())
	case 'd':
		return fmt.Sprintf("%s %q", name, protocoltest.Brief(b.b))
	case 'D':
		row := name
		for range b.uint16() {
			if size := int32(b.uint32()); size < 0 {
				row += " null"
			} else {
				row += fmt.Sprintf(" %q", protocoltest.Brief(b.take(int(size))))
			}
		}
		return row
	case 't':
		for range b.uint16() {
			name += fmt.Sprintf(" %d", b.uint32())
		}
	}
	return name
}

// describeNotice writes the fields that both servers and gatefold give, but for where in the source it was.
func describeNotice(b []byte) string {
	var fields []string
	for len(b) > 1 {
		value, rest, _ := bytes.Cut(b[1:], []byte{0})
		if strings.IndexByte("SCMDH", b[0]) >= 0 {
			fields = append(fields, fmt.Sprintf("%c=%q", b[0], value))
		}
		b = rest
	}
	return strings.Join(fields, " ")
}
