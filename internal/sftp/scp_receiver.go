package sftp

// receiver takes the answers of the side that files come to.
func (m *SCP) receiver(p []byte, out *Out) (n int, err error) {
	for n < len(p) {
		switch m.state {
		case scpEnded:
			return len(p), nil
		case scpAnswer:
		default:
			out.Wait = true
			return n, nil
		}
		k, err := m.answer(p[n:], out)
		n += k
		if k == 0 || err != nil {
			return n, err
		}
	}
	return n, nil
}

// answer takes one: a zero byte, or a line whose first byte says how bad it is. Of anything but 1 the sender ends.
func (m *SCP) answer(p []byte, out *Out) (int, error) {
	if p[0] == 0 {
		m.toSender(p[:1], out)
		m.answered("", out)
		return 1, nil
	}
	line, err := m.line(p, !m.command.Upload)
	if line == nil {
		return 0, err
	}
	m.toSender(line, out)
	m.answered(scpWords(line), out)
	if line[0] != 1 {
		m.state = scpEnded
	}
	return len(line), nil
}

// answered goes on after an answer; failed is what it says where it isn't well.
func (m *SCP) answered(failed string, out *Out) {
	m.state = scpRecord
	r := Result{Failed: failed != "", Message: failed}
	switch m.awaits {
	case 'C':
		if r.Failed {
			break
		}
		m.file.content.begin(0)
		if m.state = scpContent; m.left == 0 {
			m.state = scpTrailer
		}
		return
	case 'D':
		if r.Failed {
			m.folders = m.folders[:len(m.folders)-1]
		}
	case 'E':
		m.folders = m.folders[:len(m.folders)-1]
	case scpWhole:
		if m.file.failed != "" {
			r.Failed, r.Message = true, m.file.failed
		}
	}
	m.finish(r, out)
}

// scpWords is the text of an error. It is never empty.
func scpWords(line []byte) string {
	text := line[:len(line)-1]
	if line[0] <= 2 {
		text = text[1:]
	}
	if words := printable(string(text)); words != "" {
		return words
	}
	return "no reason was given"
}
