package sftp

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
)

const (
	maxLine    = 2047 // OpenSSH's scp takes no longer one
	maxFolders = 1024 // in one another
)

// sender takes what the side that files come from says.
func (m *SCP) sender(p []byte, out *Out) (n int, err error) {
	for n < len(p) {
		k := 0
		switch m.state {
		case scpEnded:
			return len(p), nil
		case scpAnswer:
			out.Wait = true
			return n, nil
		case scpContent:
			k = m.piece(p[n:], out)
		case scpTrailer:
			k, err = m.trailer(p[n:], out)
		case scpRecord:
			k, err = m.record(p[n:], out)
		}
		n += k
		if k == 0 || err != nil {
			return n, err
		}
	}
	return n, nil
}

// piece takes content.
func (m *SCP) piece(p []byte, out *Out) int {
	if uint64(len(p)) > m.left {
		p = p[:m.left]
	}
	m.file.content.add(&m.budget, m.file.content.bytes, p)
	m.file.content.bytes += uint64(len(p))
	m.toReceiver(p, out)
	if m.left -= uint64(len(p)); m.left == 0 {
		m.state = scpTrailer
	}
	return len(p)
}

// trailer takes what the sender says of the content that it sent: the same as an answer.
func (m *SCP) trailer(p []byte, out *Out) (int, error) {
	line := p[:1]
	if p[0] != 0 {
		var err error
		if line, err = m.line(p, m.command.Upload); line == nil {
			return 0, err
		}
		m.file.failed = scpWords(line)
	}
	m.toReceiver(line, out)
	m.state, m.awaits = scpAnswer, scpWhole
	if line[0] > 1 {
		m.finish(Result{Failed: true, Message: m.file.failed}, out)
		m.state = scpEnded
	}
	return len(line), nil
}

// record takes a line that says what is next.
func (m *SCP) record(p []byte, out *Out) (int, error) {
	line, err := m.line(p, m.command.Upload)
	if line == nil {
		return 0, err
	}
	switch text := string(line[:len(line)-1]); line[0] {
	case 1: // a warning, which nobody answers
		m.toReceiver(line, out)
	case 2:
		m.toReceiver(line, out)
		m.state = scpEnded
	case 'E':
		if len(m.folders) == 0 || text != "E" {
			return 0, m.broke(text)
		}
		m.say(line, out)
	case 'T':
		t := timesLine.FindStringSubmatch(text)
		if t == nil {
			return 0, m.broke(text)
		}
		m.times = " mtime=" + t[1] + " atime=" + t[2]
		m.say(line, out)
	case 'C', 'D':
		return m.entry(line, text, out)
	default:
		return 0, m.broke(text)
	}
	return len(line), nil
}

// say passes a line on that is answered.
func (m *SCP) say(line []byte, out *Out) {
	m.toReceiver(line, out)
	m.state, m.awaits = scpAnswer, line[0]
}

var (
	timesLine = regexp.MustCompile(`^T([0-9]{1,20}) [0-9]{1,6} ([0-9]{1,20}) [0-9]{1,6}$`)
	entryLine = regexp.MustCompile(`^[CD]([0-7]{4}) ([0-9]{1,19}) ([^/]+)$`)
)

// entry takes the line of a file or a folder, which is asked about.
func (m *SCP) entry(line []byte, text string, out *Out) (int, error) {
	e := entryLine.FindStringSubmatch(text)
	if e == nil || e[3] == "." || e[3] == ".." {
		return 0, m.broke(text)
	}
	size, err := strconv.ParseInt(e[2], 10, 64)
	switch {
	case err != nil:
		return 0, m.broke(text)
	case len(m.folders) == maxFolders:
		return 0, m.error(m.command.Upload, fmt.Sprintf("sent over %d folders in one another", maxFolders))
	}
	at := m.place(e[3])
	if !m.asked.waits {
		m.asked = pending{waits: true, request: Request{Op: m.op(line[0]), Path: at.path, Path2: at.other,
			Detail: "mode=" + e[1] + " size=" + e[2] + m.times}}
	}
	switch a := m.asked; {
	case !a.decided:
		out.Ask = &m.asked.request
		return 0, nil
	case !a.allow:
		m.refuse(e[3]+": "+a.words(), out)
	default:
		m.file = scpFile{token: a.token}
		if m.left = uint64(size); line[0] == 'D' {
			m.folders = append(m.folders, at)
		}
		m.say(line, out)
	}
	m.asked, m.times = pending{}, ""
	return len(line), nil
}

// refuse answers in the receiver's place. Where that is the client it is told why, as by the sender.
func (m *SCP) refuse(words string, out *Out) {
	line := []byte("\x01" + printable(words) + "\n")
	m.toSender(line, out)
	if !m.command.Upload {
		m.toReceiver(line, out)
	}
}

func (m *SCP) op(letter byte) Op {
	switch {
	case m.command.Upload && letter == 'D':
		return Mkdir
	case m.command.Upload:
		return OpenWrite
	case letter == 'D':
		return Opendir
	}
	return OpenRead
}

// place is where name is, at the server.
func (m *SCP) place(name string) scpFolder {
	if n := len(m.folders); n > 0 {
		in := m.folders[n-1]
		at := scpFolder{path: path.Join(in.path, name)}
		if in.other != "" {
			at.other = path.Join(in.other, name)
		}
		return at
	}
	paths := m.command.Paths
	switch {
	case m.command.Upload && m.command.Folder:
		return scpFolder{path: path.Join(paths[0], name)}
	case m.command.Upload:
		return scpFolder{path: paths[0], other: path.Join(paths[0], name)}
	}
	for _, p := range paths {
		if p == "~" || path.Base(p) == name {
			return scpFolder{path: p}
		}
	}
	for _, p := range paths {
		if ok, err := path.Match(path.Base(p), name); ok && err == nil {
			return scpFolder{path: path.Join(path.Dir(p), name)}
		}
	}
	return scpFolder{path: path.Join(path.Dir(paths[0]), name)}
}

// line is the line at the beginning of p; nil: it isn't whole.
func (m *SCP) line(p []byte, client bool) ([]byte, error) {
	n := bytes.IndexByte(p[:min(len(p), maxLine)], '\n')
	switch {
	case n < 0 && len(p) >= maxLine:
		return nil, m.error(client, fmt.Sprintf("sent a line of over %d bytes", maxLine))
	case bytes.IndexByte(p[:max(n, 0)], 0) >= 0:
		return nil, m.error(client, "sent a zero byte in a line")
	case n < 0:
		return nil, nil
	}
	return p[: n+1 : n+1], nil
}

func (m *SCP) broke(line string) error {
	return m.error(m.command.Upload, fmt.Sprintf("sent what is no line of scp: %q", line[:min(len(line), 100)]))
}

func (m *SCP) error(client bool, text string) error {
	if client {
		return &Error{theClient, text}
	}
	return &Error{theServer, text}
}

// printable is s in one line that a terminal shows as it is.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0xfffd {
			return '?'
		}
		return r
	}, s)
}
