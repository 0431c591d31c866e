package mysql

import (
	"bytes"
	"crypto/sha256"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/relay"
)

// LOAD DATA LOCAL ("LOCAL INFILE Request"): the server asks for a file, the client sends its content, and an empty packet
// ends it. Policy has judged the statement. A server may ask for any file, after any statement: only one that the
// statement names is passed on to the client, which knows no better.

// file is where the content stands.
type file struct {
	walker walker
	size   int // bytes of the current packet, with those that go on with it
}

// fileAsked takes the server's request.
func (m *machine) fileAsked(name []byte) error {
	if m.cmd.marks&marksLocal == 0 || m.cmd.kind != comQuery || m.cmd.own != ownNone || !namesFile(m.cmd.text, name) {
		return outOfStep("a request for a file that the statement does not name")
	}
	m.cmd.phase, m.mode, m.file = phaseFile, modeFile, file{}
	if m.run.hash == nil {
		m.run.hash = sha256.New()
	}
	return m.s.Tell(record.Record{Kind: record.KindNotice, Of: m.cmd.seq, Message: append([]byte("the target asks for file "), name...)})
}

// namesFile reports whether text names a file behind the word INFILE, to the letter. A name that needs escapes is not one that is
// passed on.
func namesFile(text, name []byte) bool {
	if len(name) == 0 || bytes.ContainsAny(name, "'\"\\") {
		return false
	}
	for i := range text {
		if text[i]|0x20 != 'i' || !hasWord(text[i:], "infile") || i > 0 && letter(text[i-1]) {
			continue
		}
		rest := bytes.TrimLeft(text[i+len("infile"):], " \t\r\n")
		if len(rest) > len(name)+1 && (rest[0] == '\'' || rest[0] == '"') && bytes.HasPrefix(rest[1:], name) && rest[1+len(name)] == rest[0] {
			return true
		}
	}
	return false
}

// filePiece takes a part of the content, counts it and passes it on.
func (m *machine) filePiece(p []byte, out *relay.Out) (int, error) {
	f := &m.file
	done := 0
	for done < len(p) {
		n, content, end := f.walker.next(p[done:])
		done += n
		f.size += len(content)
		m.run.bytes += uint64(len(content))
		m.run.hash.Write(content)
		if !end {
			continue
		}
		if f.size == 0 {
			m.mode, m.cmd.phase, m.answer.last = modeCommand, phaseFirst, f.walker.seq
			break
		}
		f.size = 0
	}
	out.ToServer.Forward(p[:done])
	return done, nil
}
