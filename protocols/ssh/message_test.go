package ssh

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/protocols"
)

// FuzzRequests takes apart what clients and targets say in requests and openings. What goes on record or to a terminal of it is
// bounded and harmless.
func FuzzRequests(f *testing.F) {
	f.Add("pty-req", ssh.Marshal(ptyRequest{"xterm", 80, 24, 640, 480, "\x03\x00\x00\x00\x7f\x00"}))
	f.Add("exec", ssh.Marshal(programRequest{"sudo -u www 'bash' -s; cd /srv"}))
	f.Add("exit-signal", ssh.Marshal(exitSignal{"SEGV", true, "no \x1b]0;luck", "en"}))
	f.Add("direct-tcpip", ssh.Marshal(tcpChannel{"::1", 80, "localhost", 1}))
	f.Add("tcpip-forward", ssh.Marshal(addressRequest{"", 1 << 31}))
	f.Add("streamlocal-forward@openssh.com", ssh.Marshal(pathChannel{Path: "/run/x.sock"}))
	f.Add("env", []byte{0xff, 0xff, 0xff, 0xff, 'A'})
	f.Fuzz(func(t *testing.T, kind string, payload []byte) {
		for _, m := range []any{&ptyRequest{}, &windowChange{}, &envRequest{}, &programRequest{}, &signalRequest{}, &breakRequest{}, &exitStatus{},
			&exitSignal{}, &addressRequest{}, &tcpChannel{}, &pathChannel{}} {
			if ssh.Unmarshal(payload, m) == nil && string(ssh.Marshal(m)) != string(payload) {
				if _, lax := m.(*exitSignal); !lax { // a boolean is any byte (RFC 4251, section 5)
					t.Errorf("%x was read as %+v", payload, m)
				}
			}
		}
		if place := placeOf(kind, payload); len(place) > maxWords+len("[]:4294967295") {
			t.Errorf("a place of %d bytes", len(place))
		}
		(&program{kind: "exec", text: string(payload)}).interprets()
		said := words(&protocols.Error{Message: kind, Detail: string(payload)}, "\n")
		if !utf8.Valid(said) || strings.ContainsFunc(string(said), func(r rune) bool { return r != '\n' && unicode.IsControl(r) }) {
			t.Errorf("%q is said", said)
		}
	})
}

// Any word of a command line that runs what it is given counts, however it is written.
func TestInterprets(t *testing.T) {
	for command, want := range map[string]bool{
		"bash -s":                            true,
		"/usr/bin/python3.11 -":              true,
		"cd /x && exec /bin/sh":              true,
		"sh -c 'cat | \"/bin/dash\"'":        true,
		"FOO=1 env BAR=2 perl":               true,
		"nice -n 5 psql -f - shop":           true,
		"cat > /tmp/x":                       false,
		"tar xf - -C /srv":                   false,
		"cat > python/notes":                 false,
		"dd of=/dev/sda":                     false,
		"(umask 77; cat >> .authorized_keys": false,
	} {
		if got := (&program{kind: "exec", text: command}).interprets(); got != want {
			t.Errorf("%s: %v", command, got)
		}
	}
	for _, kind := range []string{"shell", "subsystem"} {
		if !(&program{kind: kind}).interprets() {
			t.Errorf("a %s interprets", kind)
		}
	}
}
