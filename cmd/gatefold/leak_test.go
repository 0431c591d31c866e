package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/local"
)

// TestTheSecretStaysIn runs a session, failures included, and looks for the target's password in everything that the
// gateway wrote, said or was started with.
func TestTheSecretStaysIn(t *testing.T) {
	g := newGate(t, gateOptions{process: true})
	c := g.connect()
	ctx := context.Background()
	if _, err := c.Exec(ctx, "ALTER ROLE postgres PASSWORD '"+g.pg.Password+"'"); err != nil { // recorded, masked
		t.Fatal(err)
	}
	if _, err := c.Exec(ctx, "SELECT syntax error"); err == nil {
		t.Fatal("a syntax error passed")
	}
	_ = g.dialErr(g.dsn("application_name=x") + "&user=alice%3Dgone") // an account without a secret
	cmdline, err := os.ReadFile("/proc/" + strconv.Itoa(g.cmd.Process.Pid) + "/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	c.Close(ctx)
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{g.pg.Password, alicePassword} {
		forms := []string{secret, hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret))}
		for _, form := range forms {
			look := func(where string, what []byte) {
				if bytes.Contains(what, []byte(form)) {
					t.Errorf("%s holds a secret", where)
				}
			}
			look("the command line", cmdline)
			look("the log", []byte(g.log.from(0)))
			g.eachFile(look)
			g.eachRecord(look)
		}
	}
}

// eachFile goes over the whole folder: state, vault, journal, archive, configuration.
func (g *gate) eachFile(look func(string, []byte)) {
	g.t.Helper()
	n := 0
	err := filepath.WalkDir(g.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		look(path, b)
		n++
		return err
	})
	if err != nil || n < 5 {
		g.t.Fatalf("went over %d files: %v", n, err)
	}
}

// eachRecord goes over the records as they are read, not as they are compressed.
func (g *gate) eachRecord(look func(string, []byte)) {
	g.t.Helper()
	store, err := local.Open(archiveDir(filepath.Join(g.dir, "s")), local.Read)
	if err != nil {
		g.t.Fatal(err)
	}
	defer store.Close()
	n := 0
	for b, err := range store.Blocks(context.Background(), record.Narrow{}) {
		if err != nil {
			g.t.Fatal(err)
		}
		for r, err := range b.Records() {
			if err != nil {
				g.t.Fatal(err)
			}
			look("a record", record.AppendRecord(nil, &r))
			n++
		}
	}
	if n < 8 {
		g.t.Fatalf("went over %d records only", n)
	}
}
