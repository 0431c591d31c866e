package ssh

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/testenv"
)

// What OpenSSH's client runs ends as it ends on the server, and is on record in order.
func TestExec(t *testing.T) {
	g, server := newRelayGate(t, nil)
	out, errs, code := g.run(t, "", "target", "echo out; echo err >&2; exit 7")
	if out != "out\n" || errs != "err\n" || code != 7 {
		t.Errorf("%q %q %d", out, errs, code)
	}
	if err := g.ended(t, 0); err != nil {
		t.Error(err)
	}
	tape := g.tape(t, 0)
	tape.expect(t, `
		exec #1 exec "echo out; echo err >&2; exit 7"
		result #1 of=1 failed bytes=8 code=7`, record.KindExec, record.KindResult)
	if got := tape.text(record.KindOutput, 1, 0) + tape.text(record.KindOutput, 1, record.FlagStderr); got != "out\nerr\n" {
		t.Errorf("%q was shown", got)
	}
	if !ran(t, server, "echo out; echo err >&2; exit 7") {
		t.Error("the server did not run it")
	}
}

func ran(t *testing.T, server *testenv.SSHServer, command string) bool {
	t.Helper()
	list, err := server.Ran()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range list {
		if line == command {
			return true
		}
	}
	return false
}

// A refused command never reaches the target. The client is told why, with the rule, and that its request failed.
func TestExecIsRefused(t *testing.T) {
	g, server := newRelayGate(t, nil)
	_, errs, code := g.run(t, "", "target", "rm -rf forbidden")
	if want := "gatefold: refused by policy (rule r1)\ngatefold: Ask first.\n"; !strings.HasPrefix(errs, want) || code != 255 {
		t.Errorf("%q, exit code %d", errs, code)
	}
	if !strings.Contains(errs, "exec request failed on channel 0") {
		t.Errorf("the client was not told of a failure: %q", errs)
	}
	if ran(t, server, "rm -rf forbidden") {
		t.Error("it ran")
	}
	g.ended(t, 0)
	g.tape(t, 0).expect(t, `
		exec denied #1 exec "rm -rf forbidden"
		result #1 of=1 refused message="refused by policy (rule r1)"`)
}

// What waits for its answer runs when that is there, and not before; meanwhile other channels go on.
func TestExecWaits(t *testing.T) {
	g, server := newRelayGate(t, nil)
	c := g.client(t)
	done := make(chan error, 1)
	waits := session(t, c)
	go func() {
		ok, err := waits.SendRequest("exec", true, ssh.Marshal(programRequest{"echo pending"}))
		if err == nil && !ok {
			err = io.ErrUnexpectedEOF
		}
		done <- err
	}()
	g.tape(t, 0).await(t, "echo pending")
	if out := outputOf(t, c, "echo other"); out != "other\n" {
		t.Errorf("%q", out)
	}
	if ran(t, server, "echo pending") {
		t.Error("it ran before it was allowed")
	}
	g.tape(t, 0).allow()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if out, _ := io.ReadAll(waits); string(out) != "pending\n" {
		t.Errorf("%q", out)
	}
}

// A client that goes while its command waits leaves nothing behind that runs.
func TestClientLeavesWhileItWaits(t *testing.T) {
	g, server := newRelayGate(t, nil)
	c := g.client(t)
	ch := session(t, c)
	ch.SendRequest("exec", false, ssh.Marshal(programRequest{"echo pending too"}))
	g.tape(t, 0).await(t, "pending too")
	c.Close()
	if err := g.ended(t, 0); err != nil {
		t.Error(err)
	}
	g.tape(t, 0).allow() // too late
	if ran(t, server, "echo pending too") {
		t.Error("it ran")
	}
}

// outputOf runs a command with x/crypto's client.
func outputOf(t *testing.T, c *ssh.Client, command string) string {
	t.Helper()
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := s.Output(command)
	if err != nil {
		t.Errorf("%s: %v", command, err)
	}
	return string(out)
}

// Data goes both ways whole, and its end, too: what is no shell's input is counted and hashed.
func TestHalfClose(t *testing.T) {
	g, _ := newRelayGate(t, nil)
	content := strings.Repeat("0123456789abcdef\n", 300_000) // 5 MB
	out, _, code := g.run(t, content, "target", "sha256sum | cut -c-64; echo done")
	sum := sha256.Sum256([]byte(content))
	if out != fmt.Sprintf("%x\ndone\n", sum) || code != 0 {
		t.Errorf("%q, exit code %d", out, code)
	}
	g.ended(t, 0)
	tape := g.tape(t, 0)
	if n := tape.sum(record.KindInput); n != uint64(len(content)) {
		t.Errorf("%d bytes of input are on record", n)
	}
	want := fmt.Sprintf("input #1 of=1 bytes=%d message=\"counted, not kept\" hash=%x", len(content), sum[:4])
	if got := strings.Join(tape.lines(record.KindInput), "\n"); !strings.HasSuffix(got, want) {
		t.Errorf("no line %s", want)
	}
	for i := range tape.records {
		if r := &tape.records[i]; r.Kind == record.KindInput && len(r.Text) > 0 {
			t.Errorf("content is on record: %.60q", r.Text)
		}
	}
}

// A program that closes its output but goes on is told of as it does.
func TestTargetHalfClose(t *testing.T) {
	g, _ := newRelayGate(t, nil)
	ch := session(t, g.client(t))
	if !request(t, ch, "exec", programRequest{"exec >&- 2>&-; cat >/dev/null; exit 0"}) {
		t.Fatal("refused")
	}
	if out, err := io.ReadAll(ch); err != nil || len(out) > 0 { // the end of output comes although input is open
		t.Errorf("%q: %v", out, err)
	}
	g.tape(t, 0).expect(t, "", record.KindResult)
	ch.CloseWrite()
	g.tape(t, 0).await(t, "result #1 of=1 done code=0")
}

// A signal's end is told as one, behind all output.
func TestExitSignal(t *testing.T) {
	g, _ := newRelayGate(t, nil)
	s, err := g.client(t).NewSession()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Output("echo last words; kill -TERM $$; sleep 5")
	var exit *ssh.ExitError
	if e, ok := err.(*ssh.ExitError); ok {
		exit = e
	}
	if string(out) != "last words\n" || exit == nil || exit.Signal() != "TERM" {
		t.Errorf("%q: %v", out, err)
	}
	g.tape(t, 0).await(t, "result #1 of=1 failed bytes=11 code=SIGTERM")
}

// A program that ended is told of although another holds its output, as an sshd does.
func TestExitStatusBeforeTheEndOfOutput(t *testing.T) {
	g, _ := newRelayGate(t, nil)
	c := g.client(t)
	ch, requests, err := c.OpenChannel("session", nil)
	if err != nil {
		t.Fatal(err)
	}
	if !request(t, ch, "exec", programRequest{"sleep 1000 & echo $!; exit 4"}) {
		t.Fatal("refused")
	}
	q := <-requests
	var m exitStatus
	if err := ssh.Unmarshal(q.Payload, &m); err != nil || q.Type != "exit-status" || m.Status != 4 {
		t.Errorf("%s %+v: %v", q.Type, m, err)
	}
	var pid int
	fmt.Fscan(ch, &pid)
	outputOf(t, c, fmt.Sprintf("kill %d", pid))
	if _, err := io.ReadAll(ch); err != nil {
		t.Error(err)
	}
}

// Only listed variables go on; of others the record has the name alone.
func TestEnv(t *testing.T) {
	g, _ := newRelayGate(t, nil)
	out, _, _ := g.run(t, "", "-o", "SetEnv=GF_A=yes AWS_SECRET=no GF_B=forbidden", "target", "echo $GF_A$AWS_SECRET$GF_B")
	if out != "yes\n" {
		t.Errorf("%q", out)
	}
	g.ended(t, 0)
	g.tape(t, 0).expect(t, `
		command #1 env "GF_A=yes"
		result #1 of=1 done
		command denied #1 env "AWS_SECRET="
		result #1 of=3 refused message="the target's configuration lists no such variable"
		command denied #1 env "GF_B=forbidden"
		result #1 of=5 refused message="refused by policy (rule r1)"
		exec #1 exec "echo $GF_A$AWS_SECRET$GF_B"
		result #1 of=7 done bytes=4 code=0`, record.KindCommand, record.KindExec, record.KindResult)
}

// Requests keep their order, and so do the replies, also when they come all at once.
func TestRequestsInOrder(t *testing.T) {
	g, _ := newRelayGate(t, nil)
	ch := session(t, g.client(t))
	for i := range 20 {
		ch.SendRequest("env", false, ssh.Marshal(envRequest{"GF_A", fmt.Sprint(i)}))
	}
	ch.SendRequest("exec", false, ssh.Marshal(programRequest{"echo $GF_A"}))
	io.WriteString(ch, "nobody reads this")
	ch.CloseWrite()
	if out, _ := io.ReadAll(ch); string(out) != "19\n" {
		t.Errorf("%q", out)
	}
}

// One channel runs one program.
func TestSecondProgram(t *testing.T) {
	g, server := newRelayGate(t, nil)
	ch := session(t, g.client(t))
	if request(t, ch, "exec", programRequest{"forbidden first"}) || !request(t, ch, "exec", programRequest{"cat"}) {
		t.Error("after a refused one another may run")
	}
	if request(t, ch, "exec", programRequest{"echo the second"}) || request(t, ch, "shell", nil) {
		t.Error("a second was run")
	}
	ch.Close()
	g.tape(t, 0).await(t, `notice #1 exec message="a second program in one channel was refused"`)
	if ran(t, server, "echo the second") {
		t.Error("it ran")
	}
}

// A terminal has the client's size and modes, and follows its window.
func TestTerminal(t *testing.T) {
	g, _ := newRelayGate(t, nil)
	s, err := g.client(t).NewSession()
	if err != nil {
		t.Fatal(err)
	}
	modes := ssh.TerminalModes{ssh.ECHO: 0, ssh.VINTR: 7}
	if err := s.RequestPty("vt100", 33, 77, modes); err != nil {
		t.Fatal(err)
	}
	out, _ := s.StdoutPipe()
	in, _ := s.StdinPipe()
	if err := s.Start("echo $TERM; stty size; stty -a | grep -o 'intr = ^.\\|-echo '; read x; stty size"); err != nil {
		t.Fatal(err)
	}
	want := "vt100\r\n33 77\r\nintr = ^G\r\n-echo \r\n"
	buf := make([]byte, len(want))
	if _, err := io.ReadFull(out, buf); err != nil || string(buf) != want {
		t.Errorf("%q: %v", buf, err)
	}
	s.WindowChange(40, 100)
	g.tape(t, 0).await(t, "rows=40 bytes=100")
	io.WriteString(in, "\n")
	if rest, _ := io.ReadAll(out); string(rest) != "40 100\r\n" {
		t.Errorf("%q", rest)
	}
	g.tape(t, 0).expect(t, `
		resize #1 vt100 rows=33 bytes=77
		resize #1 rows=40 bytes=100`, record.KindResize)
}

// OpenSSH's client with a terminal: Ctrl-C interrupts.
func TestInterrupt(t *testing.T) {
	g, _ := newRelayGate(t, nil)
	cmd := g.ssh(t, "-tt", "target", "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.05; done")
	in, _ := cmd.StdinPipe()
	var out bytes.Buffer
	read, write := io.Pipe()
	cmd.Stdout = io.MultiWriter(&out, write)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	io.ReadFull(read, make([]byte, len("ready")))
	go io.Copy(io.Discard, read)
	io.WriteString(in, "\x03")
	cmd.Wait()
	write.Close()
	if code := cmd.ProcessState.ExitCode(); code != 9 || !strings.Contains(out.String(), "caught") {
		t.Errorf("%q, exit code %d", &out, code)
	}
}
