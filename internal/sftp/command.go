package sftp

import (
	"path"
	"slices"
	"strings"
)

// Program is what moves files when a command line runs.
type Program uint8

// The programs.
const (
	ProgramNone  Program = iota // another, or more than one, or it isn't understood
	ProgramSFTP                 // a server of SFTP, run by its path
	ProgramSCP                  // scp's far end: scp -t, scp -f
	ProgramRsync                // rsync --server
	ProgramGit                  // git-upload-pack, git-receive-pack, git-upload-archive
)

// Command is a command line that moves files.
type Command struct {
	Program Program
	SCP     SCPCommand // ProgramSCP
}

// SCPCommand is what scp's far end is to do.
type SCPCommand struct {
	Upload    bool     // files go to the server
	Recursive bool     // folders, too
	Folder    bool     // Upload: the path is a folder's for certain
	Paths     []string // clean; those that don't begin at the root begin with "~". Upload: one. The last part may be a pattern
	// Untold says why it isn't known what files these are: a shell makes something else of the words. Empty: it is known.
	Untold string
}

// Recognise takes a command line apart where it is one plain command: what a shell would put into it may be another. A program
// that goes by a name of these and lies where people may write is not taken for it, for its content is not kept.
func Recognise(line string) Command {
	words, ok := split(line)
	if !ok || len(words) == 0 || !installed(words[0].text) || slices.ContainsFunc(words, word.runs) {
		return Command{}
	}
	args := words[1:]
	switch name := path.Base(words[0].text); {
	case name == "sftp-server":
		return Command{Program: ProgramSFTP}
	case name == "scp":
		if scp, far := readSCP(args); far {
			return Command{ProgramSCP, scp}
		}
	case name == "rsync" && len(args) > 0 && args[0].text == "--server":
		return Command{Program: ProgramRsync}
	case gitVerbs[strings.TrimPrefix(name, "git-")] && name != strings.TrimPrefix(name, "git-"),
		name == "git" && len(args) > 0 && gitVerbs[args[0].text]:
		return Command{Program: ProgramGit}
	}
	return Command{}
}

var gitVerbs = map[string]bool{"upload-pack": true, "receive-pack": true, "upload-archive": true}

// installed reports whether a program is one that the system has: by its name alone, or where systems have theirs.
func installed(program string) bool {
	if !strings.Contains(program, "/") {
		return true
	}
	for _, folder := range []string{"/bin/", "/usr/bin/", "/usr/local/bin/", "/usr/lib/", "/usr/libexec/", "/opt/homebrew/bin/"} {
		if strings.HasPrefix(program, folder) && path.Clean(program) == program {
			return true
		}
	}
	return false
}

// readSCP reads the arguments of OpenSSH's scp. false: it is no far end, it copies by itself.
func readSCP(args []word) (c SCPCommand, far bool) {
	var to, from bool
	for len(args) > 0 && len(args[0].text) > 1 && args[0].text[0] == '-' {
		flags := args[0].text[1:]
		args = args[1:]
		if flags == "-" {
			break
		}
		for _, f := range flags {
			switch f {
			case 't':
				to = true
			case 'f':
				from = true
			case 'r':
				c.Recursive = true
			case 'd':
				c.Folder = true
			case 'p', 'v', 'q':
			default:
				return c, false
			}
		}
	}
	c.Upload = to
	if to == from || len(args) == 0 {
		return c, false
	}
	if to && len(args) > 1 {
		c.Untold = "more than one target"
	}
	for _, w := range args {
		c.path(w)
	}
	return c, true
}

// path adds the path that w is.
func (c *SCPCommand) path(w word) {
	name := w.text
	pattern := w.pattern && !c.Upload && !strings.ContainsAny(path.Dir(name), patterns)
	clean, inside := fromHome(name, w.tilde)
	switch {
	case w.expands && !pattern:
		c.Untold = "a shell expands the path"
	case w.tilde && name != "~" && !strings.HasPrefix(name, "~/"):
		c.Untold = "the path is relative to another user's home"
	case !inside:
		c.Untold = "the path leads out of the home"
	}
	if last := path.Base(name); strings.HasSuffix(name, "/") || last == "." || last == ".." || name == "~" && w.tilde {
		c.Folder = true
	}
	c.Paths = append(c.Paths, clean)
}

// fromHome makes a path clean; one that isn't absolute begins with "~". false: it leads out of there.
func fromHome(name string, tilde bool) (string, bool) {
	if strings.HasPrefix(name, "/") {
		return path.Clean(name), true
	}
	if tilde {
		name = strings.TrimLeft(name[1:], "/")
	}
	if name = path.Clean(name); name == "." {
		return "~", true
	}
	return "~/" + name, name != ".." && !strings.HasPrefix(name, "../")
}
