package shelltext

import (
	"slices"
	"strings"
)

// run reads the arguments of a program that runs others, or code.
type run func(r *reader, args []word, in input)

// programs are those whose arguments are looked into, by the names that familiar gives.
var programs map[string]run

func init() { // they call command, which looks here
	programs = map[string]run{
		"eval": func(r *reader, args []word, _ input) { r.codes(args) },
		"trap": trap, "exec": wrap(options{plain: "cl", valued: "a"}, 0, nothing), "builtin": wrap(options{}, 0, nothing), "command": command,
		".": source, "source": source, "cd": move, "pushd": move, "popd": move,
		"read": names, "unset": names, "getopts": names, "test": test, "[": test, "printf": printf, "export": names, "readonly": names,
		"declare": names, "typeset": names, "local": names,

		"env":  env,
		"sudo": sudo, "doas": shellWithout(options{plain: "n", valued: "uC"}, "s"), "su": su, "runuser": su,
		"nohup": wrap(options{}, 0, nothing), "setsid": wrap(options{plain: "cfw", names: "ctty fork wait"}, 0, nothing),
		"nice":    wrap(options{plain: "0123456789", valued: "n", names: "adjustment="}, 0, nothing),
		"ionice":  wrap(options{plain: "t", valued: "cn", names: "class= classdata= ignore"}, 0, nothing),
		"timeout": wrap(options{plain: "fpv", valued: "ks", names: "foreground preserve-status verbose kill-after= signal="}, 1, nothing),
		"time":    wrap(options{plain: "apvV", valued: "fo", names: "append format= output= portability verbose"}, 0, nothing),
		"stdbuf":  wrap(options{valued: "ioe", names: "input= output= error="}, 0, nothing),
		"chroot":  wrap(options{names: "userspec= groups= skip-chdir"}, 1, shellInside),
		"chrt":    wrap(options{plain: "bdfiorv", names: "batch fifo idle other rr"}, 1, nothing),
		"taskset": wrap(options{plain: "ac", names: "all-tasks cpu-list"}, 1, nothing),
		"flock":   flock, "xargs": xargs, "find": find, "watch": watch, "script": script,
		"unshare":     wrap(options{plain: "muinpUCTfr", names: "mount uts ipc net pid user cgroup fork map-root-user mount-proc"}, 0, shellInside),
		"nsenter":     wrap(options{plain: "muinpUCaF", valued: "tSG", names: "target= mount uts ipc net pid user cgroup all no-fork"}, 0, shellInside),
		"strace":      wrap(options{plain: "CcDdFfhiqrtTvVwxy", valued: "abeEIOpPsSuX"}, 0, nothing),
		"systemd-run": wrap(options{plain: "dGqSt", valued: "EHMp", names: "collect description= gid= no-block on-active= on-calendar= pipe property= pty quiet remain-after-exit scope service-type= setenv= shell slice= system uid= unit= user wait working-directory="}, 0, shellInside),
		"setpriv":     wrap(options{plain: "d", names: "clear-groups init-groups keep-groups no-new-privs regid= reuid= rgid= ruid= groups="}, 0, nothing),
		"prlimit":     wrap(options{valued: "p", names: "as= core= cpu= data= fsize= nofile= nproc= stack= pid="}, 0, nothing),
		"numactl":     wrap(options{plain: "al", valued: "CNmip", names: "all cpunodebind= interleave= localalloc membind= physcpubind= preferred="}, 0, nothing),
		"gosu":        wrap(options{}, 1, nothing), "su-exec": wrap(options{}, 1, nothing),
		"eatmydata": wrap(options{}, 0, nothing), "unbuffer": wrap(options{plain: "p"}, 0, nothing), "proxychains": wrap(options{plain: "q", valued: "f"}, 0, nothing),
		"linux64": wrap(options{}, 0, shellInside), "linux32": wrap(options{}, 0, shellInside),
		"setarch": wrap(options{plain: "RFZLXBIST3v", names: "addr-no-randomize 32bit uname-2.6 verbose"}, 1, shellInside),
		"choom":   wrap(options{valued: "np", names: "adjust= pid="}, 0, nothing), "cpulimit": wrap(options{plain: "izbqvfmr", valued: "lcpe", names: "limit= lazy background foreground"}, 0, nothing),
		"catchsegv": wrap(options{}, 0, nothing), "torsocks": wrap(options{}, 0, shellInside), "torify": wrap(options{}, 0, nothing),
		"ssh-agent": wrap(options{plain: "csDdk", valued: "aEtP"}, 0, nothing), "dbus-run-session": wrap(options{}, 0, nothing),
		"busybox": multicall, "toybox": multicall, "ip": ip,
		"ld-linux-x86-64.so": wrap(options{}, 0, nothing), "ld-linux-aarch64.so": wrap(options{}, 0, nothing), "ld.so": wrap(options{}, 0, nothing),
		"psql": sqlClient, "mysql": sqlClient, "mariadb": sqlClient,
		"docker": container, "podman": container, "nerdctl": container,

		"tee": tee, "dd": dd, "scp": scp, "rsync": rsync, "git-upload-pack": git(false), "git-upload-archive": git(false), "git-receive-pack": git(true),
		"git": gitProgram, "awk": awk, "gawk": awk, "mawk": awk, "nawk": awk, "sed": sed,
	}
	for _, name := range []string{"sh", "bash", "dash", "ash", "ksh", "mksh", "rbash", "posh", "pdksh", "yash"} {
		programs[name] = shell
	}
	for name, o := range interpreters {
		programs[name] = interpreter(o)
	}
	for name, o := range hatches {
		programs[name] = hatch(strings.Fields(o))
	}
	for name, why := range opaque {
		programs[name] = func(r *reader, _ []word, _ input) { r.unsure(name + " " + why) }
	}
}

// opaque are programs whose words are a language that isn't read here, or that run what is told elsewhere.
var opaque = func() map[string]string {
	m := map[string]string{}
	for why, names := range map[string]string{
		"gives names another meaning":         "alias enable hash bind complete compgen fc mapfile readarray setopt",
		"runs commands on another machine":    "ssh rsh rlogin telnet mosh pssh parallel-ssh pdsh ansible salt",
		"runs commands that are told later":   "at batch crontab screen tmux entr parallel start-stop-daemon expect kubectl lxc machinectl pkexec",
		"runs code of a language of its own":  "ed ex vi vim nvim view emacs gdb lldb tclsh wish m4 bc pwsh powershell osascript jshell deno bun sqlite ghci R Rscript julia guile sbcl",
		"is a shell that is not read here":    "zsh fish csh tcsh rc es nu xonsh elvish",
		"runs a program for what it connects": "socat ncat nc netcat",
		"runs other programs":                 "capsh firejail bwrap proot fakeroot fakechroot ltrace valgrind perf gcore xvfb-run faketime sg newgrp login sudoedit visudo vipw vigr go cargo npx",
		"serves files by requests of its own": "sftp-server internal-sftp",
	} {
		for _, name := range strings.Fields(names) {
			m[name] = why
		}
	}
	return m
}()

// hatches are programs that run another where an option says so: how those options begin.
var hatches = map[string]string{
	"tar":   "--to-c --chec --use- -I --inf --new- --rsh --rmt -F --I",
	"zip":   "-T --unz -TT",
	"man":   "-P -H --pag --html --browser",
	"sort":  "--comp",
	"split": "--fil",
	"make":  "-f --f --e -E", "gmake": "-f --f --e -E", "ssh-keygen": "-D -P -w", "ssh-add": "-s -S", "journalctl": "+",
	"tcpdump": "-z --post",
	"nmap":    "--scr -sC -A",
	"wget":    "--use-ask -e --exec",
	"apt":     "-o --opt -c", "apt-get": "-o --opt -c", "dpkg": "--pre --post",
	"rpm": "-E --eval --pipe -D --def", "curl": "-K --conf",
	"less": "+ -", "more": "+", "pg": "+", "logrotate": "-", "systemctl": "edit",
}

func hatch(begins []string) run {
	return func(r *reader, args []word, _ input) {
		for _, a := range args {
			for _, b := range begins {
				if strings.HasPrefix(a.text, b) || !a.whole && a.text == "" {
					r.unsure("an option may have the program run another")
					return
				}
			}
		}
	}
}

// What a wrapper does without a program to run.
const (
	nothing     = false
	shellInside = true
)

// wrap is a program that has options, a few operands of its own, and then another program with its arguments.
func wrap(o options, operands int, shells bool) run {
	return func(r *reader, args []word, in input) {
		rest, _, ok := r.options(args, o)
		if !ok {
			return
		}
		r.inside(rest, operands, shells, in)
	}
}

// inside goes on with the program that a wrapper runs.
func (r *reader) inside(rest []word, operands int, shells bool, in input) {
	for _, operand := range rest[:min(operands, len(rest))] {
		if !operand.whole {
			r.unsure("an argument of a program that runs others is made by an expansion")
			return
		}
	}
	rest = rest[min(operands, len(rest)):]
	switch {
	case len(rest) > 0:
		r.command(rest, in)
	case shells:
		in.read(r)
	}
}

func shellWithout(o options, shell string) run {
	o.plain += shell
	return func(r *reader, args []word, in input) {
		rest, found, ok := r.options(args, o)
		if !ok {
			return
		}
		if _, ok := found[shell]; ok && len(rest) == 0 {
			in.read(r)
			return
		}
		r.inside(rest, 0, nothing, in)
	}
}

func env(r *reader, args []word, in input) {
	o := options{plain: "i0v", valued: "uC", names: "ignore-environment null unset= chdir= debug", assigns: true}
	rest, found, ok := r.options(args, o)
	if !ok {
		return
	}
	if found["C"] != nil || found["chdir"] != nil {
		r.moved = true
	}
	if len(rest) > 0 && rest[0].whole && rest[0].text == "-" {
		rest = rest[1:]
	}
	for len(rest) > 0 && rest[0].named && !strings.HasPrefix(rest[0].text, "-") { // behind a --
		name, _, _ := strings.Cut(rest[0].text, "=")
		r.variable(name)
		rest = rest[1:]
	}
	r.inside(rest, 0, nothing, in)
}

func sudo(r *reader, args []word, in input) {
	o := options{plain: "ABbEeHiKklnPSsVv", valued: "aCcDghpRrTtuU", assigns: true,
		names: "askpass background bell preserve-env? set-home login non-interactive preserve-groups stdin shell validate list reset-timestamp remove-timestamp edit user= group= host= prompt= chdir= chroot= close-from= other-user= command-timeout="}
	rest, found, ok := r.options(args, o)
	if !ok {
		return
	}
	for _, name := range []string{"i", "login", "D", "chdir", "R", "chroot"} {
		r.moved = r.moved || found[name] != nil
	}
	switch {
	case found["e"] != nil || found["edit"] != nil:
		r.unsure("sudo -e runs an editor")
	case len(rest) > 0 && (found["s"] != nil || found["i"] != nil || found["shell"] != nil || found["login"] != nil):
		r.command(rest, in) // sudo escapes the words for the shell
	default:
		r.inside(rest, 0, found["l"] == nil && found["v"] == nil && found["k"] == nil && found["K"] == nil && found["V"] == nil && found["list"] == nil, in)
	}
}

// su runs the shell of a user: -c gives it a line, which may stand behind the name, too.
func su(r *reader, args []word, in input) {
	o := options{plain: "lmpfP", valued: "csgGuwT", names: "command= session-command= login preserve-environment shell= group= supp-group= user= whitelist-environment= pty fast"}
	var lines []word
	var operands []word
	for len(args) > 0 {
		rest, found, ok := r.options(args, o)
		if !ok {
			return
		}
		for _, name := range []string{"c", "command", "session-command"} {
			lines = append(lines, found[name]...)
		}
		if found["u"] != nil || found["user"] != nil { // runuser -u USER PROGRAM
			r.inside(rest, 0, shellInside, in)
			return
		}
		if len(rest) > 0 {
			operands = append(operands, rest[0])
			rest = rest[1:]
		}
		args = rest
	}
	for _, l := range lines {
		r.code(l)
	}
	if len(lines) == 0 {
		if len(operands) > 2 || len(operands) == 2 && operands[0].text != "-" {
			r.unsure("su gives arguments to a shell")
			return
		}
		in.read(r)
	}
}

func flock(r *reader, args []word, in input) {
	rest, _, ok := r.options(args, options{plain: "Fnosuxe", valued: "wE", names: "shared exclusive nonblock unlock close no-fork verbose timeout= wait= conflict-exit-code="})
	if !ok || len(rest) < 2 {
		return
	}
	if rest[1].whole && (rest[1].text == "-c" || rest[1].text == "--command") {
		if len(rest) > 2 {
			r.code(rest[2])
		}
		return
	}
	r.inside(rest, 1, nothing, in)
}

func xargs(r *reader, args []word, in input) {
	o := options{plain: "0oprtx", valued: "adEIiLlnPs", names: "null no-run-if-empty verbose interactive exit open-tty show-limits arg-file= delimiter= eof? replace? max-lines? max-args= max-procs= max-chars="}
	rest, found, ok := r.options(args, o)
	if !ok || len(rest) == 0 {
		return
	}
	given := append(rest[:0:0], rest...)
	for _, mark := range slices.Concat(found["I"], found["i"], found["replace"]) {
		for i, a := range given {
			if mark.text == "" && strings.Contains(a.text, "{}") || mark.text != "" && strings.Contains(a.text, mark.text) {
				given[i] = unknownWord
			}
		}
	}
	r.command(append(given, unknownWord), input{})
}

// find runs programs behind -exec and kin, up to a ; or a +.
func find(r *reader, args []word, in input) {
	for i := 0; i < len(args); i++ {
		a := args[i]
		if !a.whole {
			r.unsure("an argument of find is made by an expansion")
			return
		}
		switch a.text {
		case "-exec", "-execdir", "-ok", "-okdir":
			end := i + 1
			for end < len(args) && args[end].text != ";" && args[end].text != "+" {
				end++
			}
			inside := args[i+1 : end]
			for j := range inside {
				if strings.Contains(inside[j].text, "{}") {
					inside[j] = unknownWord
				}
			}
			r.command(inside, in)
			i = end
		case "-fprint", "-fprint0", "-fls", "-fprintf":
			if i+1 < len(args) {
				r.file(args[i+1], true, false)
			}
		}
	}
}

func watch(r *reader, args []word, in input) {
	rest, found, ok := r.options(args, options{plain: "bcegtwxpd", valued: "nq", names: "beep color errexit chgexit no-title no-wrap exec precise differences? interval= equexit="})
	switch {
	case !ok || len(rest) == 0:
	case found["x"] != nil || found["exec"] != nil:
		r.command(rest, in)
	default:
		r.codes(rest)
	}
}

func script(r *reader, args []word, in input) {
	rest, found, ok := r.options(args, options{plain: "aefq", valued: "cEIOBTmo", names: "append command= echo= flush force quiet return log-in= log-out= log-io= log-timing="})
	if !ok {
		return
	}
	for _, file := range rest {
		r.file(file, true, false)
	}
	lines := append(found["c"], found["command"]...)
	for _, l := range lines {
		r.code(l)
	}
	if len(lines) == 0 {
		in.read(r)
	}
}

func multicall(r *reader, args []word, in input) {
	if len(args) > 0 && args[0].whole && strings.HasPrefix(args[0].text, "-") {
		return // --list, --help
	}
	r.inside(args, 0, nothing, in)
}

func container(r *reader, args []word, in input) {
	if len(args) == 0 || !args[0].whole || strings.HasPrefix(args[0].text, "-") {
		r.unsure("what is run in a container can't be told")
		return
	}
	switch args[0].text {
	case "exec":
		rest, _, ok := r.options(args[1:], options{plain: "dit", valued: "euw", names: "detach interactive tty privileged env= user= workdir= env-file="})
		if ok {
			r.moved = true
			r.inside(rest, 1, nothing, in)
		}
	case "run", "build", "compose", "create", "stack", "cp", "commit":
		r.unsure("what is run in a container can't be told")
	}
}

func ip(r *reader, args []word, in input) {
	for i := range args {
		if args[i].text == "exec" && i+2 < len(args) {
			r.command(args[i+2:], in)
			return
		}
		if !args[i].whole || strings.HasPrefix(args[i].text, "-b") {
			r.unsure("an argument of a program that runs others is made by an expansion")
			return
		}
	}
}

// sqlClient is psql and kin, which run programs where a statement says so.
func sqlClient(r *reader, args []word, in input) {
	given := false
	for _, a := range args {
		if strings.Contains(a.text, `\`) || strings.Contains(a.text, "system") || strings.Contains(a.text, "pager") || !a.whole && !a.named {
			r.unsure("a client of a database may run programs")
			return
		}
		for _, b := range []string{"-c", "-e", "--command", "--execute", "-l", "--version", "-V"} {
			given = given || strings.HasPrefix(a.text, b)
		}
	}
	if !given && (!in.known || strings.Contains(in.text, `\`) || strings.Contains(in.text, "system")) {
		r.unsure("a client of a database may run programs that its input names")
	}
}
