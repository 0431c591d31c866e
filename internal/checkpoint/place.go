package checkpoint

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"time"
)

// Place is where checkpoints go; exactly one of the three is set.
type Place struct {
	File    string   // appended to, an empty line behind each
	URL     string   // POST, text/plain; any 2xx is a yes
	Command []string // its standard input; exit code 0 is a yes
}

// deliverTimeout is how long a place may take.
const deliverTimeout = 10 * time.Second

// String names the place in logs: of a URL without what may be a secret in it.
func (p Place) String() string {
	switch {
	case p.File != "":
		return "file " + p.File
	case p.URL != "":
		if u, err := url.Parse(p.URL); err == nil {
			return "url " + u.Scheme + "://" + u.Host
		}
		return "url"
	case len(p.Command) > 0:
		return "command " + p.Command[0]
	}
	return "nowhere"
}

func (p Place) deliver(ctx context.Context, signed []byte) error {
	ctx, cancel := context.WithTimeout(ctx, deliverTimeout)
	defer cancel()
	switch {
	case p.File != "":
		return appendNote(p.File, signed, false)
	case p.URL != "":
		return p.post(ctx, signed)
	}
	return p.run(ctx, signed)
}

func (p Place) post(ctx context.Context, signed []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, bytes.NewReader(signed))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	resp, err := (&http.Client{}).Do(req)
	if err != nil {
		if u, ok := err.(*url.Error); ok {
			err = u.Err // it names the whole URL
		}
		return err
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("it answered %s: %q", resp.Status, answer)
	}
	return nil
}

func (p Place) run(ctx context.Context, signed []byte) error {
	cmd := exec.CommandContext(ctx, p.Command[0], p.Command[1:]...)
	cmd.Stdin = bytes.NewReader(signed)
	cmd.WaitDelay = time.Second
	var said brief
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: %q", err, strings.TrimSpace(string(said)))
	}
	return nil
}

// brief keeps the beginning of what is written to it.
type brief []byte

func (b *brief) Write(p []byte) (int, error) {
	*b = append(*b, p[:min(len(p), 200-len(*b))]...)
	return len(p), nil
}
