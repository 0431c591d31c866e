package shelltext

import "strings"

// Programs whose arguments are files that they carry or write.

func tee(r *reader, args []word, _ input) {
	for _, a := range args {
		if !strings.HasPrefix(a.text, "-") || !a.whole {
			r.file(a, true, false)
		}
	}
}

func dd(r *reader, args []word, _ input) {
	for _, a := range args {
		if !a.whole && !a.named {
			r.file(a, true, false)
		}
		for prefix, write := range map[string]bool{"of=": true, "if=": false} {
			if rest, ok := strings.CutPrefix(a.text, prefix); ok {
				r.file(word{text: rest, whole: a.whole, glob: a.glob}, write, false)
			}
		}
	}
}

// scp is the far end of a copy: -t takes files, -f gives them.
func scp(r *reader, args []word, _ input) {
	rest, found, ok := r.options(args, options{plain: "346BCDOpqrRTvdtf", valued: "cDFiJloPSXs"})
	if !ok {
		return
	}
	take, give := found["t"] != nil, found["f"] != nil
	if !take && !give || found["S"] != nil || found["o"] != nil {
		r.unsure("scp runs a program to reach another machine")
		return
	}
	for _, file := range rest {
		r.file(file, take, take || found["r"] != nil)
	}
}

// rsync is the far end of a copy: rsync --server [--sender] OPTIONS . PATH...
func rsync(r *reader, args []word, _ input) {
	if len(args) == 0 || !args[0].whole || args[0].text != "--server" {
		r.unsure("rsync may run a program to reach another machine")
		return
	}
	send := false
	var paths []word
	for i, a := range args[1:] {
		switch {
		case !a.whole:
			r.unsure("an argument of rsync is made by an expansion")
			return
		case a.text == "--sender":
			send = true
		case a.text == "--daemon", strings.HasPrefix(a.text, "--config"), strings.HasPrefix(a.text, "--rsh"):
			r.unsure("rsync is given another way to work")
			return
		case a.text == "." && paths == nil: // ends the options
			paths = args[i+2:]
		case paths == nil && (a.text == "--protect-args" || a.text == "--secluded-args" || shortHas(a.text, 's')):
			r.unsure("rsync reads its paths from its input")
			return
		case !strings.HasPrefix(a.text, "-") && paths == nil:
			r.unsure("an argument of rsync is not known")
			return
		case paths == nil:
			r.rsyncOption(a)
		}
	}
	for _, p := range paths {
		r.file(p, !send, true)
	}
}

// shortHas reports whether an argument is a cluster of letters with this one in it; rsync's -e takes the rest of one.
func shortHas(arg string, letter byte) bool {
	if len(arg) < 2 || arg[0] != '-' || arg[1] == '-' {
		return false
	}
	letters, _, _ := strings.Cut(arg, "e")
	return strings.IndexByte(letters, letter) > 0
}

// rsyncOption notes the files that an option of the server side names.
func (r *reader) rsyncOption(a word) {
	name, value, ok := strings.Cut(a.text, "=")
	if !ok {
		return
	}
	w := word{text: value, whole: true}
	switch name {
	case "--log-file", "--write-batch", "--only-write-batch", "--partial-dir", "--temp-dir", "--backup-dir":
		r.file(w, true, true)
	case "--files-from", "--compare-dest", "--copy-dest", "--link-dest", "--read-batch", "--exclude-from", "--include-from":
		r.file(w, false, true)
	}
}

// git's far ends: a repository is read, or written.
func git(write bool) run {
	return func(r *reader, args []word, _ input) {
		for _, a := range args {
			if !strings.HasPrefix(a.text, "-") || !a.whole {
				r.file(a, write, true)
			}
		}
	}
}

// gitProgram is git with its subcommand as a word. -c and aliases may run anything.
func gitProgram(r *reader, args []word, in input) {
	if len(args) == 0 {
		return
	}
	switch first := args[0]; {
	case !first.whole:
		r.unsure("an argument of git is made by an expansion")
	case first.text == "upload-pack", first.text == "upload-archive", first.text == "receive-pack":
		r.program("git-" + first.text)
		git(first.text == "receive-pack")(r, args[1:], in)
	case strings.HasPrefix(first.text, "-"), !gitVerbs[first.text]:
		r.unsure("git may run a program by its configuration")
	}
}

// gitVerbs are those that run no program which their arguments name.
var gitVerbs = map[string]bool{
	"add": true, "branch": true, "cat-file": true, "checkout": true, "clean": true, "describe": true, "init": true, "ls-files": true,
	"ls-tree": true, "mv": true, "reset": true, "restore": true, "rev-list": true, "rev-parse": true, "rm": true, "stash": true, "status": true,
	"switch": true, "tag": true, "version": true, "gc": true, "fsck": true, "show-ref": true, "update-ref": true, "symbolic-ref": true,
}
