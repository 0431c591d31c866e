package ssh

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/testenv"
)

func TestKeysProveTheirUser(t *testing.T) {
	d := newDoor(t, nil)
	for _, args := range [][]string{{"-t", "ed25519"}, {"-t", "rsa", "-b", "2048"}, {"-t", "ecdsa", "-b", "256"}, {"-t", "ecdsa", "-b", "521"}} {
		key := d.keygen(t, true, args...)
		said, _ := d.ssh(t, key)
		d.in(t, said, "publickey "+publicKey(t, key+".pub").Type()+" "+ssh.FingerprintSHA256(publicKey(t, key+".pub")))
	}
	said, code := d.ssh(t, d.keygen(t, false, "-t", "ed25519"))
	d.out(t, said, "a key that is not the user's")
	if code != 255 {
		t.Errorf("the client ends with %d", code)
	}
	d.User = "bob@web1"
	said, _ = d.ssh(t, d.keygen(t, true, "-t", "ed25519"))
	d.out(t, said, "a key that is not the user's")
}

// An RSA key signs by SHA-2 or not at all (RFC 8332): SHA-1 is broken.
func TestRSAKeysSignBySHA2(t *testing.T) {
	d := newDoor(t, nil)
	key := d.keygen(t, true, "-t", "rsa", "-b", "2048")
	said, _ := d.ssh(t, key, "-o", "PubkeyAcceptedAlgorithms=ssh-rsa")
	if c := d.next(t); c.err == nil {
		t.Errorf("it is in: %+v, %s", c, said)
	}
	said, _ = d.ssh(t, key, "-o", "PubkeyAcceptedAlgorithms=rsa-sha2-256")
	d.in(t, said, "publickey ssh-rsa")
}

// skKey is a security key (OpenSSH's PROTOCOL.u2f) of ed25519, that signs with or without a touch.
type skKey struct {
	key   ed25519.PrivateKey
	flags byte
}

func (k skKey) PublicKey() ssh.PublicKey {
	pub, err := ssh.ParsePublicKey(ssh.Marshal(struct {
		Type        string
		Key         []byte
		Application string
	}{ssh.KeyAlgoSKED25519, k.key.Public().(ed25519.PublicKey), "ssh:"}))
	if err != nil {
		panic(err)
	}
	return pub
}

func (k skKey) Sign(_ io.Reader, data []byte) (*ssh.Signature, error) {
	app, sum := sha256.Sum256([]byte("ssh:")), sha256.Sum256(data)
	counted := binary.BigEndian.AppendUint32([]byte{k.flags}, 7)
	signed := slices.Concat(app[:], counted, sum[:])
	sig, err := k.key.Sign(rand.Reader, signed, crypto.Hash(0))
	return &ssh.Signature{Format: ssh.KeyAlgoSKED25519, Blob: sig, Rest: counted}, err
}

func TestSecurityKeysAreTouched(t *testing.T) {
	d := newDoor(t, nil)
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	touched, left := skKey{key, 1}, skKey{key, 0}
	d.people.keys = [][]byte{touched.PublicKey().Marshal()}
	if _, err := d.dial(t, ssh.PublicKeys(touched)); err != nil {
		t.Error(err)
	}
	if c := d.next(t); c.err != nil || !strings.HasPrefix(c.request.Proof, "publickey sk-ssh-ed25519@openssh.com SHA256:") {
		t.Errorf("the login was %+v", c)
	}
	if _, err := d.dial(t, ssh.PublicKeys(left)); err == nil {
		t.Error("a key that nobody touched let somebody in")
	}
	if c := d.next(t); c.err == nil {
		t.Errorf("the login was %+v", c)
	}
}

// dial is x/crypto's client, for what OpenSSH's can't be made to do. The connection ends with the test.
func (d *door) dial(t *testing.T, auth ...ssh.AuthMethod) (*ssh.Client, error) {
	t.Helper()
	c, err := ssh.Dial("tcp", d.Address(), &ssh.ClientConfig{User: d.User, Auth: auth, HostKeyCallback: ssh.FixedHostKey(d.keys[0].PublicKey()),
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519}})
	if err == nil {
		t.Cleanup(func() { c.Close() })
	}
	return c, err
}

// askpass has OpenSSH's client type: what is typed is by words of the prompt. It writes the prompts down.
func (d *door) askpass(t *testing.T, method string, typed map[string]string) (said string, prompts string) {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\necho \"$1\" >> " + dir + "/prompts\ncase \"$1\" in\n"
	for word, text := range typed {
		script += "*" + word + "*) echo '" + text + "' ;;\n"
	}
	path := filepath.Join(dir, "askpass")
	if err := os.WriteFile(path, []byte(script+"esac\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	l := d.SSHLogin
	l.Key = "none"
	cmd := l.Program(t, "ssh", "-o", "LogLevel=INFO", "-o", "BatchMode=no", "-o", "NumberOfPasswordPrompts=1", "-o", "PreferredAuthentications="+method, "target", "true")
	cmd.Env = append(cmd.Env, "SSH_ASKPASS="+path, "SSH_ASKPASS_REQUIRE=force", "DISPLAY=none")
	said, _ = finish(t, cmd)
	text, _ := os.ReadFile(dir + "/prompts")
	return said, string(text)
}

func TestPasswords(t *testing.T) {
	d := newDoor(t, nil)
	for _, method := range []string{"password", "keyboard-interactive"} {
		said, _ := d.askpass(t, method, map[string]string{"assword": goodPassword})
		d.in(t, said, "password")
		said, _ = d.askpass(t, method, map[string]string{"assword": wrongPassword})
		d.out(t, said, "wrong user or password")
		d.User = "bob@web1"
		said, _ = d.askpass(t, method, map[string]string{"assword": goodPassword})
		d.out(t, said, "wrong user or password")
		d.User = "alice=root@web1"
	}
}

// Who has a second factor is asked for it after the password, by either method, and only after a right one.
func TestASecondFactorFollowsThePassword(t *testing.T) {
	d := newDoor(t, nil)
	d.User = "carol=root@web1"
	for _, method := range []string{"keyboard-interactive", "password,keyboard-interactive"} {
		d.people.code = "654321"
		said, prompts := d.askpass(t, method, map[string]string{"assword": goodPassword, "Code": "654321"})
		if c := d.next(t); c.err != nil || c.request.Proof != "password and code" || c.request.User != "carol" || !strings.Contains(said, "you are carol") {
			t.Errorf("%s: the login was %+v, %s", method, c, said)
		}
		if n := strings.Count(prompts, "\n"); n != 2 || strings.Index(prompts, "assword") > strings.Index(prompts, "Code") {
			t.Errorf("%s: the prompts were %q", method, prompts)
		}
		said, _ = d.askpass(t, method, map[string]string{"assword": goodPassword, "Code": "654321"})
		d.out(t, said, "wrong code") // a code is good once
		said, prompts = d.askpass(t, method, map[string]string{"assword": wrongPassword, "Code": "654321"})
		d.out(t, said, "wrong user or password")
		if strings.Contains(prompts, "Code") {
			t.Errorf("%s: a code was asked for after a wrong password: %q", method, prompts)
		}
	}
}

// Where keys alone let people in, nobody is asked for a password, and a right one that comes unasked is none.
func TestKeysAlone(t *testing.T) {
	d := newDoor(t, func(d *door) { d.onlyKeys = true })
	said, _ := d.ssh(t, d.keygen(t, true, "-t", "ed25519"))
	d.in(t, said, "publickey")
	for _, method := range []string{"password", "keyboard-interactive"} {
		said, prompts := d.askpass(t, method, map[string]string{"assword": goodPassword})
		if c := d.next(t); c.err == nil || prompts != "" || !strings.Contains(said, "Permission denied (publickey)") {
			t.Errorf("%s: the login was %+v after %q: %s", method, c, prompts, said)
		}
	}
}

// The password alone is not enough where there is a second factor.
func TestAPasswordWithoutTheCodeIsNothing(t *testing.T) {
	d := newDoor(t, nil)
	d.User = "carol@web1"
	if _, err := d.dial(t, ssh.Password(goodPassword)); err == nil {
		t.Error("she is in without her code")
	}
	if c := d.next(t); c.err == nil {
		t.Errorf("the login was %+v", c)
	}
}

// Nobody can find out who exists: methods, prompts and answers of a user that isn't there are those of one that is.
func TestUsersCantBeEnumerated(t *testing.T) {
	d := newDoor(t, nil)
	conversation := func(user string) (said []string) {
		d.User = user
		_, err := d.dial(t,
			ssh.PublicKeys(newSigner(t)),
			ssh.PasswordCallback(func() (string, error) { said = append(said, "password"); return wrongPassword, nil }),
			ssh.KeyboardInteractive(func(name, instruction string, questions []string, echos []bool) ([]string, error) {
				said = append(said, "asked "+name+instruction+strings.Join(questions, "|"))
				return slices.Repeat([]string{wrongPassword}, len(questions)), nil
			}))
		d.next(t)
		return append(said, err.Error())
	}
	want := conversation("alice=root@web1")
	if len(want) < 3 {
		t.Fatalf("the conversation is %q", want)
	}
	for _, user := range []string{"carol@web1", "nobody@web1", "nobody=root@web1", "", "alice", "a/b", "alice=@web1", strings.Repeat("x", 300)} {
		if got := conversation(user); !slices.Equal(got, want) {
			t.Errorf("%.20q hears %q, alice %q", user, got, want)
		}
	}
}

// What is wrong with the rest of a login is told to those who have proved who they are, and to nobody else.
func TestAWrongTargetIsToldToTheProved(t *testing.T) {
	d := newDoor(t, nil)
	d.User = "alice@web9"
	said, _ := d.ssh(t, d.keygen(t, true, "-t", "ed25519"))
	c := d.next(t)
	if c.err == nil || !strings.Contains(c.err.Error(), "names no target") || c.request.User != "alice" {
		t.Errorf("the login was %+v", c)
	}
	if !strings.Contains(said, "administratively prohibited: the login names no target") || !strings.Contains(said, "a login is identity[=account][@target]") {
		t.Errorf("the client says %q", said)
	}
	said, _ = d.ssh(t, d.keygen(t, false, "-t", "ed25519"))
	d.out(t, said, "not the user's")
	if strings.Contains(said, "target:") {
		t.Errorf("a stranger is told %q", said)
	}
}

// A refusal is heard by every client that opens a channel, and one that opens none is not waited for without end.
func TestARefusalOverAMultiplexedConnection(t *testing.T) {
	d := newDoor(t, nil)
	key := d.keygen(t, true, "-t", "ed25519")
	signer, err := (testenv.SSHLogin{Key: key, HostKeys: d.HostKeys}).ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	c, err := d.dial(t, signer.Auth...)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := c.NewSession(); err == nil || !strings.Contains(err.Error(), inAsAlice) {
			t.Errorf("a channel: %v", err)
		}
	}
	c.Wait() // Refuse ends it
}

// A client behind a load balancer has the address that the PROXY protocol's header gave it.
func TestTheClientsOwnAddress(t *testing.T) {
	in := newInbound(pipeEnd(t), mustAddr("192.0.2.7:4711"))
	if a, ok := in.RemoteAddr().(*net.TCPAddr); !ok || a.String() != "192.0.2.7:4711" {
		t.Errorf("it is %v", in.RemoteAddr())
	}
}
