package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gatefold/gatefold/internal/testenv"
)

// list is what runs for one protocol.
type list struct {
	protocol string // and the folder of testdata with its scripts
	// start starts the servers and the gateway, in dir, and says how to reach them. The function ends them.
	start    func(ctx context.Context, root, dir string) (direct, through *way, end func() error, err error)
	programs []program
}

// program is a piece of software, or one use of it.
type program struct {
	name  string
	quick bool // takes seconds
	part  bool // of another program: left out where everything runs
	run   func(context.Context, *attempt) error
}

// way is how to reach a server.
type way struct {
	name  string
	root  string // the module's
	npm   string // folder with node_modules
	login string // path of the file that programs read how to log in from
	mysql mysqlEnd
	ssh   sshEnd

	server string   // folder of the server
	hidden []string // pairs: what only this way has, and what stands for it in transcripts
}

// attempt is one run of a program, one way. What it writes is its transcript; an error says that it failed.
type attempt struct {
	way
	dir   string // for its files, empty at first, anybody may enter
	out   strings.Builder
	masks []mask
	note  string // for the table
}

// patience is how long a program may take.
const patience = 12 * time.Minute

// sayf writes a line into the transcript.
func (a *attempt) sayf(format string, args ...any) { fmt.Fprintf(&a.out, format+"\n", args...) }

// file is a path of the attempt's own folder.
func (a *attempt) file(name string) string { return filepath.Join(a.dir, name) }

// script is a path below the protocol's testdata.
func (w *way) script(name string) string {
	return filepath.Join(w.root, "internal", "testenv", "cmd", "compat", "testdata", name)
}

// command is a program with a clean environment, in the attempt's folder.
func (a *attempt) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = a.dir, testenv.CleanEnv("LC_ALL=C.UTF-8", "TZ=UTC", "HOME="+a.dir)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// tell runs a command and writes into the transcript what it said and how it ended. Ending badly may be what is expected
// of it, so it is no error.
func (a *attempt) tell(cmd *exec.Cmd) {
	said, err := cmd.CombinedOutput()
	a.sayf("$ %s", strings.Join(append([]string{filepath.Base(cmd.Path)}, cmd.Args[1:]...), " "))
	a.out.Write(said)
	if err != nil {
		a.sayf("[%v]", err)
	}
}

// mustTell is tell of what must end well.
func (a *attempt) mustTell(cmd *exec.Cmd) error {
	a.tell(cmd)
	if cmd.ProcessState == nil || !cmd.ProcessState.Success() {
		return fmt.Errorf("%s: %v", filepath.Base(cmd.Path), cmd.ProcessState)
	}
	return nil
}

// outcome is what came of a program one way.
type outcome struct {
	err        error
	transcript string // masked
	note       string
	took       time.Duration
}

func (o outcome) String() string {
	if o.err != nil {
		return "FAILED"
	}
	return fmt.Sprintf("ok %.1fs", o.took.Seconds())
}

// both runs a program both ways, at once: each way has a server of its own.
func (p program) both(ctx context.Context, dir string, direct, through *way) (d, t outcome) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { d = p.once(ctx, dir, direct) })
	wg.Go(func() { t = p.once(ctx, dir, through) })
	wg.Wait()
	return d, t
}

func (p program) once(ctx context.Context, dir string, w *way) (o outcome) {
	a := &attempt{way: *w, dir: filepath.Join(dir, "work", w.name, p.name)}
	if err := errors.Join(os.RemoveAll(a.dir), os.MkdirAll(a.dir, 0o755)); err != nil {
		return outcome{err: err}
	}
	start := time.Now()
	err := p.run(ctx, a)
	if err != nil {
		a.sayf("FAILED: %v", err)
	}
	o = outcome{err: err, note: a.note, took: time.Since(start), transcript: a.masked()}
	path := transcriptPath(dir, p, w.name)
	if err := os.WriteFile(path, []byte(o.transcript), 0o600); err != nil {
		o.err = errors.Join(o.err, err)
	}
	return o
}

func transcriptPath(dir string, p program, way string) string {
	return filepath.Join(dir, "out", p.name+"."+way)
}
