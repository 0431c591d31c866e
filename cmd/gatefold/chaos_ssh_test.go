package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/testenv"
)

// markersAtSSH counts the programs that the server says it ran, and the files that its sftp-server says it opened.
func (g *gate) markersAtSSH(programs string) map[string]int {
	found := map[string]int{}
	for line := range strings.SplitSeq(programs, "\x00") {
		for _, m := range killMarker.FindAllString(line, -1) {
			found[m]++
		}
	}
	files, err := os.ReadFile(g.sshd.Files)
	if err != nil && !os.IsNotExist(err) {
		g.t.Fatal(err)
	}
	for line := range strings.Lines(string(files)) {
		if strings.HasPrefix(line, "open ") {
			for _, m := range killMarker.FindAllString(line, -1) {
				found[m]++
			}
		}
	}
	return found
}

// errTurnedAway: the gateway lives, and would not have it now. The client may try again.
var errTurnedAway = errors.New("turned away")

// sshWorker is a client of SSH's, of one kind or another. A session that ends for want of room is begun again.
func (g *gate) sshWorker(ctx context.Context, c int, pad string) (*worker, error) {
	w := &sshClient{login: func() (*ssh.Client, error) { return g.sshLogin().Dial() }, kind: sshKinds[c%len(sshKinds)], dir: g.sshd.Home, pad: pad}
	gone := g.gone
	stop := context.AfterFunc(ctx, w.close)
	ended := func() bool {
		select {
		case <-gone:
			return true
		case <-ctx.Done():
			return true
		default:
			return false
		}
	}
	return &worker{
		do: func(next func() string) error {
			err := w.work(next)
			if err != nil && !ended() {
				return errors.Join(errTurnedAway, err)
			}
			return err
		},
		noRoom: func(err error) bool { return errors.Is(err, errTurnedAway) },
		close:  func() { stop(); w.close() },
	}, nil
}

// sshClient is one client's connection, while there is one.
type sshClient struct {
	login    func() (*ssh.Client, error)
	kind     func(w *sshClient, c *ssh.Client, next func() string) error
	dir, pad string
	mu       sync.Mutex
	client   *ssh.Client
	closed   bool
}

// work connects where there is no connection, and does what the kind does.
func (w *sshClient) work(next func() string) error {
	c, err := w.connected()
	if err != nil {
		return err
	}
	if err = w.kind(w, c, next); err == nil {
		return nil
	}
	if _, _, alive := c.SendRequest("keepalive@openssh.com", true, nil); alive != nil {
		w.mu.Lock()
		w.client = nil
		w.mu.Unlock()
		c.Close()
	}
	return err
}

func (w *sshClient) connected() (*ssh.Client, error) {
	w.mu.Lock()
	c, closed := w.client, w.closed
	w.mu.Unlock()
	if closed {
		return nil, io.ErrClosedPipe
	}
	if c != nil {
		return c, nil
	}
	c, err := w.login()
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, errors.Join(io.ErrClosedPipe, c.Close())
	}
	w.client = c
	return c, nil
}

func (w *sshClient) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.client != nil {
		w.client.Close()
	}
}

// sshKinds are the ways in which programs are run, and files opened.
var sshKinds = []func(w *sshClient, c *ssh.Client, next func() string) error{sshOne, sshTyped, sshFive, sshFed, sshFile}

// sshOne runs a program.
func sshOne(w *sshClient, c *ssh.Client, next func() string) error {
	return sshRun(c, "echo "+next()+padded(w.pad), nil)
}

func padded(pad string) string {
	if pad == "" {
		return ""
	}
	return " >/dev/null # " + pad
}

func sshRun(c *ssh.Client, line string, in io.Reader) error {
	s, err := c.NewSession()
	if err != nil {
		return err
	}
	defer s.Close()
	s.Stdin = in
	return s.Run(line)
}

// sshTyped runs one at a terminal.
func sshTyped(w *sshClient, c *ssh.Client, next func() string) error {
	s, err := c.NewSession()
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.RequestPty("xterm", 24, 80, nil); err != nil {
		return err
	}
	return s.Run("echo " + next() + padded(w.pad))
}

// sshFive runs five at once, each on a channel of its own.
func sshFive(_ *sshClient, c *ssh.Client, next func() string) error {
	var failed [5]error
	var wg sync.WaitGroup
	for i := range failed {
		line := "echo " + next()
		wg.Go(func() { failed[i] = sshRun(c, line, nil) })
	}
	wg.Wait()
	return errors.Join(failed[:]...)
}

// sshFed runs one that reads.
func sshFed(_ *sshClient, c *ssh.Client, next func() string) error {
	return sshRun(c, "cat >/dev/null; : "+next(), strings.NewReader(strings.Repeat("a line\n", 1000)))
}

// sshFile opens and closes a file by SFTP (draft-ietf-secsh-filexfer-02), ten times.
func sshFile(w *sshClient, c *ssh.Client, next func() string) error {
	s, err := c.NewSession()
	if err != nil {
		return err
	}
	defer s.Close()
	in, err1 := s.StdinPipe()
	out, err2 := s.StdoutPipe()
	if err := errors.Join(err1, err2, s.RequestSubsystem("sftp")); err != nil {
		return err
	}
	f := sftpWire{in, out}
	if _, err := f.ask(1, binary.BigEndian.AppendUint32(nil, 3)); err != nil { // INIT
		return err
	}
	for range 10 {
		const flags = 0x02 | 0x08 | 0x10 // WRITE, CREAT, TRUNC
		open := sftpString(binary.BigEndian.AppendUint32(nil, 1), filepath.Join(w.dir, next()))
		answer, err := f.ask(3, append(open, 0, 0, 0, flags, 0, 0, 0, 0))
		if err != nil {
			return err
		}
		if answer[0] != 102 || len(answer) < 5 { // HANDLE
			return fmt.Errorf("open: answered with %q", answer)
		}
		if _, err := f.ask(4, append([]byte{0, 0, 0, 2}, answer[5:]...)); err != nil { // CLOSE
			return err
		}
	}
	return nil
}

// sftpWire is one exchange after the other.
type sftpWire struct {
	in  io.Writer
	out io.Reader
}

func sftpString(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

// ask sends a packet and returns what answers it, from its type on.
func (f sftpWire) ask(kind byte, body []byte) ([]byte, error) {
	packet := binary.BigEndian.AppendUint32(nil, uint32(len(body)+1))
	if _, err := f.in.Write(append(append(packet, kind), body...)); err != nil {
		return nil, err
	}
	var length [4]byte
	if _, err := io.ReadFull(f.out, length[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n == 0 || n > 1<<16 {
		return nil, fmt.Errorf("a packet of %d bytes", n)
	}
	answer := make([]byte, n)
	_, err := io.ReadFull(f.out, answer)
	return answer, err
}

// TestChaosSSHSeesALateRecord has a gateway that keeps records back: the test above would tell.
func TestChaosSSHSeesALateRecord(t *testing.T) {
	sshd := testenv.NewSSHForTest(t, testenv.Options{LogStatements: true})
	sshd.NeedTerminals(t)
	g := newGate(t, gateOptions{ssh: true, sshd: sshd, stopped: true})
	g.env = []string{lateVariable + "=yes"}
	g.startProcess()
	l := g.startLoad(0, len(sshKinds), "")
	g.poll("each kind of client works", l.warm)
	g.kill()
	l.stop()
	g.env = nil
	g.startProcess() // writes what the kill left open
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	ran, rec := g.markersInLog(0), g.onRecord()
	missing := 0
	for m := range ran {
		if rec.markers[m] == 0 {
			missing++
		}
	}
	if missing == 0 {
		t.Errorf("of %d programs that the server ran none is missing from the record", len(ran))
	}
	t.Logf("the server ran %d, %d are missing from the record", len(ran), missing)
}
