package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/internal/testenv"
)

const noShadow = `@id("anything")
permit (principal, action, resource);

@id("no-shadow")
@advice("ask the security team")
forbid (principal, action == Action::"exec", resource)
when { context.command like "*shadow*" };

@id("no-secrets")
forbid (principal, action in [Action::"file_read", Action::"file_write"], resource)
when { context.path like "*/secret*" };
`

func TestSSHFromCommandToInvestigator(t *testing.T) {
	g := newGate(t, gateOptions{ssh: true, policy: noShadow})
	out, errs, code := g.ssh("echo from the server; echo to stderr >&2; exit 7")
	if out != "from the server\n" || errs != "to stderr\n" || code != 7 {
		t.Errorf("exit %d, said %q and %q", code, out, errs)
	}
	out, errs, code = g.ssh("cat /etc/shadow")
	if out != "" || code == 0 || !strings.Contains(errs, "no-shadow") {
		t.Errorf("exit %d, said %q and %q", code, out, errs)
	}
	g.poll("the command is found by its text", func() bool {
		out, _, _ := g.try("", "search", "user:alice target:orders", "shadow")
		return strings.Contains(out, "cat /etc/shadow") && strings.Contains(out, "no-shadow")
	})
	out = g.run("", "search", "from the server")
	if !strings.Contains(out, "echo from the server") {
		t.Errorf("search does not find the command:\n%s", out)
	}
	session := ""
	for line := range strings.Lines(g.run("", "search", "user:alice", "to stderr")) {
		if f := strings.Fields(line); len(f) > 2 && strings.HasPrefix(f[0], "20") {
			session = f[2]
		}
	}
	replay := g.run("", "replay", session)
	for _, want := range []string{"alice", "orders", "exit 7", "from the server"} {
		if !strings.Contains(replay, want) {
			t.Errorf("the replay of %s lacks %q:\n%s", session, want, replay)
		}
	}
	g.closeAndVerify()
}

// closeAndVerify ends the gateway and has its archive prove itself.
func (g *gate) closeAndVerify() {
	g.t.Helper()
	if err := g.stop(); err != nil {
		g.t.Fatal(err)
	}
	g.oneResultEach()
	if out, errs, code := g.try("", "verify"); code != 0 {
		g.t.Errorf("verify: exit %d\n%s%s", code, out, errs)
	}
}

// eachSSHRecord goes over the archive of a gateway that has ended.
func (g *gate) eachSSHRecord(see func(*record.Record)) {
	g.t.Helper()
	store, err := local.Open(archiveDir(filepath.Join(g.dir, "s")), local.Read)
	if err != nil {
		g.t.Fatal(err)
	}
	defer store.Close()
	for b, err := range store.Blocks(context.Background(), record.Narrow{Oldest: true}) {
		if err != nil {
			g.t.Fatal(err)
		}
		for r, err := range b.Records() {
			if err != nil {
				g.t.Fatal(err)
			}
			see(&r)
		}
	}
}

// What the server says it ran is on record, in order and to the byte, and nothing else is but what was refused.
func TestSSHRecordsWhatTheServerRan(t *testing.T) {
	sshd := testenv.NewSSHForTest(t, testenv.Options{LogStatements: true})
	sshd.NeedTerminals(t)
	g := newGate(t, gateOptions{ssh: true, sshd: sshd, policy: noShadow})
	c := g.dialSSH()
	for _, line := range []string{"true", "echo 'a  b' \"ü\"", "echo one\necho two", ": " + strings.Repeat("x", 30000)} {
		output(t, c, line)
	}
	g.ssh("cat /etc/shadow")
	g.ssh("echo at a terminal", "-tt")
	shell := g.openssh("ssh", "target")
	if out, errs, code := g.runSSH(strings.NewReader("echo in a shell\n"), shell); code != 0 || !strings.Contains(out, "in a shell") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	c.Close()
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	ran, err := sshd.Ran()
	if err != nil {
		t.Fatal(err)
	}
	var recorded []string
	g.eachSSHRecord(func(r *record.Record) {
		switch {
		case r.Kind == record.KindExec && r.Verdict == record.VerdictAllow:
			recorded = append(recorded, string(r.Text))
		case r.Kind == record.KindData && len(recorded) > 0:
			recorded[len(recorded)-1] += string(r.Text)
		}
	})
	if !slices.Equal(ran, recorded) {
		t.Errorf("the server ran %.300q, on record is %.300q", ran, recorded)
	}
}

// Files are on record with what became of them; policy refuses by path, in place, and the connection goes on.
func TestSSHRecordsFiles(t *testing.T) {
	g := newGate(t, gateOptions{ssh: true, policy: noShadow})
	home := filepath.Join(g.sshd.Home, "files")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(home) })
	sent := filepath.Join(t.TempDir(), "sent")
	if err := os.WriteFile(sent, []byte("content of the file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	batch := "-put " + sent + " " + home + "/secret\nput " + sent + " " + home + "/open\nrename " + home + "/open " + home + "/moved\nmkdir " + home + "/d\nget " + home + "/moved /dev/null\n"
	out, errs, code := g.runSSH(strings.NewReader(batch), g.openssh("sftp", "-b", "-", "target"))
	if code != 0 || !strings.Contains(errs, "ermission denied") {
		t.Errorf("exit %d:\n%s%s", code, out, errs)
	}
	if out, errs, code := g.runSSH(nil, g.openssh("scp", "-O", sent, "target:"+home+"/by-scp")); code != 0 {
		t.Errorf("scp: exit %d\n%s%s", code, out, errs)
	}
	for name, there := range map[string]bool{"secret": false, "open": false, "moved": true, "d": true, "by-scp": true} {
		if _, err := os.Stat(filepath.Join(home, name)); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
	g.closeAndVerify()
	var said []string
	g.eachSSHRecord(func(r *record.Record) {
		if r.Kind == record.KindFile {
			said = append(said, string(r.Name)+" "+strings.TrimPrefix(string(r.Text), home)+" "+r.Rule)
		}
	})
	for _, want := range []string{"open-write /secret no-secrets", "open-write /open anything", "rename /open anything", "mkdir /d anything", "open-read /moved anything",
		"open-write /by-scp anything"} {
		if !slices.Contains(said, want) {
			t.Errorf("%q is not on record: %q", want, said)
		}
	}
	replay := g.run("", "search", "kind:file", "moved")
	if !strings.Contains(replay, home+"/moved") {
		t.Errorf("search says:\n%s", replay)
	}
}

// A session that is killed ends for the client, at the server, and on the record; so does one whose user is disabled.
func TestSSHSessionIsEnded(t *testing.T) {
	for name, end := range map[string]func(*gate){
		"kill": func(g *gate) {
			out := g.run("", "sessions")
			g.run("", "kill", strings.Fields(strings.Split(out, "\n")[1])[0])
		},
		"disable": func(g *gate) { g.run("", "user", "disable", "alice") },
	} {
		t.Run(name, func(t *testing.T) {
			sshd := testenv.NewSSHForTest(t, testenv.Options{})
			sshd.NeedTerminals(t)
			g := newGate(t, gateOptions{ssh: true, sshd: sshd})
			pids := filepath.Join(sshd.Home, "pid")
			cmd := g.openssh("ssh", "-tt", "target", "echo $$ >"+pids+"; echo up; exec sleep 100")
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			var errs strings.Builder
			cmd.Stderr = &errs
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if _, err := out.Read(make([]byte, 2)); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(pids)
			if err != nil {
				t.Fatal(err)
			}
			pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			end(g)
			if err := cmd.Wait(); err == nil {
				t.Error("the client ended well")
			}
			g.poll("the program at the server is gone", func() bool { return !testenv.Alive(pid) })
			g.poll("the session's end is on record", func() bool { return !strings.Contains(g.run("", "sessions"), "alice") })
			g.closeAndVerify()
			t.Logf("the client says %q", errs.String())
		})
	}
}
