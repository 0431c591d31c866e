package shelltext

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stage is a folder in which lines are run by a real shell, with programs that only say their names.
type stage struct {
	t        *testing.T
	dir, bin string
	runs     int
}

func newStage(t *testing.T) *stage {
	t.Helper()
	dir := t.TempDir()
	s := &stage{t: t, dir: dir, bin: filepath.Join(dir, "bin")}
	if err := os.Mkdir(s.bin, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"aa", "bb", "cc"} {
		text := "#!/bin/sh\necho " + name + " >> \"$SAID\"\n"
		if err := os.WriteFile(filepath.Join(s.bin, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"sh", "bash", "env", "xargs", "nohup", "nice", "timeout", "setsid", "find", "tee", "cat"} {
		if real, err := exec.LookPath(name); err == nil {
			if err := os.Symlink(real, filepath.Join(s.bin, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// run has a shell run a line, and returns the names that were said and the files that were made. What a line leaves running may
// still be at it when the next is, so each has a folder of its own.
func (s *stage) run(shell, line string) (said, made []string) {
	s.t.Helper()
	s.runs++
	work := filepath.Join(s.dir, strconv.Itoa(s.runs))
	log := work + ".said"
	if err := os.Mkdir(work, 0o700); err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), 5*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, shell, "-c", line)
	cmd.Dir, cmd.Env, cmd.WaitDelay = work, []string{"PATH=" + s.bin, "V=bb", "HOME=" + work, "SAID=" + log}, time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Run() // most lines fail in some way
	if cmd.Process != nil {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it left running
	}
	text, _ := os.ReadFile(log)
	said = strings.Fields(string(text))
	entries, _ := os.ReadDir(work)
	for _, e := range entries {
		if e.Name() != "nohup.out" {
			made = append(made, e.Name())
		}
	}
	return said, made
}

// lines makes command lines of the parts that shells have, and some mistakes.
type lines struct{ *rand.Rand }

func (l lines) pick(list ...string) string { return list[l.IntN(len(list))] }

func (l lines) program() string {
	name := l.pick("aa", "bb", "cc")
	return l.pick(name, name, name, `\`+name, "'"+name+"'", `"`+name+`"`, name[:1]+`\`+name[1:], name[:1]+"''"+name[1:], "$V", "$'"+name+"'", "${W:-"+name+"}",
		"{"+name+",x}", "$(echo "+name+")", "[a]"+name[1:], name[:1]+"\\\n"+name[1:], "W=1 "+name, ">f1 "+name)
}

func (l lines) command(depth int) string {
	simple := l.program() + l.pick("", " x", " 'x y'", " >f2", " >>f3 2>&1", " 2>f4", " &>f5", " </dev/null", " <<<x", " >$V", " >'f 6'", " >|f7", " >&f8", " # c")
	if depth == 0 {
		return simple
	}
	in := l.command(depth - 1)
	quoted := "'" + strings.ReplaceAll(in, "'", `'\''`) + "'"
	return l.pick(simple, in+"; "+simple, in+" && "+simple, in+" | "+simple, in+" & "+simple, "("+in+")", "(("+in+"))", "{ "+in+"; }", "! "+in,
		"echo $("+in+")", "echo `"+in+"`", `echo "$(`+in+`)"`, "echo ${W:-$("+in+")}", "x=$("+in+"); $x",
		"if aa; then "+in+"\nfi", "for i in 1; do "+in+"\ndone", "while bb && false; do "+in+"\ndone", "case x in x) "+in+"\n;; esac",
		"f() { "+in+"\n}; f", "sh -c "+quoted, "bash -ec "+quoted, "eval "+quoted, "eval "+in, "env W=1 "+in, "nohup "+in, "nice -n 1 "+in, "timeout 2 "+in, "command "+in,
		"exec "+in, "echo x | xargs "+in, "echo x | xargs -I cc "+in, "bash <<'E'\n"+in+"\nE", "bash <<E\n"+in+"\nE", "cat <<E\n$("+in+")\nE", "echo "+quoted+" | sh",
		"find . -maxdepth 0 -exec "+in+" ';'", "[[ x > f9 ]]; "+in, "trap "+quoted+" EXIT", "aa > >("+in+")", in+" | tee f0", "alias aa=bb\n"+in, "function g { "+in+"\n}; g", "[ 1 ] && "+in)
}

// shake puts one character more or less into a line.
func (l lines) shake(line string) string {
	at := l.IntN(len(line) + 1)
	if l.IntN(3) == 0 && at < len(line) {
		return line[:at] + line[at+1:]
	}
	return line[:at] + l.pick("'", `"`, `\`, "$", "(", ")", "{", "}", "|", "&", ";", "<", ">", " ", "\n", "`", "#", "!", "*", "[", "]", "=", "~", "\t") + line[at:]
}

// TestRealShells: whatever bash and dash run of a line that is said to be understood, and whatever files they make, is told.
func TestRealShells(t *testing.T) {
	n := 400
	if testing.Short() {
		n = 40
	}
	s, l := newStage(t), lines{rand.New(rand.NewPCG(6, 2026))}
	understood, ran := 0, 0
	for range n {
		line := l.command(l.IntN(4))
		if l.IntN(3) == 0 {
			line = l.shake(line)
		}
		f := Read(line)
		if !f.Understood {
			continue
		}
		understood++
		for _, shell := range []string{"/bin/bash", "/bin/dash"} {
			if _, err := os.Stat(shell); err != nil {
				t.Skipf("no %s here", shell)
			}
			said, made := s.run(shell, line)
			ran += len(said)
			for _, name := range said {
				if !slices.Contains(f.Programs, name) {
					t.Errorf("%s ran %s of %q, which tells of %v", shell, name, line, f.Programs)
				}
			}
			for _, name := range made {
				if !slices.ContainsFunc(f.Files, func(file File) bool { return file.Write && (file.Path == "" || file.Path == name) }) {
					t.Errorf("%s made the file %q of %q, which tells of %v", shell, name, line, f.Files)
				}
			}
		}
	}
	t.Logf("%d lines, %d understood, %d programs run", n, understood, ran)
	if understood < n/10 || ran < n/4 {
		t.Errorf("of %d lines %d are understood and run %d programs: too few to say anything", n, understood, ran)
	}
}

// FuzzRead: no line breaks the reader, and what it says holds together.
func FuzzRead(f *testing.F) {
	l := lines{rand.New(rand.NewPCG(1, 2))}
	for range 50 {
		f.Add(l.shake(l.command(3)))
	}
	for _, line := range hostile {
		f.Add(line)
	}
	for _, line := range []string{"mysql -psecret -e 'x'", "PGPASSWORD=x psql", "curl -u a:b https://c:d@e/", "rsync --server . x", "find . -exec rm {} +", "sed 's/a/b/' x", "awk '{print}'"} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		facts := Read(line)
		if facts.Understood == (facts.Why != "") {
			t.Errorf("understood %v because %q", facts.Understood, facts.Why)
		}
		if !slices.IsSorted(facts.Programs) || slices.Contains(facts.Programs, "") {
			t.Errorf("programs %q", facts.Programs)
		}
		if facts.Masked != nil && string(facts.Masked) == line {
			t.Error("masked and unchanged")
		}
	})
}
