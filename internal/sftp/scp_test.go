package sftp

import (
	"reflect"
	"testing"
)

func TestRecognise(t *testing.T) {
	scp := func(c SCPCommand) Command { return Command{ProgramSCP, c} }
	up := func(path string) Command { return scp(SCPCommand{Upload: true, Paths: []string{path}}) }
	upIn := func(path string) Command { return scp(SCPCommand{Upload: true, Folder: true, Paths: []string{path}}) }
	down := func(paths ...string) Command { return scp(SCPCommand{Paths: paths}) }
	untold := func(c Command, why string) Command { c.SCP.Untold = why; return c }
	const shell = "a shell expands the path"
	for line, want := range map[string]Command{
		"scp -t /tmp/x":                         up("/tmp/x"),
		"scp -v -r -p -t -- /tmp/x":             scp(SCPCommand{Upload: true, Recursive: true, Paths: []string{"/tmp/x"}}),
		"/usr/bin/scp -prd -t /tmp/../x":        scp(SCPCommand{Upload: true, Recursive: true, Folder: true, Paths: []string{"/x"}}),
		"scp -t 'a b'":                          up("~/a b"),
		`scp -t "a b"\ c`:                       up("~/a b c"),
		`scp -t "\$HOME"`:                       up("~/$HOME"),
		"scp -t .":                              upIn("~"),
		"scp -t ~":                              upIn("~"),
		"scp -t ~/x/":                           upIn("~/x"),
		"scp -t '~'":                            up("~/~"),
		"scp -f /etc/hosts":                     down("/etc/hosts"),
		"scp -f /etc/*.conf a":                  down("/etc/*.conf", "~/a"),
		"scp -f '/e*/x'":                        untold(down("/e*/x"), ""),
		"scp -f /e*/x":                          untold(down("/e*/x"), shell),
		"scp -t /tmp/*":                         untold(up("/tmp/*"), shell),
		"scp -t $HOME/x":                        {},
		`scp -f "$HOME"/*`:                      {},
		"scp -f {a,b}":                          {},
		"scp -t `sh`":                           {},
		"rsync --server . `sh`":                 {},
		"git-upload-pack \"`sh`\"":              {},
		"/tmp/git-upload-pack x":                {},
		"./rsync --server . x":                  {},
		"/usr/bin/../../tmp/rsync --server . x": {},
		"upload-pack x":                         {},
		"rsync --server --sender . /x/*":        {Program: ProgramRsync},
		"scp -f ~bob/x":                         untold(down("~/bob/x"), "the path is relative to another user's home"),
		"scp -t ../x":                           untold(up("~/../x"), "the path leads out of the home"),
		"scp -t a b":                            untold(scp(SCPCommand{Upload: true, Paths: []string{"~/a", "~/b"}}), "more than one target"),
		"scp a b":                               {},
		"scp -t":                                {},
		"scp -t -f x":                           {},
		"scp -o x -t y":                         {},
		"scp -t x; id":                          {},
		"scp -t x && id":                        {},
		"scp -t $(id)":                          {},
		"scp -t x > y":                          {},
		"scp -t x\nid":                          {},
		"scp -t 'x":                             {},
		`scp -t x\`:                             {},
		"scp -t x #":                            {},
		"A=b scp -t x":                          {},
		"$SHELL -t x":                           {},
		"rsync --server -vlogDtpre.iLsfxC . /x": {Program: ProgramRsync},
		"rsync -a x y":                          {},
		"git-upload-pack '/srv/x.git'":          {Program: ProgramGit},
		"git receive-pack x":                    {Program: ProgramGit},
		"git status":                            {},
		"/usr/lib/openssh/sftp-server -R":       {Program: ProgramSFTP},
		"sftp-server `id`":                      {},
		"":                                      {},
	} {
		if got := Recognise(line); !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n%+v, want\n%+v", line, got, want)
		}
	}
}

func newSCP(t testing.TB, piece int, line string) *talk {
	c := Recognise(line)
	if c.Program != ProgramSCP || c.SCP.Untold != "" {
		t.Fatalf("%+v", c)
	}
	return &talk{t: t, m: NewSCP(c.SCP), piece: piece}
}

const ok = "\x00"

func TestSCPUpload(t *testing.T) {
	inPieces(t, func(t *testing.T, piece int) {
		k := newSCP(t, piece, "scp -r -p -t /srv/")
		k.cl("T1 0 2 0\n") // early: it waits for the server's first answer
		k.atServer()
		k.sv(ok + ok).cl("D0755 0 d\n").sv(ok)
		k.cl("C0644 5 f\n").sv(ok).cl("hel").cl("lo" + ok).sv(ok)
		k.cl("C0600 0 empty\n").sv(ok).cl(ok).sv(ok)
		k.cl("C0600 3 full\n").sv(ok).cl("abc" + ok).sv("\x01scp: disk full\n")
		k.cl("\x01scp: x: no such file\n") // a warning that nobody answers
		k.cl("E\n").sv(ok)
		k.cl("C0600 3 no\n").sv("\x01scp: denied\n")
		k.well()
		k.atServer([]byte("T1 0 2 0\nD0755 0 d\nC0644 5 f\nhello\x00C0600 0 empty\n\x00C0600 3 full\nabc\x00\x01scp: x: no such file\nE\nC0600 3 no\n"))
		k.atClient([]byte("\x00\x00\x00\x00\x00\x00\x00\x00\x01scp: disk full\n\x00\x01scp: denied\n"))
		k.told(Result{Token: 1}, Result{Token: 2, Written: 5, Transfer: true, Hash: sum("hello")},
			Result{Token: 3, Transfer: true, Hash: sum("")},
			Result{Token: 4, Written: 3, Transfer: true, Hash: sum("abc"), Failed: true, Message: "scp: disk full"},
			Result{Token: 5, Failed: true, Message: "scp: denied"})
		k.hasAsked(
			Request{Op: Mkdir, Path: "/srv/d", Detail: "mode=0755 size=0 mtime=1 atime=2"},
			Request{Op: OpenWrite, Path: "/srv/d/f", Detail: "mode=0644 size=5"},
			Request{Op: OpenWrite, Path: "/srv/d/empty", Detail: "mode=0600 size=0"},
			Request{Op: OpenWrite, Path: "/srv/d/full", Detail: "mode=0600 size=3"},
			Request{Op: OpenWrite, Path: "/srv/no", Detail: "mode=0600 size=3"})
	})
}

func TestSCPDownload(t *testing.T) {
	inPieces(t, func(t *testing.T, piece int) {
		k := newSCP(t, piece, "scp -r -f /etc/ssh")
		k.sv("D0755 0 ssh\n") // the client says first that it is there
		k.atClient()
		k.cl(ok + ok)
		k.sv("C0644 5 f\n").cl(ok).sv("hello" + ok).cl(ok)
		k.sv("C0644 4 g\n").cl("\x01no room\n")
		k.sv("C0644 4 h\n").cl(ok).sv("abcd\x01scp: it got shorter\n").cl(ok)
		k.sv("E\n").cl(ok)
		k.well()
		k.atServer([]byte("\x00\x00\x00\x00\x01no room\n\x00\x00\x00"))
		k.told(Result{Token: 1}, Result{Token: 2, Read: 5, Transfer: true, Hash: sum("hello")}, Result{Token: 3, Failed: true, Message: "no room"},
			Result{Token: 4, Read: 4, Transfer: true, Hash: sum("abcd"), Failed: true, Message: "scp: it got shorter"})
		k.hasAsked(Request{Op: Opendir, Path: "/etc/ssh", Detail: "mode=0755 size=0"},
			Request{Op: OpenRead, Path: "/etc/ssh/f", Detail: "mode=0644 size=5"},
			Request{Op: OpenRead, Path: "/etc/ssh/g", Detail: "mode=0644 size=4"},
			Request{Op: OpenRead, Path: "/etc/ssh/h", Detail: "mode=0644 size=4"})
	})
}

// What is refused is answered in the receiver's place; both sides go on with the next file.
func TestSCPRefusal(t *testing.T) {
	inPieces(t, func(t *testing.T, piece int) {
		k := newSCP(t, piece, "scp -t /srv/")
		k.sv(ok).cl("C0644 5 forbidden\n").cl("C0644 1 f\n").sv(ok).cl("x" + ok).sv(ok)
		k.well()
		k.atServer([]byte("C0644 1 f\nx\x00"))
		k.atClient([]byte("\x00\x01forbidden: policy says no\n\x00\x00"))

		k = newSCP(t, piece, "scp -r -f /srv/*")
		k.cl(ok).sv("D0755 0 forbidden\n").sv("C0644 1 f\n").cl(ok).sv("x" + ok).cl(ok)
		k.well()
		k.atServer([]byte("\x00\x01forbidden: policy says no\n\x00\x00"))
		k.atClient([]byte("\x01forbidden: policy says no\nC0644 1 f\nx\x00"))
		k.hasAsked(Request{Op: Opendir, Path: "/srv/forbidden", Detail: "mode=0755 size=0"},
			Request{Op: OpenRead, Path: "/srv/f", Detail: "mode=0644 size=1"})
	})
}

// Only the server knows whether the target is a folder: both are judged.
func TestSCPTarget(t *testing.T) {
	k := newSCP(t, 1<<20, "scp -r -t new")
	k.sv(ok).cl("D0755 0 d\n").sv(ok).cl("C0644 0 f\n").sv(ok).cl(ok).sv(ok)
	k.well()
	k.hasAsked(Request{Op: Mkdir, Path: "~/new", Path2: "~/new/d", Detail: "mode=0755 size=0"},
		Request{Op: OpenWrite, Path: "~/new/f", Path2: "~/new/d/f", Detail: "mode=0644 size=0"})
	k = newSCP(t, 1<<20, "scp -t dir")
	k.sv(ok).cl("C0644 0 forbidden\n")
	k.atServer()
}

// A side that says that it ends has nothing after it reach the server.
func TestSCPFatal(t *testing.T) {
	k := newSCP(t, 1<<20, "scp -t /srv/")
	k.sv("\x02scp: no such folder\n").cl("C0644 5 f\n")
	k.well()
	k.atServer()
	k = newSCP(t, 1<<20, "scp -t /srv/")
	k.sv(ok).cl("C0644 2 f\n").sv(ok).cl("ab\x02scp: gone\n").cl("C0644 5 f\n")
	k.well()
	k.atServer([]byte("C0644 2 f\nab\x02scp: gone\n"))
	k.told(Result{Token: 1, Failed: true, Message: "scp: gone", Written: 2, Transfer: true, Hash: sum("ab")})
	k = newSCP(t, 1<<20, "scp -f x")
	k.cl(ok).sv("\x02scp: x: gone\n").cl("C0644 5 f\n")
	k.well()
	k.atServer([]byte(ok))
}

func TestSCPMalformed(t *testing.T) {
	long := string(make([]byte, maxLine))
	for _, line := range []string{"E\n", "\n", "X\n", "C644 1 f\n", "C0644 -1 f\n", "C0644 9999999999999999999 f\n", "C0644 1 ..\n", "C0644 1 .\n",
		"C0644 1 a/b\n", "C0644 1 \n", "C0644 1 a\x00b\n", "C0648 1 f\n", "T1 0 2\n", "T1 0 x 0\n", "\x01" + long, "C" + long} {
		k := newSCP(t, 1<<20, "scp -r -t /srv/")
		k.sv(ok).cl(line)
		if k.err == nil || k.toServer.Len() > 0 {
			t.Errorf("%q: error %v, the server got %q", line, k.err, k.toServer.Bytes())
		}
	}
	k := newSCP(t, 1<<20, "scp -r -t /srv/")
	k.sv(ok)
	for range maxFolders {
		k.cl("D0755 0 d\n").sv(ok)
	}
	k.well()
	k.cl("D0755 0 d\n")
	k.fails("in one another")
}
