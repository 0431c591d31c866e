package postgres

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/gatefold/gatefold/internal/testenv"
)

var update = flag.Bool("update", false, "record the conversations anew from a live PostgreSQL")

// conversation is a file taken apart.
type conversation struct {
	name, script                 string
	answers                      []answer
	sent, client, records, intro string
}

func readConversation(t *testing.T, path string) conversation {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	c := conversation{name: path, intro: string(archive.Comment)}
	for _, f := range archive.Files {
		switch data := string(f.Data); f.Name {
		case "script":
			c.script = data
		case "answers":
			c.answers = parseAnswers(t, data)
		case "server gets":
			c.sent = data
		case "client sees":
			c.client = data
		case "records":
			c.records = data
		}
	}
	return c
}

// parseAnswers reads lines of "after bytes: the server's bytes as Go strings".
func parseAnswers(t *testing.T, data string) (answers []answer) {
	for _, line := range strings.Split(strings.TrimSpace(data), "\n") {
		after, quoted, ok := strings.Cut(line, ": ")
		if !ok {
			continue
		}
		n, err := strconv.Atoi(after)
		if err != nil {
			t.Fatal(err)
		}
		b, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		answers = append(answers, answer{n, []byte(b)})
	}
	return answers
}

func (c *conversation) write(t *testing.T, answers []answer) {
	var recorded strings.Builder
	for _, a := range answers {
		fmt.Fprintf(&recorded, "%d: %q\n", a.after, a.bytes)
	}
	data := txtar.Format(&txtar.Archive{Comment: []byte(c.intro), Files: []txtar.File{
		{Name: "script", Data: []byte(c.script)}, {Name: "server gets", Data: []byte(c.sent)},
		{Name: "client sees", Data: []byte(c.client)}, {Name: "records", Data: []byte(c.records)},
		{Name: "answers", Data: []byte(recorded.String())}}})
	if err := os.WriteFile(c.name, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// replay gives the recorded answers, each when as much was sent as the server had been sent then.
func (k *talk) replay(answers []answer) func() []byte {
	return func() []byte {
		if len(answers) == 0 || answers[0].after > len(k.Sent) {
			return nil
		}
		b := answers[0].bytes
		answers = answers[1:]
		return b
	}
}

// live reads from a real server.
func (k *talk) live(conn *pgconn.HijackedConn) func() []byte {
	k.Forward = func(b []byte) {
		if _, err := conn.Conn.Write(b); err != nil {
			k.t.Errorf("write to the server: %v", err)
		}
	}
	return func() []byte {
		b := make([]byte, 64<<10)
		n, err := conn.Conn.Read(b)
		if err != nil {
			k.t.Errorf("read from the server: %v", err)
			return nil
		}
		if last := len(k.answers) - 1; last >= 0 && k.answers[last].after == len(k.Sent) {
			k.answers[last].bytes = append(k.answers[last].bytes, b[:n]...)
		} else {
			k.answers = append(k.answers, answer{len(k.Sent), slices.Clone(b[:n])})
		}
		return b[:n]
	}
}

func conversations(t *testing.T) (all []conversation) {
	paths, err := filepath.Glob("testdata/conversations/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no conversations: %v", err)
	}
	for _, path := range paths {
		all = append(all, readConversation(t, path))
	}
	return all
}

// Every conversation goes with a real server as it is written down.
func TestConversationsLive(t *testing.T) {
	server := testenv.ForTest(t)
	db := server.CreateDB(t)
	for _, c := range conversations(t) {
		t.Run(filepath.Base(c.name), func(t *testing.T) {
			server.MustExec(t, db, `DROP TABLE IF EXISTS things; CREATE TABLE things (id int PRIMARY KEY, name text);
				INSERT INTO things SELECT i, 'thing ' || i FROM generate_series(1, 20) i`)
			conn, err := pgconn.Connect(t.Context(), server.DSN(db))
			if err != nil {
				t.Fatal(err)
			}
			hijacked, err := conn.Hijack()
			if err != nil {
				t.Fatal(err)
			}
			defer hijacked.Conn.Close()
			k := newTalk(t)
			k.run(c.script, k.live(hijacked))
			if *update {
				c.sent, c.client, c.records = k.outcome()
				c.write(t, k.answers)
				return
			}
			compare(t, c, k)
		})
	}
}

func compare(t *testing.T, c conversation, k *talk) {
	t.Helper()
	sent, client, records := k.outcome()
	for _, part := range []struct{ name, got, want string }{
		{"server gets", sent, c.sent}, {"client sees", client, c.client}, {"records", records, c.records}} {
		if part.got != part.want {
			t.Fatalf("%s:\n%s\nwant:\n%s", part.name, part.got, part.want)
		}
	}
}

// Every conversation comes to the same however its bytes arrive: all at once, one by one, cut at each place in turn.
func TestConversationsCut(t *testing.T) {
	for _, c := range conversations(t) {
		t.Run(filepath.Base(c.name), func(t *testing.T) {
			longest := 0
			for _, cut := range []func([]byte) [][]byte{nil, everyByte} {
				longest = max(longest, c.again(t, cut))
			}
			for place := 1; place < longest; place++ {
				c.again(t, cutAt(place))
				if t.Failed() {
					t.Fatalf("cut at %d", place)
				}
			}
		})
	}
}

// again replays c and returns the length of the longest input.
func (c *conversation) again(t *testing.T, cut func([]byte) [][]byte) int {
	k := newTalk(t)
	longest := 0
	k.Cut = func(b []byte) [][]byte {
		longest = max(longest, len(b))
		if cut == nil {
			return [][]byte{b}
		}
		return cut(b)
	}
	k.run(c.script, k.replay(c.answers))
	compare(t, *c, k)
	return longest
}

func everyByte(b []byte) (pieces [][]byte) {
	for i := range b {
		pieces = append(pieces, b[i:i+1])
	}
	return pieces
}

func cutAt(place int) func([]byte) [][]byte {
	return func(b []byte) [][]byte {
		n := min(place, len(b))
		return [][]byte{b[:n], b[n:]}
	}
}
