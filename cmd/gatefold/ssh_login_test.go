package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/testenv"
)

// What proved the user stands in the session's first record, whom the target took them for in the second.
func TestSSHLoginsAreOnRecord(t *testing.T) {
	g := newSSHGate(t, sshOptions{})
	if said, code := g.ssh("alice", g.key, "target", "echo $((6*7)); exit 3"); said != "42\n" || code != 3 {
		t.Fatalf("the client says %q and ends with %d", said, code)
	}
	laptop := g.keygen("laptop")
	g.tool("ssh-keygen", "-q", "-s", g.ca, "-I", "alice on her laptop", "-n", "alice", "-V", "+5m", laptop+".pub")
	if said, code := g.ssh("alice=root@web1", laptop, "target", "echo in"); said != "in\n" || code != 0 {
		t.Fatalf("the client says %q and ends with %d", said, code)
	}
	if said, code := g.ssh("alice", g.keygen("stranger"), "target", "true"); code != 255 || !strings.Contains(said, "Permission denied") {
		t.Fatalf("a stranger is told %q, %d", said, code)
	}
	opened := g.records("open", 3)
	for i, want := range []map[string]string{
		{"user": "alice", "account": "root", "target": "web1", "protocol": "ssh", "verdict": "allow", "message": "publickey ssh-ed25519 SHA256:"},
		{"user": "alice", "account": "root", "target": "web1", "protocol": "ssh", "verdict": "allow", "message": `certificate "alice on her laptop" serial 0 of SHA256:`},
		{"user": "alice", "protocol": "ssh", "verdict": "deny", "message": ""},
	} {
		for key, value := range want {
			if got, _ := opened[i][key].(string); !strings.HasPrefix(got, value) {
				t.Errorf("session %d: %s is %q, want %q in %s", i, key, got, value, show(opened[i]))
			}
		}
	}
	for _, r := range g.records("join", 2) {
		if tls, _ := r["tls"].(string); !strings.HasPrefix(tls, "SSH2 ") || r["pid"] == nil || r["peer"] != g.server.Login().Address() {
			t.Errorf("a join is %s", show(r))
		}
	}
	if closed := g.records("close", 3)[2]; !strings.Contains(show(closed), "the login failed") {
		t.Errorf("the stranger's session ended with %s", show(closed))
	}
}

// An enrolled user gives a code after the password, and each code once; it all begins and ends with a verb, in a running gateway.
func TestSSHSecondFactors(t *testing.T) {
	g := newSSHGate(t, sshOptions{})
	url := strings.TrimSpace(strings.Split(g.run("", "user", "totp", "alice"), "\n")[0])
	_, secret, _ := strings.Cut(url, "secret=")
	secret, _, _ = strings.Cut(secret, "&")
	login := func(code string) error {
		config, err := g.login("alice", g.key).ClientConfig()
		if err != nil {
			t.Fatal(err)
		}
		config.Auth = []ssh.AuthMethod{ssh.KeyboardInteractive(func(_, _ string, questions []string, _ []bool) (answers []string, err error) {
			for _, q := range questions {
				answers = append(answers, map[string]string{"Password: ": alicePassword, "Code: ": code}[q])
			}
			return answers, nil
		})}
		c, err := ssh.Dial("tcp", g.addr, config)
		if err == nil {
			c.Close()
		}
		return err
	}
	code, err := totp.GenerateCode(secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := login(code); err != nil {
		t.Errorf("the code of now: %v", err)
	}
	if err := login(code); err == nil {
		t.Error("a code is good twice")
	}
	if got := g.records("open", 1)[0]["message"]; got != "password and code" {
		t.Errorf("it is on record as %v", got)
	}
	for _, file := range []string{"s/users.json", "s/factors.json"} {
		if strings.Contains(g.read(file), secret) {
			t.Errorf("%s holds the secret", file)
		}
	}
	g.run("", "user", "totp", "alice", "--remove")
	if err := login(""); err != nil {
		t.Errorf("without a second factor: %v", err)
	}
}

// A key comes and goes in a running gateway; of a disabled user none is good.
func TestSSHKeysComeAndGo(t *testing.T) {
	g := newSSHGate(t, sshOptions{})
	key := g.keygen("second")
	in := func() bool { _, code := g.ssh("alice", key, "target", "true"); return code == 0 }
	if in() {
		t.Error("a key that was not added is good")
	}
	g.run(g.read("second.pub"), "user", "key", "add", "alice")
	if !in() {
		t.Error("an added key is not good")
	}
	g.run("", "user", "disable", "alice")
	if in() {
		t.Error("a disabled user is in")
	}
	g.run("", "user", "enable", "alice")
	open := g.dial("alice", key)
	if s, err := open.NewSession(); err != nil || s.Run("true") != nil {
		t.Errorf("an added key opens no channel: %v", err)
	}
	g.run("", "user", "key", "remove", "alice", "second")
	if in() {
		t.Error("a removed key is good")
	}
	if _, err := open.NewSession(); err == nil || !strings.Contains(err.Error(), "a key that is not the user's") {
		t.Errorf("a channel of who came with a removed key: %v", err)
	}
}

// A target with another host key is refused, and record and client tell both fingerprints; `host-key` tells, too.
func TestAChangedHostKeyIsOnRecord(t *testing.T) {
	other, err := testenv.NewSSHKey()
	if err != nil {
		t.Fatal(err)
	}
	g := newSSHGate(t, sshOptions{hostKeys: []string{string(other.Public)}})
	pinned, _, _, _, _ := ssh.ParseAuthorizedKey(other.Public)
	has, _, _, _, _ := ssh.ParseAuthorizedKey([]byte(g.server.HostKeys[0]))
	said, code := g.ssh("alice", g.key, "target", "true")
	closed := show(g.records("close", 1)[0])
	for what, text := range map[string]string{"the client": said, "the record": closed} {
		if !strings.Contains(text, ssh.FingerprintSHA256(has)) || !strings.Contains(text, ssh.FingerprintSHA256(pinned)) {
			t.Errorf("%s says %q", what, text)
		}
	}
	if code != 255 {
		t.Errorf("the client ends with %d", code)
	}
	out, _, code := g.try("", "host-key", "web1")
	if code != exitNo || !strings.Contains(out, ssh.FingerprintSHA256(has)) || !strings.Contains(out, "none of them is pinned") {
		t.Errorf("host-key: %d, %s", code, out)
	}
	g.configure(sshOptions{hostKeys: g.server.HostKeys})
	if out, _, code := g.try("", "host-key", "web1"); code != exitOK || !strings.Contains(out, ", pinned") {
		t.Errorf("host-key: %d, %s", code, out)
	}
}

// A secret that is an authority's signs for minutes; sshd's log tells whose session it is.
func TestSSHWithAnAuthoritysSecret(t *testing.T) {
	g := newSSHGate(t, sshOptions{secret: func(g *sshGate) {
		text, err := os.ReadFile(g.server.UserCA)
		if err != nil {
			g.t.Fatal(err)
		}
		out := g.run(string(text), "secret", "add", "web1-root", "--user", g.server.Superuser, "--ssh-ca")
		if strings.Contains(out, "PRIVATE") || !strings.Contains(out, "ssh-ed25519 ") {
			g.t.Errorf("the verb prints %q", out)
		}
	}})
	if said, code := g.ssh("alice", g.key, "target", "echo in"); said != "in\n" || code != 0 {
		t.Fatalf("the client says %q and ends with %d", said, code)
	}
	id := g.records("open", 1)[0]["session"].(string)
	g.poll("sshd's log names the session", func() bool {
		log, _ := os.ReadFile(g.server.LogPath)
		return strings.Contains(string(log), "ID gatefold alice "+id)
	})
}

// A mistyped target is told to whoever has proved who they are.
func TestAMistypedSSHTarget(t *testing.T) {
	g := newSSHGate(t, sshOptions{})
	said, _ := g.ssh("alice=root@web9", g.key, "target", "true")
	if !strings.Contains(said, "administratively prohibited") || !strings.Contains(said, "user@target") {
		t.Errorf("alice is told %q", said)
	}
	said, _ = g.ssh("alice=root@web9", g.keygen("stranger"), "target", "true")
	if !strings.Contains(said, "Permission denied") {
		t.Errorf("a stranger is told %q", said)
	}
}

// What a certificate restricts its holder to holds: its own command in place of every other, and no terminal.
func TestACertificatesOwnCommand(t *testing.T) {
	g := newSSHGate(t, sshOptions{})
	backup := g.keygen("backup")
	g.tool("ssh-keygen", "-q", "-s", g.ca, "-I", "backup", "-n", "alice", "-O", "force-command=echo only this", "-O", "no-pty", backup+".pub")
	for _, command := range [][]string{{"target", "rm -rf /nowhere"}, {"-T", "target"}, {"-s", "target", "sftp"}} {
		if said, code := g.ssh("alice", backup, command...); said != "only this\n" || code != 0 {
			t.Errorf("%q: the client says %q and ends with %d", command, said, code)
		}
	}
	if said, _ := g.ssh("alice", backup, "-tt", "target", "true"); !strings.Contains(said, "PTY allocation request failed") {
		t.Errorf("a terminal: %q", said)
	}
	for _, r := range g.records("exec", 4) {
		if r["name"] != "exec" || r["text"] != "echo only this" {
			t.Errorf("on record is %s", show(r))
		}
	}
}

// A client that knows one of the gateway's keys learns the others by itself, whichever it knows.
func TestClientsLearnTheOtherHostKeys(t *testing.T) {
	g := newSSHGate(t, sshOptions{})
	_, port, _ := strings.Cut(g.addr, ":")
	for i, key := range []string{"s/ssh_host_ed25519_key.pub", "s/ssh_host_rsa_key.pub"} {
		known := filepath.Join(g.dir, "known")
		if err := os.WriteFile(known, []byte("[127.0.0.1]:"+port+" "+g.read(key)), 0o600); err != nil {
			t.Fatal(err)
		}
		client := g.login("alice", g.key).Program(t, "ssh", "-o", "UserKnownHostsFile="+known, "-o", "UpdateHostKeys=yes", "-o", "HostKeyAlgorithms="+
			[]string{"ssh-ed25519,rsa-sha2-256", "rsa-sha2-256,ssh-ed25519"}[i], "target", "cat")
		in, err := client.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := client.Start(); err != nil {
			t.Fatal(err)
		}
		testenv.Eventually(t, "it knows both", func() bool {
			text := g.read("known")
			return strings.Contains(text, "ssh-rsa ") && strings.Contains(text, "ssh-ed25519 ")
		})
		in.Close()
		if err := client.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// The gateway's keys are made once, for their owner alone, and are those that ssh-config prints for known_hosts.
func TestHostKeysAreMadeOnce(t *testing.T) {
	g := newSSHGate(t, sshOptions{stopped: true})
	before := ""
	for range 2 {
		m := g.gate
		m.start(false)
		for _, name := range []string{"ssh_host_ed25519_key", "ssh_host_rsa_key"} {
			info, err := os.Stat(filepath.Join(g.dir, "s", name))
			if err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", name, info, err)
			}
		}
		if now := g.read("s/ssh_host_ed25519_key.pub") + g.read("s/ssh_host_rsa_key.pub"); before != "" && now != before {
			t.Error("they are others after a restart")
		} else {
			before = now
		}
		if err := g.stop(); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(before, "ssh-rsa ") || !strings.Contains(before, "ssh-ed25519 ") {
		t.Errorf("they are %s", before)
	}
}

// A renewed host certificate, and another authority of users, are in force after a reload.
func TestAReloadRenewsWhatSSHClientsSee(t *testing.T) {
	g := newSSHGate(t, sshOptions{})
	next := g.keygen("next")
	laptop := g.keygen("laptop")
	g.tool("ssh-keygen", "-q", "-s", next, "-I", "x", "-n", "alice", laptop+".pub")
	if _, code := g.ssh("alice", laptop, "target", "true"); code == 0 {
		t.Error("an authority that is not believed yet is")
	}
	g.write("ca.pub", g.read("ca.pub")+g.read("next.pub"))
	g.tool("ssh-keygen", "-q", "-h", "-s", next, "-I", "gw", "-n", "127.0.0.1", filepath.Join(g.dir, "s/ssh_host_ed25519_key.pub"))
	g.configure(sshOptions{hostKeys: g.server.HostKeys,
		extra: "ssh: {host_certificates: [s/ssh_host_ed25519_key-cert.pub]}"})
	g.run("", "user", "enable", "alice") // has the running gateway reload
	if said, code := g.ssh("alice", laptop, "target", "true"); code != 0 {
		t.Errorf("the new authority is not believed: %s", said)
	}
	known := filepath.Join(g.dir, "known")
	_, port, _ := strings.Cut(g.addr, ":")
	if err := os.WriteFile(known, []byte("@cert-authority [127.0.0.1]:"+port+" "+g.read("next.pub")), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, code := g.ssh("alice", g.key, "-o", "UserKnownHostsFile="+known, "-o", "HostKeyAlgorithms=ssh-ed25519-cert-v01@openssh.com", "target", "true"); code != 0 {
		t.Errorf("the host certificate does not prove the gateway: %s", said)
	}
}

// What was asked for in place of a certificate's own command is on record whole, before the target hears of it.
func TestACertificatesOwnCommandHearsWhatWasAskedFor(t *testing.T) {
	server := testenv.NewSSHForTest(t, testenv.Options{Settings: map[string]string{"AcceptEnv": "SSH_ORIGINAL_COMMAND"}})
	g := newSSHGate(t, sshOptions{server: server})
	key := g.keygen("wrapped")
	g.tool("ssh-keygen", "-q", "-s", g.ca, "-I", "wrapped", "-n", "alice", "-O", `force-command=echo "asked: $SSH_ORIGINAL_COMMAND"`, key+".pub")
	asked := strings.Repeat("long ", 1000)
	if said, _ := g.ssh("alice", key, "target", asked); said != "asked: "+asked+"\n" {
		t.Errorf("the client says %q", said)
	}
	if r := g.records("command", 1)[0]; r["name"] != "env" || r["text"] != "SSH_ORIGINAL_COMMAND="+asked {
		t.Errorf("on record is %s", show(r))
	}
}

// SSH's logins have limits.login_grace, not hello_timeout: people type their password meanwhile.
func TestSSHLoginsHaveTheirGrace(t *testing.T) {
	g := newSSHGate(t, sshOptions{limits: "{hello_timeout: 1us, login_grace: 1m, drain_timeout: 1s}"})
	if said, code := g.ssh("alice", g.key, "target", "true"); code != 0 {
		t.Errorf("she is not in: %s", said)
	}
	g = newSSHGate(t, sshOptions{limits: "{hello_timeout: 1us, login_grace: 1us, drain_timeout: 1s}"})
	if said, code := g.ssh("alice", g.key, "target", "true"); code != 255 {
		t.Errorf("she is in: %s", said)
	}
	if r := show(g.records("close", 1)[0]); !strings.Contains(r, "the login took too long") {
		t.Errorf("on record is %s", r)
	}
}

// What is revoked lets nobody in from the moment that the file says so, and opens nothing on a connection that is there. A file
// that can't be read lets nobody in.
func TestRevokedKeys(t *testing.T) {
	g := newSSHGate(t, sshOptions{stopped: true})
	laptop, phone := g.keygen("laptop"), g.keygen("phone")
	g.tool("ssh-keygen", "-q", "-s", g.ca, "-I", "laptop", "-n", "alice", "-z", "7", laptop+".pub")
	g.tool("ssh-keygen", "-q", "-s", g.ca, "-I", "phone", "-n", "alice", "-z", "8", phone+".pub")
	list := filepath.Join(g.dir, "revoked")
	g.write("spec", "serial: 100\n")
	g.tool("ssh-keygen", "-q", "-k", "-s", g.ca+".pub", "-f", list, filepath.Join(g.dir, "spec"))
	g.write("gatefold.yaml", strings.ReplaceAll(g.read("gatefold.yaml"), "user_ca: ca.pub", "user_ca: ca.pub, revoked_keys: revoked"))
	g.start(false)
	in := func(key string, want bool) {
		t.Helper()
		if said, code := g.ssh("alice", key, "target", "true"); (code == 0) != want {
			t.Errorf("%s: %d, %q", filepath.Base(key), code, said)
		}
	}
	for _, key := range []string{g.key, laptop, phone} {
		in(key, true)
	}
	open := g.dial("alice", g.key)
	if s, err := open.NewSession(); err != nil || s.Run("true") != nil {
		t.Errorf("before: %v", err)
	}
	g.write("spec", "serial: 7\nkey: "+g.read("alice.pub"))
	g.tool("ssh-keygen", "-q", "-k", "-u", "-s", g.ca+".pub", "-f", list, filepath.Join(g.dir, "spec"))
	in(g.key, false)
	in(laptop, false)
	in(phone, true)
	if _, err := open.NewSession(); err == nil || !strings.Contains(err.Error(), "is revoked") {
		t.Errorf("a channel of who is revoked: %v", err)
	}
	g.write("revoked", "what is this\n")
	in(phone, false)
	g.write("revoked", g.read("laptop.pub"))
	in(laptop, false)
	in(phone, true)
	in(g.key, true)
}

// The banner is shown before anybody has proved anything.
func TestABanner(t *testing.T) {
	g := newSSHGate(t, sshOptions{stopped: true})
	g.write("banner.txt", "Authorised use only.\nAll that you do is recorded.\n")
	g.write("gatefold.yaml", g.read("gatefold.yaml")+"\nssh: {banner: banner.txt}\n")
	g.start(false)
	said, code := g.ssh("alice", g.keygen("stranger"), "target", "true")
	if want := "Authorised use only.\r\nAll that you do is recorded.\r\n"; !strings.HasPrefix(strings.ReplaceAll(said, "\r\n", "\n"), strings.ReplaceAll(want, "\r\n", "\n")) || code != 255 {
		t.Errorf("a stranger is shown %q, %d", said, code)
	}
}
