package shelltext

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// hidden stands in a line where a secret was. Its length tells nothing of the secret's.
const hidden = "***"

// maxMask bounds lines within quotes within quotes.
const maxMask = 4

// Mask returns the line with what may be a secret replaced by ***, nil where there is none. It needs no line that parses. A
// secret is what a name announces (PGPASSWORD=x, --password=x, --token x, "password": "x", IDENTIFIED BY 'x', Authorization: x),
// what stands where a program that is known takes one (mysql -px, curl -u a:x, sshpass -p x), a password in an address
// (https://a:x@host/), a private key, a token that is known by its form, and what is piped into a program that reads one.
func Mask(line string) []byte {
	m := masker{text: line, piped: readsSecret.MatchString(line)}
	m.forms()
	m.line(0, len(line), 0)
	return m.masked()
}

// MaskVariable is Mask for NAME=value where the whole of the value belongs to the name.
func MaskVariable(text string) []byte {
	name, value, ok := strings.Cut(text, "=")
	if ok && value != "" && secretName(name) {
		return []byte(name + "=" + hidden)
	}
	return Mask(text)
}

// masker collects what is to be hidden.
type masker struct {
	text  string
	spans [][2]int
	piped bool // a program of the line reads a secret from its input
}

func (m *masker) hide(start, end int) {
	if start < end {
		m.spans = append(m.spans, [2]int{start, end})
	}
}

// masked is the text without what is hidden.
func (m *masker) masked() []byte {
	if len(m.spans) == 0 {
		return nil
	}
	slices.SortFunc(m.spans, func(a, b [2]int) int { return a[0] - b[0] })
	var out []byte
	done := 0
	for _, s := range m.spans {
		if s[1] <= done {
			continue
		}
		if s[0] > done || done == 0 {
			out = append(append(out, m.text[done:max(s[0], done)]...), hidden...)
		}
		done = s[1]
	}
	return append(out, m.text[done:]...)
}

// secrets is what the names of secrets contain.
const secrets = `passw(?:or)?d|passwd|passphrase|passcode|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?key|credential`

var (
	secretWord = regexp.MustCompile(`(?i)` + secrets)
	endsInPass = regexp.MustCompile(`(?i)(^|[^a-z])(db|user|store|key|root|admin|smtp|my|ftp|http|proxy)?pass$`)
	// notItself: what is named is where a secret is, or how long it lives.
	notItself = regexp.MustCompile(`(?i)([_.-](file|path|name|url|uri|id|ids|stdin|fd|env|dir|type|ttl|length|age|expiry|policy|version|prompt)|prompt|^-*(old)?pwd)$`)
)

// secretName reports whether what a name announces is a secret.
func secretName(name string) bool {
	return (secretWord.MatchString(name) || endsInPass.MatchString(name)) && !notItself.MatchString(name)
}

// forms are secrets that are known by how they look, wherever they stand. What is in the last group is hidden.
var forms = []*regexp.Regexp{
	regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@'"]*:([^\s/@'"]+)@`),
	regexp.MustCompile(`(?i)\b(?:authorization|proxy-authorization|cookie|set-cookie|private-token|x-[a-z-]*(?:token|key|auth|secret)[a-z-]*|api-?key)\s*:\s*([^'"\n]+)`),
	regexp.MustCompile(`(?i)\bbearer\s+([a-z0-9._~+/=-]{8,})`),
	regexp.MustCompile(`(?i)\bidentified\s+(?:with\s+\S+\s+)?(?:by|as)\s+(?:password\s+)?\\?['"]?([^'"\s;]+)`),
	regexp.MustCompile(`(?i)\bpassword\s*(?:=|\s|\()\s*\\?'([^']+)'`),
	regexp.MustCompile(`(?i)\bpassword\s*(?:=|\s|\()\s*\\?"([^"]+)"`),
	regexp.MustCompile(`(?i)["'][\w.-]*(?:` + secrets + `)[\w.-]*\\?["']\s*:\s*\\?["']([^"'\\]+)`),
	regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----((?s:.*?)(?:-----END|$))`),
	regexp.MustCompile(`\b(eyJ[\w-]{8,}\.[\w-]+\.[\w-]*)`),
	regexp.MustCompile(`\b((?:gh[pousr]_|github_pat_|glpat-|xox[abprs]-|sk_live_|AGE-SECRET-KEY-1|hvs\.)[\w-]{8,})`),
	regexp.MustCompile(`\b(?:file|env)?pass:([^\s'"]+)`),
	regexp.MustCompile(`--from-literal[= ][^\s=]+=([^\s'"]+)`),
}

// named is NAME=value within something longer.
var named = regexp.MustCompile(`([\w.-]+)=('[^']*'|"[^"]*"|\\?["'][^"']*|[^\s&;,'"]+)`)

// readsSecret is a program that reads a secret from its input: then what is said in the line may be one.
var readsSecret = regexp.MustCompile(`--password-stdin|\b(chpasswd|passwd\b.*--stdin|sudo\b.*\s(-S|--stdin)|cryptsetup|kinit|smbpasswd|passphrase-fd|pass-stdin|htpasswd\b.*\s-\w*i|openssl\s+passwd|mkpasswd|sshpass)`)

func (m *masker) forms() {
	for _, form := range forms {
		for _, at := range form.FindAllStringSubmatchIndex(m.text, -1) {
			m.hide(at[len(at)-2], at[len(at)-1])
		}
	}
	m.names(0, len(m.text), 0)
	if at := strings.Index(m.text, "<<"); m.piped && at >= 0 && !strings.HasPrefix(m.text[at:], "<<<") {
		if body := strings.IndexByte(m.text[at:], '\n'); body >= 0 {
			m.hide(at+body+1, len(m.text))
		}
	}
}

// names hides the values of NAME=value that a name tells to be secrets; the value of another may hold one: a='password=x'.
func (m *masker) names(from, to, nest int) {
	for _, at := range named.FindAllStringSubmatchIndex(m.text[from:to], -1) {
		value := m.text[from+at[4] : from+at[5]]
		switch {
		case secretName(m.text[from+at[2] : from+at[3]]):
			m.hide(from+at[4], from+at[5])
		case nest < maxMask && strings.Contains(value[1:], "="):
			m.names(from+at[4]+1, from+at[5], nest+1)
		}
	}
}

// line goes through the words of a piece of the text as a shell would split them, well enough.
func (m *masker) line(from, to, nest int) {
	c := simple{m: m, nest: nest}
	for at := from; at < to; {
		switch m.text[at] {
		case ' ', '\t', '>', '\r':
			at++
		case '<':
			c.next = c.next || m.piped && strings.HasPrefix(m.text[at:], "<<<")
			at++
		case '\n', ';', '|', '&', '(', ')', '`':
			c = simple{m: m, nest: nest}
			at++
		default:
			end := m.wordEnd(at, to)
			c.word(at, end)
			at = end
		}
	}
}

// wordEnd is where a word ends that begins at a place.
func (m *masker) wordEnd(at, to int) int {
	var quote byte
	for ; at < to; at++ {
		switch c := m.text[at]; {
		case c == '\\' && quote != '\'':
			at++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case strings.IndexByte(" \t\r\n;|&()<>`", c) >= 0:
			return at
		}
	}
	return min(at, to)
}

// simple is a simple command while its words are gone through.
type simple struct {
	m     *masker
	nest  int
	takes taker // how the last program that is known takes a secret
	said  bool  // its words are printed
	next  bool  // the next word is a secret
	after bool  // of the next word what stands behind a : or a %
	plain int   // words without a -
}

func (c *simple) word(start, end int) {
	raw := c.m.text[start:end]
	inner, quoted := unquoted(raw)
	lead := strings.Index(raw, inner)
	switch {
	case c.next && !optionLike(inner):
		c.next = false
		c.m.hide(start, end)
		return
	case c.after:
		c.after = false
		c.m.userAndSecret(start, raw)
		return
	}
	c.next = false
	if c.said && c.m.piped && !optionLike(inner) {
		c.m.hide(start, end)
		return
	}
	if quoted && c.nest < maxMask && strings.ContainsAny(inner, " \t\n;|&") {
		c.m.line(start+lead, start+lead+len(inner), c.nest+1)
	}
	if strings.HasPrefix(inner, "-") {
		c.option(start+lead, inner)
		return
	}
	c.plain++
	if t, ok := takers[familiarTool(inner)]; ok && !quoted {
		c.takes, c.plain = t, 0
		return
	}
	switch base := path.Base(inner); {
	case base == "echo" || base == "printf":
		c.said = true
	case c.takes.names && secretName(inner): // aws configure set NAME VALUE
		c.next = true
	case c.takes.slash:
		if at := strings.IndexByte(inner, '/'); at > 0 {
			secret, _, _ := strings.Cut(inner[at+1:], "@")
			c.m.hide(start+lead+at+1, start+lead+at+1+len(secret))
		}
	case c.takes.last > 0 && c.plain >= c.takes.last:
		c.m.hide(start, end)
	}
}

// option reads an option: one that is named for a secret, or a letter by which a known program takes one.
func (c *simple) option(start int, text string) {
	name := strings.TrimLeft(text, "-")
	if strings.HasPrefix(text, "--") || len(name) > 3 {
		if bare, _, has := strings.Cut(name, "="); secretName(bare) && !has {
			c.next = true
			return
		} else if has {
			if slices.Contains(c.takes.pairs, bare) {
				c.m.userAndSecret(start+len(text)-len(name)+len(bare)+1, name[len(bare)+1:])
			}
			return
		}
		if slices.Contains(c.takes.pairs, name) {
			c.after = true
			return
		}
	}
	for i := 1; i < len(text); i++ {
		letter := text[i : i+1]
		rest := text[i+1:]
		switch {
		case strings.Contains(c.takes.joined, letter) && rest != "":
			c.m.hide(start+i+1, start+len(text))
			return
		case strings.Contains(c.takes.letters, letter):
			c.next = rest == ""
			c.m.hide(start+i+1, start+len(text))
			return
		case slices.Contains(c.takes.pairs, letter):
			if c.after = rest == ""; !c.after {
				c.m.userAndSecret(start+i+1, rest)
			}
			return
		case !c.takes.cluster:
			return // only the first letter is one
		}
	}
}

// userAndSecret hides what stands behind the : or % of a user.
func (m *masker) userAndSecret(start int, text string) {
	if at := strings.IndexAny(text, ":%"); at >= 0 {
		m.hide(start+at+1, start+len(strings.TrimRight(text, `'"`)))
	}
}

// optionLike reports whether a word is an option rather than a secret.
func optionLike(s string) bool { return strings.HasPrefix(s, "--") || len(s) == 2 && s[0] == '-' }

// unquoted is a word without the quotes around the whole of it.
func unquoted(raw string) (inner string, quoted bool) {
	if n := len(raw); n >= 2 && (raw[0] == '\'' || raw[0] == '"') && raw[n-1] == raw[0] {
		return raw[1 : n-1], true
	}
	if n := len(raw); n >= 1 && (raw[0] == '\'' || raw[0] == '"') { // it is not closed
		return raw[1:], true
	}
	return raw, false
}
