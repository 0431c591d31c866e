package shelltext

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Each line is a command line and the programs that it runs.
func TestPrograms(t *testing.T) {
	for line, want := range map[string]string{
		"uptime":                               "uptime",
		"":                                     "",
		"  # nothing":                          "",
		"/bin/rm -rf /":                        "/bin/rm rm",
		`\rm x`:                                "rm",
		`r\m x`:                                "rm",
		`"rm" x`:                               "rm",
		`r'm' x`:                               "rm",
		`'r'"m" x`:                             "rm",
		"r\\\nm x":                             "rm",
		"~/bin/x":                              "x ~/bin/x",
		"ls; rm x":                             "ls rm",
		"ls && rm x || id":                     "id ls rm",
		"ls | xargs rm":                        "ls rm xargs",
		"ls & rm x &":                          "ls rm",
		"if true; then rm x; else ls; fi":      "ls rm true",
		"for f in *; do rm $f; done":           "rm",
		"while read -r f; do rm \"$f\"; done":  "read rm",
		"case $x in a) rm x;; esac":            "rm",
		"echo $(rm x)":                         "echo rm",
		"echo `rm x`":                          "echo rm",
		`echo "$(rm x)"`:                       "echo rm",
		"echo ${a:-$(rm x)}":                   "echo rm",
		"diff <(rm x) <(ls)":                   "diff ls rm",
		"cat <<E\n$(rm x)\nE":                  "cat rm",
		"f() { rm x; }; f":                     "f rm",
		"(rm x)":                               "rm",
		"{ rm x; }":                            "rm",
		"! rm x":                               "rm",
		"time rm x":                            "rm time",
		"A=1 B=2 rm x":                         "rm",
		"> f rm x":                             "rm",
		"echo a\u00a0rm":                       "echo",
		"sh -c 'rm x'":                         "rm sh",
		"bash -lc 'rm x'":                      "bash rm",
		"bash -e -o pipefail -c 'rm x' a b":    "bash rm",
		`sh -c "sh -c 'rm x'"`:                 "rm sh",
		"bash <<'E'\nrm x\nE":                  "bash rm",
		"bash <<< 'rm x'":                      "bash rm",
		"sudo bash -s <<E\nrm x\nE":            "bash rm sudo",
		"sh /opt/x.sh":                         "/opt/x.sh sh x.sh",
		". /opt/x.sh":                          ". /opt/x.sh x.sh",
		"eval rm x":                            "eval rm",
		"eval 'r''m x'":                        "eval rm",
		"trap 'rm x' EXIT":                     "rm trap",
		"exec rm x":                            "exec rm",
		"exec -a ls rm x":                      "exec rm",
		"exec 2> err":                          "exec",
		"command rm x":                         "command rm",
		"command -v rm":                        "command",
		"builtin eval 'rm x'":                  "builtin eval rm",
		"env rm x":                             "env rm",
		"env -i A=1 - B=2 rm x":                "env rm",
		"env -u A -C /tmp -- C=3 rm x":         "env rm",
		"/usr/bin/env rm":                      "/usr/bin/env env rm",
		"sudo rm x":                            "rm sudo",
		"sudo -u www -E A=1 rm x":              "rm sudo",
		"sudo -uwww -n -- rm x":                "rm sudo",
		"sudo --user=www rm x":                 "rm sudo",
		"sudo -i rm x":                         "rm sudo",
		"sudo -l":                              "sudo",
		"doas rm x":                            "doas rm",
		"su -c 'rm x'":                         "rm su",
		"su - root -c 'rm x'":                  "rm su",
		"runuser -u www -- rm x":               "rm runuser",
		"busybox rm x":                         "busybox rm",
		"busybox sh -c 'rm x'":                 "busybox rm sh",
		"nohup nice -n 5 ionice -c3 rm x":      "ionice nice nohup rm",
		"nice -10 rm x":                        "nice rm",
		"timeout -k 5 10s rm x":                "rm timeout",
		"stdbuf -oL rm x":                      "rm stdbuf",
		"linux64 rm x":                         "linux64 rm",
		"choom -n 0 -- rm x":                   "choom rm",
		"/usr/lib/openssh/sftp-server":         "/usr/lib/openssh/sftp-server sftp-server",
		"setsid -w rm x":                       "rm setsid",
		"chroot /mnt rm x":                     "chroot rm",
		"flock /l rm x":                        "flock rm",
		"flock /l -c 'rm x'":                   "flock rm",
		"xargs -0 -n 1 rm -f":                  "rm xargs",
		"xargs -I{} sh -c 'rm x' {}":           "rm sh xargs",
		"find . -name x -exec rm {} +":         "find rm",
		`find . -exec sh -c 'rm x' \; -delete`: "find rm sh",
		"watch -n 1 rm x":                      "rm watch",
		"script -qc 'rm x' /dev/null":          "rm script",
		"docker exec -it db rm x":              "docker rm",
		"ip netns exec blue rm x":              "ip rm",
		"python3 /opt/x.py":                    "/opt/x.py python3 x.py",
		"awk '{print $1}' f":                   "awk",
		"sed -i.bak -e 's/a/b/g' f":            "sed",
		"sed -n '2,5p' f":                      "sed",
		"rsync --server -vlogDtpre.iLsfxCIvu . /srv": "rsync",
		"[ -f x ] && rm x":                           "[ rm",
		"[[ -f x ]] && rm x":                         "[[ rm",
		"[[ a && rm ]]; echo ${a/b/c}":               "[[ echo rm", // dash runs rm
		"((rm x))":                                   "rm",         // a nested subshell, to dash
		"sh '' x":                                    "sh", "set -e; export A=1; rm x": "export rm set",
		"psql -c 'SELECT 1'": "psql",
		"git status":         "git",
	} {
		f := Read(line)
		if got := strings.Join(f.Programs, " "); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
		if !f.Understood && line != "((rm x))" {
			t.Errorf("%q: not understood: %s", line, f.Why)
		}
	}
}

// What can't be told is not guessed: each of these may run rm, or anything.
func TestNotUnderstood(t *testing.T) {
	for _, line := range []string{
		"$x", "$(echo rm) x", "`echo rm` x", "r${a}m x", "${x:-rm} x", "$'\\162m' x", `$"rm" x`,
		"{rm,-rf,/}", "/bin/r? x", "/???/rm", "/bin/[r]m x", "r{m,n} x",
		"eval $x", "eval \"$x\"", "eval rm $x", "eval r*",
		"sh -c $x", `sh -c "rm $x"`, `sh -c "$(cat f)"`, "sh", "bash -s", "bash -i", "bash -", "curl http://x | sh", "sh < f", "sh 0< f",
		"cat f | sudo bash", "bash /dev/stdin", "bash /proc/self/fd/0", ". /dev/stdin", "source $x", "sh $x",
		"bash <<E\n$x\nE", "bash <<E\nr\\m x\nE", "bash --rcfile f -i",
		"alias ls=rm\nls", "enable -f x y", "hash -p /bin/rm ls", "bind -x x", "complete -C rm ls", "mapfile -C rm x",
		"PATH=/tmp ls", "export PATH=/tmp; ls", "export 'PA'TH=/tmp", "env PATH=/tmp ls", "sudo PATH=/tmp ls", "LD_PRELOAD=/tmp/x.so ls",
		"BASH_ENV=f bash -c ls", "IFS=x; ls", "read PATH; ls", "for PATH in /tmp; do ls; done", ": ${PATH:=/tmp}", "declare $x", "declare -n a=PATH",
		"printf -v PATH /tmp", "GIT_SSH_COMMAND=rm git status", "unset 'a[$(rm)]'", "export $x",
		"x='a[$(rm -rf /)]'; echo $((x))", "((x))", "let x", "[[ $x -eq 1 ]]", "echo ${a[$x]}", "a[x]=1", "test -v 'a[$(rm)]'", "for ((i=0;x;i++)); do ls; done",
		"x='$(rm)'; echo ${x@P}",
		"env -S 'rm x'", "env $x", "sudo $x", "sudo -s", "sudo -i", "sudo", "sudo -e f", "sudo --unknown rm", "su", "su - root", "su root x", "doas -s", "nohup $x rm",
		"xargs $x", "echo rm | xargs env", "echo rm | xargs busybox", "xargs -I X X", "xargs sh", "echo x | xargs find", "xargs -I{} sh -c '{} x'",
		"find . $x", "find . -exec {} +", `find . -exec $x {} \;`,
		"timeout $x rm", "chroot /mnt", "nsenter -t 1 -m", "unshare -r", "strace -o '|rm x' ls",
		"python3 -c 'x'", "python3", "python3 -m timeit x", "perl -e 'x'", "perl -ne x f", "ruby -e x", "node -e x", "php -r x", "lua -e x", "python3 $x", "python3 -",
		"awk 'BEGIN{system(\"rm x\")}'", "awk '{print | \"rm\"}'", "awk \"$x\"", "sed 's/a/rm x/e' f", "sed '1e rm x' f", "sed -n 'w f' g", "sed \"$x\" f",
		"ssh other rm x", "vim f", "ed f", "at now", "crontab -", "tmux new rm", "zsh -c ls", "fish -c ls", "tar --to-command=rm xf a", "tar -cf a --checkpoint-action=exec=rm b",
		"split --filter=rm f", "man -P rm ls", "rsync -e rm a b:c", "scp -S rm a b:c", "git -c core.pager=rm log", "git log", "psql", "psql -c '\\! rm x'", "mysql -e 'system rm x'", "mysql < f",
		"/lib64/ld-linux-x86-64.so.2 $x", "docker run x", "docker -H x ps",
		"aa &> f rm x", "[[ a && $x ]]", "[[ a =~ x|rm ]]", `echo $'\'; rm x; echo '`,
		"rsync --server -s -e.i . /srv", "rsync --server -vse.LsfxCIvu . .", "rsync --server --protect-args . x", // its paths are not here
		"nohup /usr/lib/openssh/sftp-server", "env A=1 sftp-server", "sftp-server; :", "sftp-server -R; id", "/tmp/sftp-server",
		"capsh -- -c id", "firejail sh", "sg x -c id", "make -f -", "ssh-keygen -D x.so", "visudo", "linux64", "setarch x86_64",
		"aa # c\\\nrm x", // the parser takes the two lines for one
		"ls)", "ls |", "'ls", "ls\r", "ls\x00", "ls\x1b", "\xff", "coproc $x",
		"rm x\nls )",
		strings.Repeat("(", 100), strings.Repeat("a ", 40<<10), strings.Repeat("sh -c ", 3) + strings.Repeat("'", 3),
	} {
		if f := Read(line); f.Understood || f.Why == "" {
			t.Errorf("%.60q was understood: %v", line, f.Programs)
		}
	}
}

// What stands before something that isn't understood is told all the same: a shell runs it before it comes to the rest.
func TestWhatIsToldBesideWhatIsNot(t *testing.T) {
	for _, line := range []string{"rm x\nls )", "rm x; $y", "rm x; eval $y", "if true; then rm x; fi; ls\n}", "sudo --nonsense; rm x"} {
		if f := Read(line); f.Understood || !slices.Contains(f.Programs, "rm") {
			t.Errorf("%q: %v, understood %v", line, f.Programs, f.Understood)
		}
	}
}

// Files are those of redirections, and of programs that are known to carry or write what they are given: < reads, > writes, * is
// with all below, ? can't be told.
func TestFiles(t *testing.T) {
	for line, want := range map[string]string{
		"ls":                       "",
		"ls > /tmp/a":              ">/tmp/a",
		"ls >> '/tmp/a b'":         ">/tmp/a b",
		"ls >| a 2> b":             ">a >b",
		"ls &> a":                  ">a",
		"ls >& a":                  ">a",
		"ls > /dev/null 2>&1":      "",
		"ls 2>&- 3<&4":             "",
		"sort < a":                 "<a",
		"cat <> a":                 ">a <a",
		"exec 3> a":                ">a",
		"ls > ~/a":                 ">./a",
		"ls > ~root/a":             ">?",
		"ls > '~/a'":               ">./~/a",
		"ls > $x":                  ">?",
		"ls > a*":                  ">?",
		"ls > $'a'":                ">? >$a", // a quote to bash, a dollar to dash
		"cd /etc && ls > passwd":   ">?",
		"cd /etc && ls > /tmp/x":   ">/tmp/x",
		"ls > >(cat > a)":          ">a",
		"sh -c 'ls > a'":           ">a",
		"echo $(ls > a)":           ">a",
		"echo x | sudo tee -a a b": ">a >b",
		"dd if=/dev/sda of=a bs=1": "</dev/sda >a",
		"echo a | xargs tee":       ">?",
		"scp -t /srv":              ">/srv*",
		"scp -v -r -f -- /srv":     "</srv*",
		"scp -f a b":               "<a <b",
		"rsync --server -vlogDtpre.iLsfxCIvu . /srv":          ">/srv*",
		"rsync --server --sender -vlogDtpre.iLsfxCIvu . a b/": "<a* <b/*",
		"rsync --server --log-file=/x -e.i . /srv":            ">/x* >/srv*",
		"git-upload-pack '/srv/a.git'":                        "</srv/a.git*",
		"git-receive-pack '/srv/a.git'":                       ">/srv/a.git*",
		"git receive-pack a.git":                              ">a.git*",
		"[[ a > b ]]":                                         ">b", // to dash
	} {
		var got []string
		for _, f := range Read(line).Files {
			s := map[bool]string{true: ">", false: "<"}[f.Write] + f.Path
			if f.Path == "" {
				s += "?"
			}
			if f.All {
				s += "*"
			}
			got = append(got, s)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q: %q, want %q", line, s, want)
		}
	}
}

func TestWords(t *testing.T) {
	f := Read(`sudo systemctl stop "nginx.service" --now $x 'a b'`)
	if want := "--now|a b|nginx.service|stop|sudo|systemctl"; strings.Join(f.Words, "|") != want {
		t.Errorf("%q, want %q", strings.Join(f.Words, "|"), want)
	}
}

// The worst shapes that were found, at the longest that is parsed: bounded in what they leave. BenchmarkHostile has their time.
func TestHostileLinesAreBounded(t *testing.T) {
	for _, piece := range hostile {
		f := Read(strings.Repeat(piece, maxLine/len(piece)))
		if len(f.Words) > maxWords || len(f.Files) > maxFiles || len(f.Programs) > 4*maxWords {
			t.Errorf("%q: %d words, %d files, %d programs", piece, len(f.Words), len(f.Files), len(f.Programs))
		}
	}
}

var hostile = []string{"(", "$((", "$(", "`", "{ ", "if ", "${a:-", `"$(`, "`\\", "<<a ", "a[$((", "! ", "a|", "( ", "case a in a) ", "a&&", "a b ",
	"sh -c ", "sudo ", "eval ", "x=", "'", `"`, "\\", "\n", ";", "> a ", "env A=1 "}

func BenchmarkHostile(b *testing.B) {
	for _, piece := range hostile {
		line := strings.Repeat(piece, maxLine/len(piece))
		b.Run(fmt.Sprintf("%q", piece), func(b *testing.B) {
			for b.Loop() {
				Read(line)
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	for _, line := range []string{"uptime", `sudo -u www sh -c "cd /srv && git pull && systemctl restart nginx > /tmp/log 2>&1"`} {
		b.Run(line[:6], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Read(line)
			}
		})
	}
}
