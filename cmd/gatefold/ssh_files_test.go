package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// filesPolicy lets alice move files within a folder, but for one in it.
const filesPolicy = `
permit(principal, action in [Action::"connect", Action::"subsystem", Action::"exec"], resource);
@id("shared") permit(principal, action in Action::"files", resource) when { context.within.contains("THERE") };
@id("private") forbid(principal, action in Action::"any", resource) when { context.within.contains("THERE/private") };
`

func newFilesGate(t *testing.T) (g *sshGate, there string) {
	g, there = newSSHGate(t, sshOptions{stopped: true}), t.TempDir()
	g.write("policy.cedar", strings.ReplaceAll(filesPolicy, "THERE", there))
	g.start(false)
	for name, text := range map[string]string{"private/key": "secret", "open": "for all"} {
		if err := os.MkdirAll(there+"/private", 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(there+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return g, there
}

// files runs a client of OpenSSH's that moves files to its end.
func (g *sshGate) files(stdin, name string, args ...string) (said string, code int) {
	g.t.Helper()
	cmd := g.login("alice", g.key).Program(g.t, name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		g.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// However a path is written, a rule on it holds; what was refused is on record with the rule, what was moved with its hash.
func TestSSHFileRules(t *testing.T) {
	g, there := newFilesGate(t)
	here := t.TempDir()
	batch := "-get THERE/open HERE/got\n"
	for i, path := range []string{"THERE/private/key", "THERE/./private//key", "THERE/x/../private/key", "/..THERE/private/key", "/etc/passwd"} {
		batch += fmt.Sprintf("-get %s HERE/stolen%d\n", path, i)
	}
	batch += "-ln -s private THERE/link\n-rename THERE/private THERE/public\n-put HERE/got THERE/private/new\n-put HERE/got THERE/new\n"
	batch = strings.NewReplacer("THERE", there, "HERE", here).Replace(batch)
	if said, code := g.files(batch, "sftp", "-q", "-b", "-", "target"); code != 0 {
		t.Fatalf("%s: %d", said, code)
	}
	if left, err := os.ReadDir(here); err != nil || len(left) != 1 || left[0].Name() != "got" {
		t.Errorf("here are %v: %v", left, err)
	}
	if _, err := os.Stat(there + "/new"); err != nil {
		t.Error(err)
	}
	for _, path := range []string{"/link", "/public", "/private/new"} {
		if _, err := os.Lstat(there + path); err == nil {
			t.Errorf("%s is there", path)
		}
	}
	rules := map[string]int{}
	for _, r := range g.records("file", 12) {
		if r["verdict"] == "deny" {
			rules[fmt.Sprint(r["rule"])]++
		} else if !strings.HasPrefix(fmt.Sprint(r["text"]), there) || strings.Contains(fmt.Sprint(r["text"]), "private") {
			t.Errorf("allowed: %s", show(r))
		}
	}
	if rules["private"] < 7 || rules["default deny"] < 1 || len(rules) != 2 {
		t.Errorf("what was refused, by rules: %v", rules)
	}
	hashed := 0
	for _, r := range g.records("result", 12) {
		if r["hash"] != nil {
			hashed++
		}
	}
	if hashed != 2 {
		t.Errorf("%d transfers have a hash", hashed)
	}
}

// scp's older protocol is a command line, whose paths are judged before it runs; each file that passes is on record as SFTP's.
func TestSCPFileRules(t *testing.T) {
	g, there := newFilesGate(t)
	back := t.TempDir()
	for _, paths := range [][2]string{{"target:" + there, back}, {"target:" + there + "/private/key", back}, {back, "target:" + there + "/private/"}} {
		said, code := g.files("", "scp", "-O", "-q", "-r", paths[0], paths[1])
		if code != 1 && code != 255 || !strings.Contains(said, `rule "private"`) {
			t.Errorf("%q: %s%d", paths, said, code)
		}
	}
	if left, err := os.ReadDir(back); err != nil || len(left) > 0 {
		t.Errorf("there came %v: %v", left, err)
	}
	if said, code := g.files("", "scp", "-O", "-q", "target:"+there+"/open", back); code != 0 {
		t.Errorf("%s: %d", said, code)
	}
	if said, code := g.files("", "scp", "-O", "-q", back+"/open", "target:"+there+"/again"); code != 0 {
		t.Errorf("%s: %d", said, code)
	}
	for i, want := range []string{"open-read " + there + "/open", "open-write " + there + "/again"} {
		if r := g.records("file", 2)[i]; fmt.Sprint(r["name"], " ", r["text"]) != want {
			t.Errorf("%s, want %s", show(r), want)
		}
	}
}
