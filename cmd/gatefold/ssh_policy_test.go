package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

const operators = `
@id("connect") permit (principal, action == Action::"connect", resource);
@id("run") permit (principal, action in Action::"run", resource);
@id("env") permit (principal, action == Action::"env", resource);
@id("tmp") permit (principal, action in Action::"files", resource) when { context.within.contains("/tmp") };
@id("look") permit (principal, action == Action::"file_list", resource);
@id("watch-id") @watch("who asks who they are") permit (principal, action in [Action::"exec", Action::"line"], resource) when { context.programs.contains("id") };
@id("no-rm") @advice("ask for a broom") forbid (principal, action in Action::"run", resource) when { context.told && context.programs.contains("rm") };
@id("no-secrets") forbid (principal, action in Action::"files", resource) when { context.told && context.path like "*.secret" };
`

// ran are the command lines that the server has run.
func (g *sshGate) ran() []string {
	g.t.Helper()
	lines, err := g.server.Ran()
	if err != nil {
		g.t.Fatal(err)
	}
	return lines
}

// The policy's word on commands, lines and files, from OpenSSH's client through the gateway to OpenSSH's server: what it
// refuses the target never sees, and the record says which rule it was.
func TestSSHPolicy(t *testing.T) {
	g := newSSHGate(t, sshOptions{stopped: true})
	g.write("policy.cedar", operators)
	g.start(false)
	before := len(g.ran())
	for _, c := range []struct {
		line, says string
		code       int
	}{
		{"echo fine", "fine\n", 0},
		{"echo fine > /dev/null; id -u > /dev/null", "", 0},
		{"/bin/rm -rf /nowhere", "no-rm", 255},
		{`sh -c "r\m -rf /nowhere"`, "no-rm", 255},
		{"echo x > /etc/nobody", "policy refuses file_write of /etc/nobody", 255},
	} {
		said, code := g.ssh("alice", g.key, "target", c.line)
		if !strings.Contains(said, c.says) || c.says == "" && said != "" || (code == 0) != (c.code == 0) {
			t.Errorf("%s: ends with %d and says %q", c.line, code, said)
		}
	}
	for _, line := range g.ran()[before:] {
		if strings.Contains(line, "nowhere") || strings.Contains(line, "nobody") {
			t.Errorf("the target ran %q", line)
		}
	}
	for query, want := range map[string]string{
		"program:rm verdict:deny": "r\\m -rf", "rule:watch-id": "id -u", "path:/etc/nobody action:file_write": "echo x > /etc/nobody", "command:nowhere outcome:refused": "/bin/rm",
	} {
		g.poll("search "+query+" finds it", func() bool { return strings.Contains(g.run("", "search", query), want) })
	}
	if !strings.Contains(g.log.from(0), "watched by policy") {
		t.Error("the log tells of nobody who was watched")
	}
}

// Secrets in a command line stay out of the record, the archive and the log.
func TestSSHSecretsInCommandsAreMasked(t *testing.T) {
	g := newSSHGate(t, sshOptions{target: "    env: [TOKEN]\n"})
	const secret = "hunter2hunter2"
	if said, code := g.ssh("alice", g.key, "target", "true mysql -p"+secret+"; PGPASSWORD="+secret+" true"); code != 0 {
		t.Fatalf("%d, %q", code, said)
	}
	t.Setenv("TOKEN", secret)
	if _, code := g.ssh("alice", g.key, "-o", "SendEnv=TOKEN", "target", "test -n \"$TOKEN\" || true"); code != 0 {
		t.Fatal(code)
	}
	g.poll("it is on record", func() bool { return strings.Contains(g.run("", "search", "kind:exec flag:masked"), "***") })
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	for _, r := range g.exported() {
		if strings.Contains(show(r), secret) {
			t.Errorf("on record is %s", show(r))
		}
	}
	if strings.Contains(g.log.from(0), secret) {
		t.Error("the log has it")
	}
}

// A policy that changes ends open shells that it would not let in.
func TestSSHPolicyChangesUnderAShell(t *testing.T) {
	g := newSSHGate(t, sshOptions{})
	cmd := g.login("alice", g.key).Program(t, "ssh", "target", "sleep 300")
	var out syncBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	g.poll("the session is open", func() bool { return strings.Contains(g.run("", "sessions"), "alice") })
	g.write("policy.cedar", `@id("none") permit (principal, action, resource) when { principal.name == "nobody" };`)
	g.run("", "user", "enable", "alice") // has the running gateway reload
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("the client ends as if all were well")
		}
	case <-time.After(time.Minute):
		cmd.Process.Kill()
		t.Fatal("the session goes on")
	}
}

// Line of the table of what is done when the journal can't take a record. SSH: a command that is asked waits, and is refused as not
// recorded and not run; what a program says waits, then the session ends, with nothing on the client's side that isn't on record.
func TestDiskFullSSH(t *testing.T) {
	g := newSSHGate(t, sshOptions{stopped: true})
	text := strings.Replace(g.read("gatefold.yaml"), "recording: {segment: 8MiB, journal: 256MiB}", "recording: {wait: 200ms, segment: 4MiB, journal: 64MiB}", 1)
	g.write("gatefold.yaml", text)
	g.smallDisk("32m")
	g.start(false)
	if said, code := g.ssh("alice", g.key, "target", "echo before"); code != 0 || said != "before\n" {
		t.Fatalf("%d, %q", code, said)
	}
	cmd := g.login("alice", g.key).Program(t, "ssh", "-tt", "target", "while :; do head -c 60000 /dev/zero | tr '\\0' y; echo; done")
	var out syncBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	g.poll("the program talks", func() bool { return strings.Contains(out.from(0), "yyyy") })
	ballast := g.fill()
	if err := cmd.Wait(); err == nil {
		t.Error("the session that can't be recorded ends as if all were well")
	}
	before := len(g.ran())
	var said string
	well := 0 // what is short may still find room
	g.poll("a command is refused", func() bool {
		var code int
		if said, code = g.ssh("alice", g.key, "target", "echo during"); code == 0 {
			well++
		}
		return code != 0
	})
	if !strings.Contains(said, "not recorded, not run") {
		t.Errorf("the client is told %q", said)
	}
	if lines := g.ran()[before:]; len(lines) != well {
		t.Errorf("the target ran %q, and the client was told of %d", lines, well)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	g.poll("commands run again", func() bool { said, _ := g.ssh("alice", g.key, "target", "echo after"); return said == "after\n" })
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	if out, errs, code := g.try("", "verify"); code != 0 {
		t.Errorf("verify: exit %d\n%s%s", code, out, errs)
	}
}

// A line that a rule forbids ends the session before its Enter is sent; one that is watched goes on. Both are on record with
// their rule, however they came to stand on the screen.
func TestSSHLines(t *testing.T) {
	g := newSSHGate(t, sshOptions{stopped: true})
	g.write("policy.cedar", operators)
	g.start(false)
	cmd := g.login("alice", g.key).Program(t, "ssh", "-tt", "target")
	keys, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out syncBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	enter := func(line, until string, times int) { // nothing is typed ahead of its prompt
		t.Helper()
		if _, err := keys.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
		g.poll("the screen shows "+until, func() bool { return strings.Count(out.from(0), until) == times })
	}
	g.poll("the shell's own prompt", func() bool { return strings.ContainsAny(out.from(0), "#$") })
	enter("PS1='rea''dy> '\r", "ready> ", 1)
	enter("id\r", "ready> ", 2)
	enter("rX\x7fm -rf /nowhere\r", "no-rm", 1) // with a letter taken back
	if err := cmd.Wait(); err == nil {
		t.Error("the client ends as if all were well")
	}
	g.poll("the line is on record", func() bool { return strings.Contains(g.run("", "search", "kind:line rule:no-rm"), "rm -rf /nowhere") })
	if said := g.run("", "search", "kind:line rule:watch-id"); !strings.Contains(said, "id") {
		t.Errorf("on record as watched is\n%s", said)
	}
	if closed := g.records("close", 1)[0]; !strings.Contains(show(closed), "no-rm") {
		t.Errorf("the session ended with %s", show(closed))
	}
}
