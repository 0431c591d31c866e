package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	block "github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

// answer runs a statement and writes what it gives.
func (s *session) answer(ctx context.Context, out *output, text, format string, q url.Values) error {
	p := paramsOf(q)
	revision, _ := strconv.ParseUint(q.Get("client_protocol_version"), 10, 32)
	native := revision > 0 && strings.EqualFold(formatOf(text, format), "Native")
	in := &chunks{ctx: ctx}
	var err error
	if in.rows, err = s.rows(text, format, p); errors.Is(err, errNotStreamed) {
		in.chunk, err = s.run(text, format, p)
	}
	if err != nil {
		return err
	}
	defer in.close()
	if !native {
		_, err := io.Copy(out, in)
		return err
	}
	n, err := transcode(out, in, revision)
	if err == nil && n == 0 && in.rows != nil {
		return s.head(out, text, p, revision)
	}
	return err
}

// formatOf is the format that the statement itself asks for, else that one.
func formatOf(text, format string) string {
	last := ""
	for at, end := range words(text) {
		if strings.EqualFold(last, "FORMAT") {
			format = text[at:end]
		}
		last = text[at:end]
	}
	return format
}

// chunks reads an answer chunk after chunk.
type chunks struct {
	ctx   context.Context
	rows  *rows // nil: the first chunk is all
	chunk []byte
	ended bool
}

func (c *chunks) Read(p []byte) (int, error) {
	for len(c.chunk) == 0 {
		if c.rows == nil || c.ended {
			return 0, io.EOF
		}
		if err := c.ctx.Err(); err != nil {
			return 0, err
		}
		var err error
		if c.chunk, err = c.rows.next(); err != nil {
			c.ended = true
			return 0, err
		}
		c.ended = len(c.chunk) == 0
	}
	n := copy(p, c.chunk)
	c.chunk = c.chunk[n:]
	return n, nil
}

func (c *chunks) close() {
	if c.rows != nil {
		c.rows.close(c.ended)
	}
}

// transcode writes blocks of the Native format, which the library gives at revision 0, at the client's revision, and
// returns how many there were.
func transcode(out io.Writer, in *chunks, revision uint64) (n int, err error) {
	r := proto.NewReader(in)
	var buf proto.Buffer
	for {
		b := block.Block{ServerContext: &column.ServerContext{Timezone: time.UTC}}
		if err := b.Decode(r, 0); err != nil {
			var x *exception
			switch {
			case errors.As(err, &x):
				return n, x
			case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) && len(b.Columns) == 0:
				return n, nil
			}
			return n, fmt.Errorf("read the engine's block: %w", err)
		}
		buf.Reset()
		if err := encode(&buf, &b, revision); err != nil {
			return n, err
		}
		if _, err := out.Write(buf.Buf); err != nil {
			return n, err
		}
		n++
	}
}

// encode writes a block. One without rows has no column states, which clickhouse-go's own Encode would write.
func encode(buf *proto.Buffer, b *block.Block, revision uint64) error {
	if b.Rows() > 0 {
		return b.Encode(buf, revision)
	}
	if err := b.EncodeHeader(buf, revision); err != nil {
		return err
	}
	for i, c := range b.Columns {
		buf.PutString(b.ColumnsNames()[i])
		buf.PutString(string(c.Type()))
		if revision >= block.DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION {
			buf.PutBool(false)
		}
	}
	return nil
}

// head writes the block without rows that says which columns an empty answer has: the library gives none.
func (s *session) head(out io.Writer, text string, p params, revision uint64) error {
	described, err := s.run("DESCRIBE TABLE ("+text+"\n)", "TabSeparated", p)
	if err != nil {
		return nil // not a SELECT that can be described: an empty answer is one too
	}
	b := block.Block{ServerContext: &column.ServerContext{Timezone: time.UTC}}
	for line := range strings.Lines(string(described)) {
		field := strings.SplitN(line, "\t", 3)
		if len(field) < 3 {
			return fmt.Errorf("describe the columns: %q", line)
		}
		if err := b.AddColumn(unescape(field[0]), column.Type(unescape(field[1]))); err != nil {
			return fmt.Errorf("describe the columns: %w", err)
		}
	}
	var buf proto.Buffer
	if err := encode(&buf, &b, revision); err != nil {
		return err
	}
	_, err = out.Write(buf.Buf)
	return err
}

func unescape(field string) string {
	return strings.NewReplacer(`\\`, `\`, `\'`, `'`, `\t`, "\t", `\n`, "\n").Replace(field)
}
