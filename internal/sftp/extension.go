package sftp

import "fmt"

// extensions are those that are decoded, with the versions of them (OpenSSH's PROTOCOL, section 4). A server's others are
// left out of what the client is told.
var extensions = map[string]struct {
	version string
	read    func(*decoder)
}{
	"posix-rename@openssh.com":       {"1", (*decoder).rename},
	"hardlink@openssh.com":           {"1", (*decoder).hardlink},
	"fsync@openssh.com":              {"1", func(d *decoder) { d.byHandle(answerStatus) }},
	"statvfs@openssh.com":            {"2", (*decoder).statvfs},
	"fstatvfs@openssh.com":           {"2", func(d *decoder) { d.byHandle(answerExtended) }},
	"lsetstat@openssh.com":           {"1", func(d *decoder) { d.path(); d.setstat() }},
	"limits@openssh.com":             {"1", func(d *decoder) { d.q.answer = answerExtended }},
	"expand-path@openssh.com":        {"1", (*decoder).expandPath},
	"copy-data":                      {"1", (*decoder).copyData},
	"home-directory":                 {"1", (*decoder).homeDirectory},
	"users-groups-by-id@openssh.com": {"1", (*decoder).names},
}

// extended reads an SSH_FXP_EXTENDED (section 8).
func (d *decoder) extended() {
	name := string(d.text())
	if e, known := extensions[name]; known {
		e.read(d)
		return
	}
	d.ask(Extended, answerStatus)
	d.r.Path, d.r.As = name, name
	d.r.Refuse = "the extension is not carried"
}

func (d *decoder) byHandle(a answer) {
	d.q.answer = a
	d.q.file = d.handle(nil)
}

func (d *decoder) rename() {
	d.ask(Rename, answerStatus)
	d.path()
	d.second()
}

func (d *decoder) hardlink() {
	d.ask(Link, answerStatus)
	d.path()
	d.second()
}

func (d *decoder) statvfs() {
	d.ask(Statvfs, answerExtended)
	d.path()
}

// expandPath asks what a path with a "~" in front means; another user's home only the server knows.
func (d *decoder) expandPath() {
	d.ask(Realpath, answerName)
	as := string(d.text())
	d.r.Path, d.r.As = as, as
	switch {
	case as == "~" || len(as) > 1 && as[:2] == "~/":
		d.r.Path, d.r.Refuse = resolve(d.m.home, "./"+as[1:])
	case len(as) == 0 || as[0] != '~':
		d.r.Path, d.r.Refuse = resolve(d.m.home, as)
	}
}

func (d *decoder) homeDirectory() {
	d.ask(Realpath, answerName)
	d.r.Path = "~" + string(d.text())
	d.r.As = d.r.Path
}

// names are those of users and groups by their numbers.
func (d *decoder) names() {
	d.q.answer = answerExtended
	d.str()
	d.str()
}

func (d *decoder) copyData() {
	d.ask(Copy, answerStatus)
	d.q.file = d.handle((*file).reads)
	from, length := d.u64(), d.u64()
	d.q.to = d.handle((*file).writes)
	to := d.u64()
	if d.q.stray || d.bad {
		return
	}
	d.r.Path, d.r.Path2 = d.q.file.path, d.q.to.path
	d.r.As, d.r.As2 = d.r.Path, d.r.Path2
	d.r.Detail = fmt.Sprintf("from=%d length=%d to=%d", from, length, to)
}
