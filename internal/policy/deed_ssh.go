package policy

import (
	"maps"
	"slices"
	"strings"

	"github.com/gatefold/gatefold/internal/shelltext"
	"github.com/gatefold/gatefold/internal/sqltext"
)

// sshActions are what is done through SSH.
var sshActions = []Action{
	{"exec", GroupRun, "a command line is run, as by ssh HOST COMMAND; the files that it redirects from and to, and those that scp, rsync and git carry, count as file_read and file_write, too"},
	{"shell", GroupRun, "a shell to type into: all that its account may"},
	{"subsystem", GroupRun, "a program that the server knows by a name: sftp, whose operations are asked about one by one"},
	{"line", GroupRun, "a command line typed into a terminal, as the screen shows it: a tripwire, not a wall"},

	{"env", sqltext.GroupSession, "a variable of the environment is set that the target's configuration lets pass"},

	{"file_list", GroupFiles, "names and attributes are looked at: folders are listed, links read"},
	{"file_read", GroupFiles, "a file is read"},
	{"file_write", GroupFiles, "a file is made, written or cut"},
	{"file_remove", GroupFiles, "a file or an empty folder is removed"},
	{"file_rename", GroupFiles, "of both names; a folder takes what is in it with it"},
	{"file_mkdir", GroupFiles, "a folder is made"},
	{"file_attr", GroupFiles, "mode, owner or times are changed"},
	{"file_link", GroupFiles, "a symbolic or hard link is made; of both names"},
}

// fileActions gives the actions of each file operation, by the name that records have for it.
var fileActions = map[string][]string{
	"stat": {"file_list"}, "lstat": {"file_list"}, "opendir": {"file_list"}, "readlink": {"file_list"}, "realpath": {"file_list"}, "statvfs": {"file_list"},
	"open-read": {"file_read"}, "open-write": {"file_write"}, "open-read-write": {"file_read", "file_write"},
	"remove": {"file_remove"}, "rmdir": {"file_remove"}, "rename": {"file_rename"}, "mkdir": {"file_mkdir"},
	"setstat": {"file_attr"}, "symlink": {"file_link"}, "link": {"file_link"}, "copy": {"file_read"},
}

// FileOperations are the names of those that are known, sorted.
func FileOperations() []string { return slices.Sorted(maps.Keys(fileActions)) }

// OfTwo reports whether a file operation is one on two paths.
func OfTwo(operation string) bool {
	switch operation {
	case "rename", "link", "symlink", "copy":
		return true
	}
	return false
}

// Exec is the Deed of a command line that is run.
func Exec(text string, f *shelltext.Facts) *Deed {
	d := run("exec", text)
	d.Understood, d.Why, d.Hint, d.Programs, d.Words = f.Understood, f.Why, f.Hint(), f.Programs, f.Words
	if !f.Understood {
		d.Effects[0].untold = untoldRun
	}
	for _, file := range f.Files {
		action := "file_read"
		if file.Write {
			action = "file_write"
		}
		e := Effect{Action: action, untold: untoldPath}
		if file.Path != "" { // it can be told
			e = fileEffect(action, file.Path, file.All)
		}
		d.Effects = append(d.Effects, e)
	}
	d.Actions = actionsOf(d.Effects)
	return d
}

// Line is the Deed of a command line that a screen shows. It may be an answer to a program, so it need not be a command.
func Line(text string, f *shelltext.Facts) *Deed {
	d := run("line", text)
	d.Understood, d.Why, d.Programs, d.Words = f.Understood, f.Why, f.Programs, f.Words
	if !f.Understood {
		d.Effects[0].untold = untoldLine
	}
	return d
}

// Shell is the Deed of a shell.
func Shell() *Deed { return run("shell", "") }

// Subsystem is the Deed of a subsystem by its name.
func Subsystem(name string) *Deed { return run("subsystem", name) }

// Variable is the Deed of NAME=value.
func Variable(text string) *Deed { return run("env", text) }

func run(action, command string) *Deed {
	return &Deed{Understood: true, HasWhere: true, Command: command, Actions: []string{action}, Effects: []Effect{{Action: action}}}
}

// File is the Deed of a file operation on one path or two; cuts: it sets the file's size. Of scp's open-write and mkdir the
// second is where the file is if what the first names is a folder: either may be meant. One that isn't known is not understood.
func File(operation, path, second string, cuts bool) *Deed {
	actions := fileActions[operation]
	if actions == nil {
		return Unknown("the file operation is not known")
	}
	d := &Deed{Understood: true, HasWhere: true}
	for _, action := range actions {
		d.Effects = append(d.Effects, fileEffect(action, path, operation == "rename"))
	}
	if cuts {
		d.Effects = append(d.Effects, fileEffect("file_write", path, false))
	}
	switch operation {
	case "open-write", "mkdir": // where it is otherwise: only the target knows whether scp's argument is a folder
		if second != "" {
			d.Effects = append(d.Effects, fileEffect(actions[0], second, false))
		}
	case "rename":
		d.Effects = append(d.Effects, fileEffect("file_rename", second, true))
	case "link":
		d.Effects = append(d.Effects, fileEffect("file_link", second, true))
	case "symlink": // what it points to, from where it is
		if !strings.HasPrefix(second, "/") && !strings.HasPrefix(second, "~") {
			second = path[:strings.LastIndexByte(path, '/')+1] + second
		}
		d.Effects = append(d.Effects, fileEffect("file_link", second, true))
	case "copy":
		d.Effects = append(d.Effects, fileEffect("file_write", second, false))
	}
	d.Actions = actionsOf(d.Effects)
	return d
}

// Unknown is the Deed of a request that nobody knows how to read.
func Unknown(why string) *Deed {
	return &Deed{Why: why, HasWhere: true, Actions: []string{sqltext.Unknown}, Effects: []Effect{{Action: sqltext.Unknown, untold: untoldRun}}}
}

func fileEffect(action, path string, all bool) Effect {
	clean, told := Clean(path)
	e := Effect{Action: action, Path: clean, All: all}
	if !told {
		e.untold = untoldPath
	}
	return e
}

// maxPath bounds a path as servers do (PATH_MAX).
const maxPath = 4096

// Clean is how rules see the path of a file: without ".", ".." and doubled slashes, by its letters alone: links are not
// followed. One that doesn't begin at the root begins at the account's home, which is not known, and gets a ~ for it, where it
// hasn't got it: notes.txt is ~/notes.txt. Not told is where one leads that leaves the home by "..", one with a zero byte, one over
// 4096 bytes, and one through the links that every Linux has: /proc/self/cwd/notes.txt.
func Clean(p string) (clean string, told bool) {
	if len(p) > maxPath || strings.IndexByte(p, 0) >= 0 {
		return p[:min(len(p), maxPath)], false
	}
	whole, rooted := p, strings.HasPrefix(p, "/")
	if p == "~" || strings.HasPrefix(p, "~/") {
		p = p[1:]
	}
	var parts []string
	for part := range strings.SplitSeq(p, "/") {
		switch {
		case part == "" || part == ".":
		case part != "..":
			parts = append(parts, part)
		case len(parts) > 0:
			parts = parts[:len(parts)-1]
		case !rooted:
			return whole, false
		}
	}
	clean = strings.Join(parts, "/")
	switch {
	case rooted:
		return "/" + clean, !leadsElsewhere(parts)
	case clean == "":
		return "~", true
	}
	return "~/" + clean, true
}

// processLinks are the names in a process' folder that stand for something elsewhere (proc(5)).
var processLinks = map[string]bool{"root": true, "cwd": true, "exe": true, "fd": true, "map_files": true}

// leadsElsewhere reports whether the parts of a path go through one of these, or through /dev/fd, which is one.
func leadsElsewhere(parts []string) bool {
	if len(parts) < 3 {
		return false
	}
	return parts[0] == "dev" && parts[1] == "fd" ||
		parts[0] == "proc" && slices.ContainsFunc(parts[2:], func(part string) bool { return processLinks[part] })
}

// maxFolders bounds how many folders of a path rules see: those at its beginning.
const maxFolders = 64

// folders are those that a clean path is in, and itself: of /etc/ssh/sshd_config /, /etc, /etc/ssh and the whole.
func folders(clean string) (list []string) {
	if clean == "" {
		return nil
	}
	if clean[0] == '/' {
		list = append(list, "/")
	}
	for i := 1; i < len(clean) && len(list) < maxFolders; i++ {
		if clean[i] == '/' {
			list = append(list, clean[:i])
		}
	}
	if clean != "/" {
		list = append(list, clean)
	}
	return list
}

// noun is what a deed is called in a refusal.
func (d *Deed) noun() string {
	switch d.Effects[0].Action {
	case "exec", "line":
		return "command line"
	}
	if d.Effects[0].untold == untoldRun {
		return "request"
	}
	return "statement"
}

func sorted(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}
