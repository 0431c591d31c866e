package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
)

// holdBack is how much of an answer waits before the head goes out: an error within it has a status of its own.
const holdBack = 64 << 10 // 64 KiB

// output is the answer to one request.
type output struct {
	w       http.ResponseWriter
	waiting bytes.Buffer // compressed, if that was asked for
	whole   bool         // nothing goes out before the end (wait_end_of_query)
	begun   bool
	tag     string // parts an exception in the middle from data
	packer  *compress.Writer
}

func newOutput(w http.ResponseWriter, q url.Values) *output {
	out := &output{w: w, whole: on(q.Get("wait_end_of_query")), tag: rand.Text()[:16]}
	if on(q.Get("compress")) {
		method := compress.LZ4
		if q.Get("network_compression_method") == "ZSTD" {
			method = compress.ZSTD
		}
		out.packer = compress.NewWriter(compress.LevelZero, method)
	}
	return out
}

// Write adds to the answer.
func (o *output) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		part := p[:min(len(p), 1<<20)] // 1 MiB, as a server cuts its frames
		p = p[len(part):]
		if o.packer == nil {
			o.waiting.Write(part)
			continue
		}
		if err := o.packer.Compress(part); err != nil {
			return 0, fmt.Errorf("compress: %w", err)
		}
		o.waiting.Write(o.packer.Data)
	}
	if !o.whole && o.waiting.Len() >= holdBack {
		return n, o.flush()
	}
	return n, nil
}

func (o *output) flush() error {
	if !o.begun {
		o.begun = true
		o.w.Header().Set("X-ClickHouse-Exception-Tag", o.tag)
	}
	_, err := o.w.Write(o.waiting.Bytes())
	o.waiting.Reset()
	return err
}

// end sends the rest, or the error: with its status where nothing went out yet, else in ClickHouse's frame.
func (o *output) end(err error) {
	if err == nil {
		if !o.begun {
			o.w.Header().Set("Content-Length", strconv.Itoa(o.waiting.Len()))
		}
		_ = o.flush() // a client that went away has nobody to tell
		return
	}
	var x *exception
	if !errors.As(err, &x) {
		x = newException(err.Error()).(*exception)
	}
	text := x.text
	if !strings.Contains(text, "(version ") {
		text += " (version 26.5.1.1)" // as a server ends it
	}
	if !o.begun {
		o.waiting.Reset()
		o.w.Header().Set("X-ClickHouse-Exception-Code", strconv.Itoa(x.code))
		o.w.WriteHeader(status(x.code))
		_, _ = o.Write([]byte(text + "\n"))
		_ = o.flush()
		return
	}
	fmt.Fprintf(o, "\r\n__exception__\r\n%s\r\n%s\n%d %s\r\n__exception__\r\n", o.tag, text, len(text)+1, o.tag)
	_ = o.flush()
}
