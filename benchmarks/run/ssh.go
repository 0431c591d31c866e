package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatefold/gatefold/internal/testenv"
)

// sshBed is a throwaway OpenSSH server, and what stands before it.
type sshBed struct {
	*bed
	target  *testenv.SSHServer
	content string // path of the file that is carried
	size    int64  // of it, bytes
	scratch string // folder in memory for what is written
	ways    []sshWay
}

// sshWay is a way to the server, as clients know it.
type sshWay struct {
	way
	login  testenv.SSHLogin
	config string // for OpenSSH's clients; the host is "target"
}

// inSSH measures what carrying a stream of bytes costs, logging in, and a keystroke's way there and back: all ways in turn,
// round by round, so that they meet the same weather; ratios and differences are taken inside a round, and the middle round
// counts.
func inSSH(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("ssh", flag.ContinueOnError)
	rounds := flags.Int("rounds", 3, "how many")
	size := flags.Int64("mib", 1024, "MiB that are carried at a time")
	content := flags.String("content", "random", "what is carried: random, which no archive makes smaller, or text")
	parts := flags.String("parts", "streams,logins,echoes,idle", "what is measured")
	only := flags.String("streams", "", "only those whose name has this in it, as \"down\"")
	each := flags.Duration("each", 3*time.Second, "how long one way is logged in to in a round")
	keys := flags.Int("keys", 1000, "keystrokes a round and way")
	idle := flags.Int("idle", 100, "connections whose memory is measured")
	if err := flags.Parse(args); err != nil {
		return err
	}
	b, err := newSSHBed(ctx, *size<<20, *content)
	if errors.Is(err, testenv.ErrMissing) {
		fmt.Fprintf(os.Stderr, "LEFT OUT: %v\n", err)
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.end()) }()
	wanted := func(part string) bool { return slices.Contains(strings.Split(*parts, ","), part) }
	if wanted("streams") {
		if err := b.compareStreams(ctx, *rounds, *only); err != nil {
			return err
		}
	}
	// What follows is measured on others that have nothing to do behind.
	if b.ways, err = b.startSSHWays(ctx, "-talk"); err != nil {
		return err
	}
	if wanted("logins") {
		if err := b.compareLogins(ctx, *rounds, *each); err != nil {
			return err
		}
	}
	if wanted("echoes") {
		if err := b.compareEchoes(ctx, *rounds, *keys); err != nil {
			return err
		}
	}
	if wanted("idle") {
		return b.idleSSH(ctx, *idle)
	}
	return nil
}

// newSSHBed starts the server, a haproxy and a gateway.
func newSSHBed(ctx context.Context, size int64, content string) (b *sshBed, err error) {
	b = &sshBed{size: size}
	b.bed, err = makeBed(ctx, "", func(plain *bed) error {
		b.bed = plain
		if b.target, err = testenv.OpenSSH(ctx, testenv.Options{Owned: true}); err != nil {
			return err
		}
		b.close = append(b.close, b.target.Close)
		b.server = server{protocol: "ssh", address: b.target.Address(), user: b.target.Superuser}
		if err := b.makeContent(content); err != nil {
			return err
		}
		counts := func() (way, error) { return b.gatefoldSSH(ctx, "gatefold-counts", "max_output: 64KiB, ") } // the hop alone
		b.ways, err = b.startSSHWays(ctx, "", counts)
		return err
	})
	return b, err
}

// makeContent writes the file that is carried, and finds a folder in memory.
func (b *sshBed) makeContent(kind string) error {
	memory := "/dev/shm"
	if _, err := os.Stat(memory); err != nil {
		memory = b.dir
	}
	dir, err := os.MkdirTemp(memory, "gatefold-bench-")
	if err != nil {
		return err
	}
	b.close = append(b.close, func() error { return os.RemoveAll(dir) })
	b.scratch, b.content = dir, filepath.Join(dir, "content")
	f, err := os.Create(b.content)
	if err != nil {
		return err
	}
	defer f.Close()
	fill := rand.NewChaCha8([32]byte{1})
	block := make([]byte, 1<<20)
	for n := int64(0); n < b.size; n += int64(len(block)) {
		switch kind {
		case "random":
			fill.Read(block)
		case "text":
			textBlock(block, fill)
		default:
			return fmt.Errorf("there is no content %q", kind)
		}
		if _, err := f.Write(block); err != nil {
			return err
		}
	}
	return nil
}

// textBlock fills a block with lines as a server logs them.
func textBlock(block []byte, from *rand.ChaCha8) {
	line := block[:0]
	for len(line) < len(block)-100 {
		line = fmt.Appendf(line, "2026-11-27T09:%02d:%02d.%03dZ web-%d GET /api/v1/orders/%d 200 %d us request=%016x\n",
			from.Uint64()%60, from.Uint64()%60, from.Uint64()%1000, from.Uint64()%8, from.Uint64()%100000, from.Uint64()%90000, from.Uint64())
	}
	copy(block[len(line):], strings.Repeat("\n", len(block)-len(line)))
}

// startSSHWays starts a haproxy and a gateway, whose folders' names end in suffix, and more.
func (b *sshBed) startSSHWays(ctx context.Context, suffix string, more ...func() (way, error)) (all []sshWay, err error) {
	ways, err := b.bed.ways(append([]func() (way, error){
		func() (way, error) { return b.haproxy("haproxy" + suffix) },
		func() (way, error) { return b.gatefoldSSH(ctx, "gatefold"+suffix, "") },
	}, more...)...)
	if err != nil {
		return nil, err
	}
	for _, w := range ways {
		s := sshWay{way: w, login: b.target.Login()}
		host, port, err := net.SplitHostPort(w.address)
		if err != nil {
			return nil, err
		}
		s.login.Host = host
		if s.login.Port, err = strconv.Atoi(port); err != nil {
			return nil, err
		}
		if w.state != "" {
			s.login.User = person
			if s.login.HostKeys, err = gatewayKeys(w.state); err != nil {
				return nil, err
			}
		}
		s.name = strings.TrimSuffix(w.name, suffix)
		dir := filepath.Join(b.dir, "client-"+w.name)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		if s.config, err = s.login.Config(dir, "target", "target"); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// gatewayKeys are the host keys that a gateway has made for itself.
func gatewayKeys(state string) (lines []string, err error) {
	paths, err := filepath.Glob(filepath.Join(state, "ssh_host_*.pub"))
	if err != nil || len(paths) == 0 {
		return nil, fmt.Errorf("the gateway has no host keys in %s (%v)", state, err)
	}
	for _, path := range paths {
		line, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		lines = append(lines, strings.TrimSpace(string(line)))
	}
	return lines, nil
}

const gatefoldSSHConfig = `
gateway: bench
state: ./state
log: {level: warn}
admin: {listen: ""}
listeners: {in: {protocol: ssh, address: %[1]q, target: bench}}
targets:
  bench: {protocol: ssh, address: %[2]q, host_keys: %[3]s, %[4]saccounts: {app: {secret: bench-app}}}
policy: [allow-all.cedar]
recording: {journal: 1GiB}
`

// gatefoldSSH starts a gateway that logs in to the server with a key, and its user with the same. options are more of the target.
func (b *sshBed) gatefoldSSH(ctx context.Context, name, options string) (way, error) {
	w := way{name: name, user: person}
	dir := filepath.Join(b.dir, w.name)
	w.state = filepath.Join(dir, "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return w, err
	}
	var err error
	if w.address, err = freeAddress(); err != nil {
		return w, err
	}
	config := filepath.Join(dir, "gatefold.yaml")
	var pinned []string
	for _, k := range b.target.HostKeys {
		pinned = append(pinned, strconv.Quote(k))
	}
	for path, text := range map[string]string{
		config:                                fmt.Sprintf(gatefoldSSHConfig, w.address, b.server.address, "["+strings.Join(pinned, ", ")+"]", options),
		filepath.Join(dir, "allow-all.cedar"): "@id(\"allow-all\")\npermit(principal, action, resource);\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return w, err
		}
	}
	private, err := os.ReadFile(b.target.Key)
	if err != nil {
		return w, err
	}
	public, err := os.ReadFile(b.target.Key + ".pub")
	if err != nil {
		return w, err
	}
	for _, c := range []struct{ stdin, args string }{
		{b.password + "\n", "user add " + person + " --password-stdin"},
		{string(public), "user key add " + person},
		{string(private), "secret add bench-app --ssh-key --user " + b.server.user},
	} {
		cmd := exec.CommandContext(ctx, b.bin, append([]string{"-c", config}, strings.Fields(c.args)...)...)
		cmd.Stdin = strings.NewReader(c.stdin)
		if out, err := cmd.CombinedOutput(); err != nil {
			return w, fmt.Errorf("gatefold %s: %w\n%s", c.args, err, out)
		}
	}
	w.pid, err = b.start(w.address, exec.Command(b.bin, "-c", config, "serve"))
	return w, err
}

// stillFor is longer than a gateway pauses before it looks again for blocks to rewrite (cmd/gatefold, idlePause).
const stillFor = 12 * time.Second

// settled is the CPU of a proxy once it has done all that it does behind (sealing, rewriting): it has not grown for stillFor.
func (w way) settled(ctx context.Context) (time.Duration, error) {
	before, err := w.cpu()
	if err != nil || w.state == "" {
		return before, err
	}
	const step = 500 * time.Millisecond
	for still := time.Duration(0); still < stillFor; still += step {
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-time.After(step):
		}
		now, err := w.cpu()
		if err != nil {
			return 0, err
		}
		if now-before >= 20*time.Millisecond {
			still = 0
		}
		before = now
	}
	return before, nil
}

// middleOf is the median.
func middleOf(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}
