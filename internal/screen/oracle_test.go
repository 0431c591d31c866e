package screen

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatefold/gatefold/internal/testenv"
)

// TestAgainstTmux holds that a screen shows what tmux, a terminal that others wrote, shows of the same output: of each
// conversation, at its end and in its middle.
func TestAgainstTmux(t *testing.T) {
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skipf("%s tmux: %v", testenv.SkipMark, err)
	}
	socket := filepath.Join(t.TempDir(), "tmux")
	tmux := func(args ...string) (string, error) {
		out, err := exec.Command("tmux", append([]string{"-S", socket, "-f", "/dev/null"}, args...)...).Output()
		return string(out), err
	}
	defer tmux("kill-server")
	if _, err := tmux("new-session", "-d", "-x", "80", "-y", "24", "sleep 600", ";", "set", "-g", "status", "off"); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range conversations {
		pieces := readCast(t, filepath.Join("testdata", c.name+".cast"))
		for _, part := range []int{len(pieces) / 3, len(pieces) * 2 / 3, len(pieces)} {
			term, out := New(24, 80), ""
			for _, p := range pieces[:part] {
				if p.what == 'o' {
					out += p.text
					term.Output(0, []byte(p.text))
				}
			}
			n++
			name := "s" + strconv.Itoa(n)
			file := filepath.Join(t.TempDir(), "out")
			if err := os.WriteFile(file, []byte(out), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := tmux("new-session", "-d", "-s", name, "-x", "80", "-y", "24", "stty raw -echo; cat "+file+"; touch "+file+".done; sleep 60"); err != nil {
				t.Fatal(err)
			}
			var shown string
			want := strings.TrimRight(shows(term), "\n")
			for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
				if _, err := os.Stat(file + ".done"); err != nil {
					continue
				}
				got, _ := tmux("capture-pane", "-p", "-t", name)
				if shown = trimLines(got); shown == want {
					break
				}
			}
			if shown != want {
				t.Errorf("%s, %d of %d pieces: tmux shows\n%s\nand this\n%s", c.name, part, len(pieces), shown, want)
			}
			tmux("kill-session", "-t", name)
		}
	}
}

func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}
