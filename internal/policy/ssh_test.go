package policy

import (
	"slices"
	"strings"
	"testing"

	"github.com/gatefold/gatefold/internal/shelltext"
)

var (
	web1     = Target{Name: "web1", Protocol: "ssh"}
	operator = Subject{User: "olga", Groups: []string{"operator"}}
)

// deed reads what a person would write of a request: "$ ls" is run, "> ls" typed, "read /a", "rename /a /b".
func deed(request string) *Deed {
	word, rest, _ := strings.Cut(request, " ")
	switch word {
	case "$":
		return Exec(rest, shelltext.Read(rest))
	case ">":
		return Line(rest, shelltext.Read(rest))
	case "shell":
		return Shell()
	case "subsystem":
		return Subsystem(rest)
	case "env":
		return Variable(rest)
	}
	path, second, _ := strings.Cut(rest, " ")
	return File(word, path, second, false)
}

func TestStarterSSH(t *testing.T) {
	s := starter(t)
	for _, c := range []struct {
		request, rule string
		allow         bool
	}{
		{"$ uptime", "operator-run", true},
		{"$ uptime > /tmp/a", "operator-run, operator-files", true},
		{"$ sudo systemctl restart nginx", "watch-root", true},
		{"$ python3 -c 'x'", "operator-run", true},
		{"$ cat /etc/shadow", "password-files", false},
		{"$ echo x > /etc/sudoers.d/me", "password-files", false},
		{"$ echo x >> ~/.ssh/authorized_keys", "ways-past", false},
		{"$ scp -t /home/app/.ssh/authorized_keys", "ways-past", false},
		{"shell", "operator-run", true},
		{"subsystem sftp", "operator-run", true},
		{"env LANG=C", "session", true},
		{"> ls", "operator-run", true},
		{"> sudo -i", "watch-root", true},
		{"> it's", "operator-run", true},
		{"open-read /etc/passwd", "operator-files", true},
		{"open-read /etc/shadow", "password-files", false},
		{"open-read /etc/ssh/../shadow", "password-files", false},
		{"open-read /etc/ssh/sshd_config", "operator-files", true},
		{"open-write /etc/ssh/sshd_config", "ways-past", false},
		{"open-write .ssh/authorized_keys", "ways-past", false},
		{"open-write /home/app/.ssh/authorized_keys", "ways-past", false},
		{"rename /tmp/a /home/app/.ssh/authorized_keys", "ways-past", false},
		{"rename /etc /tmp/etc", "password-files", false}, // with all that is in it
		{"symlink /tmp/a /etc", "password-files", false},
		{"symlink /etc/cron.d/a ../shadow", "password-files", false},
		{"rename /srv/a /srv/b", "operator-files", true},
		{"nonsense /srv/a", DefaultDeny, false},
	} {
		d := s.Decide(operator, web1, env, deed(c.request))
		if d.Allow != c.allow || d.Rule != c.rule {
			t.Errorf("%s: allowed %v by %q\n%s", c.request, d.Allow, d.Rule, strings.Join(d.Reasons, "\n"))
		}
		if d.Watched != strings.Contains(d.Rule, "watch") {
			t.Errorf("%s: watched %v", c.request, d.Watched)
		}
		if d := s.Decide(alice, web1, env, deed(c.request)); d.Allow && c.rule != "session" {
			t.Errorf("a dba may %s by %q", c.request, d.Rule)
		}
	}
	if !s.Connect(operator, web1, env).Allow || s.Connect(alice, web1, env).Allow || s.Connect(operator, orders, env).Allow {
		t.Error("connect: operators go to machines, and dbas to databases")
	}
}

// What can't be told of a command line counts as the worst to rules that forbid, and as nothing to rules that permit. Each line
// is a rule beside one that permits everything or, for a permit, alone.
func TestSSHUntold(t *testing.T) {
	for _, c := range []struct {
		rule, request string
		allow         bool
	}{
		{`forbid (principal, action, resource) when { context.programs.contains("rm") }`, "$ rm x", false},
		{`forbid (principal, action, resource) when { context.programs.contains("rm") }`, "$ ls", true},
		{`forbid (principal, action, resource) when { context.programs.contains("rm") }`, "$ eval $x", false},
		{`forbid (principal, action, resource) when { context.programs.contains("rm") }`, "$ sh", false},
		{`forbid (principal, action == Action::"exec", resource) when { context.programs.contains("rm") }`, "$ $x", false},
		{`forbid (principal, action == Action::"exec", resource) when { context.told && context.programs.contains("rm") }`, "$ $x", true},
		{`forbid (principal, action == Action::"exec", resource) when { context.understood && context.programs.contains("rm") }`, "$ $x", true},
		{`forbid (principal, action == Action::"exec", resource) when { context.command like "*rm*" }`, "$ $x", false},
		{`forbid (principal, action == Action::"file_read", resource) when { context.path == "/etc/shadow" }`, "$ $x", false},
		{`forbid (principal, action == Action::"file_read", resource) when { context.path == "/etc/shadow" }`, "$ ls", true},
		{`forbid (principal, action == Action::"file_read", resource) when { context.path == "/etc/shadow" }`, "open-read ../../etc/shadow", false},
		{`forbid (principal, action == Action::"file_read", resource) when { context.path == "/etc/shadow" }`, "open-write ../../etc/shadow", true},
		{`forbid (principal, action in Action::"files", resource) when { context.within.contains("/etc") }`, "$ cd /etc; echo x > passwd", false},
		{`forbid (principal, action == Action::"file_write", resource) when { context.within.contains("/etc") }`, "$ echo x > $f", false},
		{`forbid (principal, action == Action::"file_write", resource) when { context.account == "other" && context.within.contains("/etc") }`, "$ echo x > $f", true},
		// Rules of another language say nothing of this one.
		{`forbid (principal, action in [Action::"update", Action::"delete"], resource) unless { context.has_where }`, "$ $x", true},
		{`forbid (principal, action in Action::"any", resource) when { context.tables.contains("salaries") }`, "$ $x", true},
		{`forbid (principal, action == Action::"subsystem", resource)`, "$ $x", true},
		{`forbid (principal, action == Action::"shell", resource)`, "$ $x", false},
		// A line is a tripwire: what it doesn't tell trips nothing.
		{`forbid (principal, action == Action::"line", resource) when { context.programs.contains("rm") }`, "> it's", true},
		{`forbid (principal, action == Action::"line", resource) when { context.programs.contains("rm") }`, "> sudo rm x", false},
		{`permit (principal, action == Action::"line", resource) when { ["ls"].containsAll(context.programs) }`, "> it's", false},
		{`permit (principal, action == Action::"line", resource) when { ["ls"].containsAll(context.programs) }`, "> ls -l", true},
		{`permit (principal, action == Action::"exec", resource) when { ["ls", "cat"].containsAll(context.programs) }`, "$ ls | cat", true},
		{`permit (principal, action == Action::"exec", resource) when { ["ls", "cat"].containsAll(context.programs) }`, "$ ls; rm x", false},
		{`permit (principal, action == Action::"exec", resource) when { ["ls", "cat"].containsAll(context.programs) }`, "$ ls; $x", false},
		{`permit (principal, action == Action::"exec", resource) when { ["ls", "cat"].containsAll(context.programs) }`, "$ ls > /etc/x", false},
		{`permit (principal, action == Action::"exec", resource) when { context.command == "sh -s" }`, "$ sh -s", false},
		{`permit (principal, action == Action::"exec", resource) when { !context.told && context.command == "sh -s" }`, "$ sh -s", true},
		{`permit (principal, action == Action::"file_read", resource) when { context.within.contains("/srv") }`, "open-read /srv/../etc/shadow", false},
		{`permit (principal, action == Action::"file_read", resource) when { context.within.contains("~") }`, "open-read notes/../a", true},
		{`permit (principal, action == Action::"file_read", resource) when { context.within.contains("~") }`, "open-read ../a", false},
		{`permit (principal, action == Action::"file_rename", resource) when { context.within.contains("/srv") }`, "rename /srv/a /etc/a", false},
		// A folder takes with it what is in it.
		{`forbid (principal, action == Action::"file_rename", resource) when { context.path like "/etc/ssl/*.key" }`, "rename /etc /tmp/x", false},
		{`forbid (principal, action == Action::"file_rename", resource) when { context.path like "*.key" }`, "rename /etc /tmp/x", false},
		{`forbid (principal, action == Action::"file_rename", resource) when { context.path == "/etc/shadow" }`, "rename /srv /tmp/x", true},
		{`forbid (principal, action == Action::"file_read", resource) when { context.path == "/etc/shadow" }`, "$ rsync --server --sender -vr . /etc/", false},
		{`forbid (principal, action == Action::"file_read", resource) when { context.path == "/etc/shadow" }`, "$ scp -f /etc/hosts", true},
	} {
		rules := `@id("rule") ` + c.rule + ";"
		if strings.HasPrefix(c.rule, "forbid") {
			rules += "\n" + `@id("all") permit (principal, action, resource);`
		}
		d := load(t, rules).Decide(operator, web1, env, deed(c.request))
		if d.Allow != c.allow {
			t.Errorf("%s: %s: allowed %v\n%s", c.rule, c.request, d.Allow, strings.Join(d.Reasons, "\n"))
		}
	}
}

func TestClean(t *testing.T) {
	for path, want := range map[string]string{
		"/": "/", "//": "/", "/a/./b//c/": "/a/b/c", "/a/../../b": "/b", "": "~", ".": "~", "a": "~/a", "a/..": "~", "./a/../b": "~/b", "~": "~", "~/a": "~/a",
		"~root": "~/~root", "..": "", "a/../../b": "", "~/..": "", "/a\x00b": "", "/" + strings.Repeat("a", 5000): "",
	} {
		got, told := Clean(path)
		if told != (want != "") || told && got != want {
			t.Errorf("%.20q: %.20q, told %v", path, got, told)
		}
	}
	if got := folders("/etc/ssh/x"); !slices.Equal(got, []string{"/", "/etc", "/etc/ssh", "/etc/ssh/x"}) {
		t.Errorf("%q", got)
	}
	if got := folders("~/a"); !slices.Equal(got, []string{"~", "~/a"}) {
		t.Errorf("%q", got)
	}
	if got := folders("/" + strings.Repeat("a/", 2000)); len(got) > maxFolders+1 {
		t.Errorf("%d folders", len(got))
	}
}

// Of the permits that hold, one that watches is named; it is no way to let pass what forbids.
func TestWatch(t *testing.T) {
	s := load(t, `@id("all") permit (principal, action, resource);
@id("w") @watch("why") permit (principal, action, resource) when { context.programs.contains("rm") };
@id("no") forbid (principal, action, resource) when { context.words.contains("/") };`)
	for request, want := range map[string]string{"$ ls": "all false", "$ rm x": "w true", "$ rm /": "no false", "> rm $(x": "all false", "> rm $x": "w true"} {
		d := s.Decide(operator, web1, env, deed(request))
		if got := d.Rule + " " + map[bool]string{true: "true", false: "false"}[d.Watched]; got != want {
			t.Errorf("%s: %s, want %s", request, got, want)
		}
	}
	if _, err := Load([]Source{{Name: "p.cedar", Text: []byte(`@watch("x") forbid (principal, action, resource);`)}}); err == nil || !strings.Contains(err.Error(), "write permit") {
		t.Errorf("a forbid that watches: %v", err)
	}
}
