package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
)

// limited is what a program said: all of it where it is short, else its length and hash.
type limited struct {
	short strings.Builder
	hash  hash.Hash
	n     int64
}

const short = 4000 // bytes

func (l *limited) Write(p []byte) (int, error) {
	if l.hash == nil {
		l.hash = sha256.New()
	}
	l.hash.Write(p)
	l.n += int64(len(p))
	if l.short.Len() <= short {
		l.short.Write(p)
	}
	return len(p), nil
}

func (l *limited) String() string {
	if l.n <= short {
		return fmt.Sprintf("%q", l.short.String())
	}
	return fmt.Sprintf("%d bytes, %x", l.n, l.hash.Sum(nil))
}

// sshExec runs command lines: their status, their signals, what they say and read.
func sshExec(ctx context.Context, a *attempt) error {
	for _, line := range []string{
		"true", "exit 1", "exit 7", "exit 127", "exit 254", "exit 255", "no-such-program", "/etc/passwd",
		"echo out; echo err >&2; exit 3", "echo 'quoted  \"text\"' $((6 * 7)) $HOME", "printf 'no newline'", "printf '\\0\\377\\r\\n'",
		"kill -TERM $$", "kill -KILL $$", "kill -HUP $$", "kill -USR1 $$", "kill -ABRT $$",
		"seq 1 200000", "seq 1 200000 >&2", "for i in 1 2 3; do seq 1 30000; seq 1 30000 >&2; done",
		"head -c 3000000 /dev/zero", "exec 1>&-; echo still here >&2; exit 4", "exec 2>&-; echo still here; exit 5",
		"sleep 0.3 & echo left one behind", "echo ü; echo \xff\xfe | od -c", "",
		": " + strings.Repeat("x", 100000) + "; echo long",
	} {
		a.tellApart(a.sshCommand(ctx, line), nil)
	}
	return errors.Join(a.sshInput(ctx), a.sshOptions(ctx))
}

// sshInput is what programs read.
func (a *attempt) sshInput(ctx context.Context) error {
	big := func() io.Reader { return io.LimitReader(&counting{}, 20<<20) }
	a.tellApart(a.sshCommand(ctx, "cat"), strings.NewReader("a line\nanother"))
	a.tellApart(a.sshCommand(ctx, "cat; echo then; exit 6"), strings.NewReader(""))
	a.tellApart(a.sshCommand(ctx, "sha256sum"), big())
	a.tellApart(a.sshCommand(ctx, "cat"), big())
	a.tellApart(a.sshCommand(ctx, "tee /dev/stderr"), big())
	a.tellApart(a.sshCommand(ctx, "head -c 10; exit 0"), big()) // it doesn't read on
	a.tellApart(a.sshCommand(ctx, "read line; echo got $line; cat | wc -c"), strings.NewReader("first\n"+strings.Repeat("x", 100000)))
	a.tellApart(a.sshTool(ctx, "ssh", "target"), strings.NewReader("echo from a shell; cd /; pwd; exit 9\n"))
	a.tellApart(a.sshTool(ctx, "ssh", "-n", "target", "cat; echo nothing to read"), nil)
	return nil
}

// sshOptions are the client's that the server sees.
func (a *attempt) sshOptions(ctx context.Context) error {
	const env = `echo "$LANG|$LC_ALL|$GF_ONE|$GF_TWO|$OTHER"`
	a.tellApart(a.sshCommand(ctx, env, "-o", `SetEnv=GF_ONE=1 GF_TWO="a b" OTHER=x LANG=C.UTF-8`), nil)
	a.tellApart(a.sshCommand(ctx, "tty && stty size; echo $TERM", "-tt", "-o", "LogLevel=QUIET"), nil)
	a.tellApart(a.sshCommand(ctx, "tty", "-T"), nil)
	a.tellApart(a.sshTool(ctx, "ssh", "-s", "target", "no-such-subsystem"), nil)
	a.tellApart(a.sshCommand(ctx, "echo asked alive; sleep 3; echo yes", "-o", "ServerAliveInterval=1"), nil)
	for _, cipher := range []string{"aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-ctr", "aes256-ctr"} {
		a.tellApart(a.sshCommand(ctx, "seq 1 50000 | sha256sum", "-c", cipher), nil)
	}
	return nil
}

// counting is a stream of bytes that is the same each time, and in which no block is like another.
type counting struct{ n uint64 }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		n := c.n / 8
		p[i] = byte((n * 0x9e3779b97f4a7c15) >> (c.n % 8 * 8))
		c.n++
	}
	return len(p), nil
}

// sshStream carries a GiB each way, which makes keys anew on the way.
func sshStream(ctx context.Context, a *attempt) error {
	const size = 1 << 30
	a.tellApart(a.sshCommand(ctx, "sha256sum; exit 0"), io.LimitReader(&counting{}, size))
	a.tellApart(a.sshCommand(ctx, "seq 1 200000000 | head -c 1073741824"), nil)
	a.note = "1 GiB up, 1 GiB down, hashed"
	return nil
}

// sshThousand runs a thousand programs on one connection, ten at a time, and a hundred on connections of their own.
func sshThousand(ctx context.Context, a *attempt) error {
	end, err := a.master(ctx)
	if err != nil {
		return err
	}
	said := many(1000, 10, func(i int) *exec.Cmd {
		return a.sshCommand(ctx, fmt.Sprintf("echo %d; exit %d", i, i%100), "-S", a.control())
	})
	if err := end(); err != nil {
		return err
	}
	said = append(said, many(100, 4, func(i int) *exec.Cmd {
		return a.sshCommand(ctx, fmt.Sprintf("echo alone %d; exit %d", i, i%100))
	})...)
	for _, line := range said {
		a.sayf("%s", line)
	}
	a.note = "1000 on one connection, 100 on their own"
	return nil
}

// many runs programs, so many at a time, and returns what each said and how it ended, in order.
func many(n, atOnce int, command func(i int) *exec.Cmd) []string {
	said := slices.Repeat([]string{""}, n)
	work := chanOf(n)
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for i := range work {
				out, err := command(i).CombinedOutput()
				said[i] = fmt.Sprintf("%q %v", out, err)
			}
		})
	}
	wg.Wait()
	return said
}

// chanOf delivers 0 to n-1.
func chanOf(n int) <-chan int {
	c := make(chan int, n)
	for i := range n {
		c <- i
	}
	close(c)
	return c
}

// control is the path of a shared connection's socket: short, as such paths must be.
func (a *attempt) control() string {
	return fmt.Sprintf("/tmp/gatefold-compat-%d-%s.sock", os.Getpid(), a.name)
}

const socketPattern = `/tmp/gatefold-compat-[0-9]+-[a-z]+\.sock`

// master opens a connection that others share; the function ends it.
func (a *attempt) master(ctx context.Context) (end func() error, err error) {
	a.hide(socketPattern, "SOCKET")
	cmd := a.sshTool(ctx, "ssh", "-M", "-S", a.control(), "-f", "-N", "target")
	cmd.Stdout, cmd.Stderr = nil, nil // it stays in the background, with what it was given
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("open a connection to share: %w", err)
	}
	return func() error { return mustRun(a.sshTool(ctx, "ssh", "-S", a.control(), "-O", "exit", "target")) }, nil
}

// sshMux has ten programs on one connection, each of which waits for all the others.
func sshMux(ctx context.Context, a *attempt) error {
	dir, err := a.remote()
	if err != nil {
		return err
	}
	end, err := a.master(ctx)
	if err != nil {
		return err
	}
	a.hide(`pid=[0-9]+`, "pid=PID")
	a.tell(a.sshTool(ctx, "ssh", "-S", a.control(), "-O", "check", "target"))
	const wait = `cd %s && touch %d && i=0 && while [ $(ls | wc -l) -lt 10 ] && [ $i -lt 600 ]; do sleep 0.1; i=$((i+1)); done; ls | wc -l; exit %d`
	for _, line := range many(10, 10, func(i int) *exec.Cmd {
		return a.sshCommand(ctx, fmt.Sprintf(wait, dir, i, i), "-S", a.control())
	}) {
		a.sayf("%s", line)
	}
	a.tellApart(a.sshTool(ctx, "sftp", "-b", "-", "-o", "ControlPath="+a.control(), "target"), strings.NewReader("ls -1 "+dir+"\n"))
	a.note = "10 channels at once"
	return end()
}

// sshRekey has the client ask for new keys every 256 KiB, while both directions are full.
func sshRekey(ctx context.Context, a *attempt) error {
	for _, limit := range []string{"256K", "1M 1s"} { // each time costs as much as a login
		a.tellApart(a.sshCommand(ctx, "tee /dev/stderr", "-o", "RekeyLimit="+limit), io.LimitReader(&counting{}, 2<<20))
	}
	a.tellApart(a.sshCommand(ctx, "for i in 1 2 3 4; do sleep 0.6; echo $i; done", "-o", "RekeyLimit=1M 1s"), nil)
	return nil
}

// sshForwards asks for what the gateway carries none of.
func sshForwards(ctx context.Context, a *attempt) error {
	a.hide(socketPattern, "SOCKET")
	a.hide(`port [0-9]+`, "port PORT")
	a.tellApart(a.sshCommand(ctx, "echo through", "-o", "ExitOnForwardFailure=yes", "-R", "127.0.0.1:0:127.0.0.1:1", "-o", "LogLevel=INFO"), nil)
	a.tellApart(a.sshCommand(ctx, "echo through", "-o", "ExitOnForwardFailure=yes", "-R", a.control()+":127.0.0.1:1", "-o", "LogLevel=INFO"), nil)
	a.hide(`SSH-2.0-[^"]*`, "SSH-2.0-...")
	a.hide(`127.0.0.1:[0-9]+`, "127.0.0.1:PORT")
	a.tellApart(a.sshTool(ctx, "ssh", "-W", a.ssh.server.Address(), "target"), strings.NewReader(""))
	agent := a.sshCommand(ctx, `[ -n "$SSH_AUTH_SOCK" ] && echo an agent || echo no agent`, "-A", "-o", "IdentityAgent=SSH_AUTH_SOCK")
	agent.Args = append([]string{"ssh-agent", agent.Path}, agent.Args[1:]...)
	agent.Path, agent.Err = exec.LookPath("ssh-agent")
	a.tellApart(agent, nil)
	a.tellApart(a.sshCommand(ctx, "echo on it goes", "-o", "LogLevel=ERROR"), nil)
	return nil
}
