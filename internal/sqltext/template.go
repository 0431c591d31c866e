package sqltext

// template appends text to dst with a lone quote in place of each plain string and a lone 0 in place of each number.
// ok is false for a text that is not of the plainest form: printable ASCII and white space, no backslash, no quoted
// identifier, no comment, no dollar but for $1, no prefix before a string, no number but digits with at most one
// dot, no string that might hold a secret. In that form it can't be argued where a literal begins and ends, and so
// two texts with the same template differ in the values of literals alone.
func template(dst, text []byte) (t []byte, ok bool) {
	if len(text) > maxKey {
		return nil, false
	}
	for i := 0; i < len(text); {
		c := text[i]
		class := classes[c]
		switch class {
		case cWord:
			j := i + 1
			for j < len(text) && (classes[text[j]] == cWord || classes[text[j]] == cDigit) {
				j++
			}
			if j < len(text) && (text[j] == '\'' || text[j] == '$' || text[j] == '&') {
				return nil, false // a prefix (E'', U&''), or part of the name
			}
			dst = append(dst, text[i:j]...)
			i = j
		case cDigit:
			if i = number(text, i); i < 0 {
				return nil, false
			}
			dst = append(dst, '0')
		case cQuote:
			if i = plainString(text, i); i < 0 {
				return nil, false
			}
			dst = append(dst, '\'')
		case cDollar:
			j := i + 1
			for j < len(text) && classes[text[j]] == cDigit {
				j++
			}
			if j == i+1 || j < len(text) && (classes[text[j]] == cWord || text[j] == '$') {
				return nil, false
			}
			dst = append(dst, text[i:j]...)
			i = j
		case cPlain:
			if i+1 < len(text) && (c == '-' && text[i+1] == '-' || c == '/' && text[i+1] == '*') {
				return nil, false
			}
			dst = append(dst, c)
			i++
		default:
			return nil, false
		}
	}
	return dst, true
}

// number returns where the number at i ends; -1: not plain.
func number(text []byte, i int) int {
	if i > 0 && text[i-1] == '.' {
		return -1
	}
	dots := 0
	for ; i < len(text); i++ {
		switch {
		case classes[text[i]] == cDigit:
		case text[i] == '.' && dots == 0:
			dots++
		case text[i] == '.' || text[i] == '$' || classes[text[i]] == cWord:
			return -1
		default:
			return i
		}
	}
	return i
}

// plainString returns where the string at i ends; -1: not plain, or not terminated.
func plainString(text []byte, i int) int {
	start := i + 1
	for i++; i < len(text); i++ {
		c := text[i]
		if c == '\\' || c >= 0x80 || c == 0 {
			return -1
		}
		if c != '\'' {
			continue
		}
		if i+1 == len(text) || text[i+1] != '\'' {
			if hasSecretWord(text[start:i]) {
				return -1
			}
			return i + 1
		}
		i++
	}
	return -1
}

// Classes of bytes in a template; zero rules the form out.
const (
	cWord = iota + 1
	cDigit
	cQuote
	cDollar
	cPlain
)

var classes = func() (t [256]uint8) {
	for _, c := range []byte(" \t\n\r\f\v()[],;.:+-*/<>=~!@#%^&|") {
		t[c] = cPlain
	}
	for c := range 256 {
		switch b := byte(c); {
		case b < 0x80 && isWordStart(b):
			t[c] = cWord
		case b >= '0' && b <= '9':
			t[c] = cDigit
		}
	}
	t['\''], t['$'] = cQuote, cDollar
	return t
}()
