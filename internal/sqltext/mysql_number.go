package sqltext

// digits reads x'1f' or b'01'.
func (l *mlexer) digits(t mtoken, base byte) mtoken {
	for i := t.start + 2; i < len(l.text); i++ {
		c := l.text[i]
		if c == '\'' {
			l.pos = i + 1
			t.kind, t.end = mHex, l.pos
			return t
		}
		if base == 'b' && c != '0' && c != '1' || !isHex(c) {
			break
		}
	}
	l.pos = len(l.text)
	return l.bad(t, "a hexadecimal or binary literal is not one")
}

func isHex(c byte) bool {
	c |= 0x20
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f'
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// number reads a number, or a name that begins with a digit. Where a letter follows and it is neither plainly, it is bad.
func (l *mlexer) number(t mtoken) mtoken {
	if l.afterDot(t) {
		return l.numbered(t)
	}
	i := t.start
	if l.text[i] == '0' && (l.at1(1) == 'x' || l.at1(1) == 'b') {
		return l.based(t)
	}
	for i < len(l.text) && isDigit(l.text[i]) {
		i++
	}
	if i < len(l.text) && isWordPart(l.text[i]) && l.text[i]|0x20 != 'e' {
		return l.numbered(t)
	}
	if i < len(l.text) && l.text[i] == '.' {
		for i++; i < len(l.text) && isDigit(l.text[i]); i++ {
		}
	}
	return l.exponent(t, i)
}

// numbered is a name that begins with a digit.
func (l *mlexer) numbered(t mtoken) mtoken {
	l.pos = l.wordEnd(t.start)
	if why := l.odd(l.text[t.start:l.pos]); why != "" {
		return l.bad(t, why)
	}
	t.kind, t.end = mIdent, l.pos
	return t
}

// exponent ends a number at i, with the exponent that may follow.
func (l *mlexer) exponent(t mtoken, i int) mtoken {
	if i < len(l.text) && l.text[i]|0x20 == 'e' {
		i++
		if i < len(l.text) && (l.text[i] == '+' || l.text[i] == '-') {
			i++
		}
		first := i
		for i < len(l.text) && isDigit(l.text[i]) {
			i++
		}
		if i == first {
			l.pos = i
			return l.bad(t, "a number has no exponent where one begins")
		}
	}
	l.pos = i
	if i < len(l.text) && (isWordPart(l.text[i]) || l.text[i] == '.') {
		return l.bad(t, "a letter or a dot follows a number")
	}
	t.kind, t.end = mNumber, i
	return t
}

// based reads 0x1f or 0b01.
func (l *mlexer) based(t mtoken) mtoken {
	i := t.start + 2
	for i < len(l.text) && (l.text[t.start+1] == 'x' && isHex(l.text[i]) || l.text[i] == '0' || l.text[i] == '1') {
		i++
	}
	l.pos = i
	if i == t.start+2 || i < len(l.text) && (isWordPart(l.text[i]) || l.text[i] == '.') {
		return l.bad(t, "a hexadecimal or binary literal is not one")
	}
	t.kind, t.end = mNumber, i
	return t
}

// dot reads a dot, or the number that begins with one.
func (l *mlexer) dot(t mtoken) mtoken {
	named := !t.gap && t.start > 0 && (l.last.kind == mWord || l.last.kind == mIdent)
	switch {
	case !isDigit(l.at1(1)):
		return l.token(t, mOp, 1)
	case named && l.text[l.last.end-1] != '`' && l.text[l.last.end-1] != '"':
		return l.token(t, mOp, 1)
	case named:
		return l.bad(t, "a digit follows a dot that follows a quoted name")
	}
	i := t.start + 1
	for i < len(l.text) && isDigit(l.text[i]) {
		i++
	}
	return l.exponent(t, i)
}
