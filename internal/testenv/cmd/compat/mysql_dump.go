package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
)

// dumps are ways to dump a database.
var dumps = [][]string{
	{"--routines", "--events", "--triggers"},
	{"--routines", "--events", "--triggers", "--hex-blob", "--skip-extended-insert", "--single-transaction", "--quick", "--order-by-primary"},
}

// dumpRestore makes a database of everything, dumps it, fills another from the dump (in a pipe, as people do) and dumps that.
func dumpRestore(ctx context.Context, a *attempt) error {
	if err := a.mysql.fresh(ctx); err != nil {
		return err
	}
	schema, err := os.Open(a.script("mysql/schema.sql"))
	if err != nil {
		return err
	}
	defer schema.Close()
	load := a.mysqlTool(ctx, "mariadb", "--default-character-set=utf8mb4", database)
	load.Stdin = schema
	if err := a.mustTell(load); err != nil {
		return err
	}
	var size int
	for _, options := range dumps {
		first, err := a.dump(ctx, database, options)
		if err != nil {
			return err
		}
		second, err := a.restore(ctx, first, options)
		if err != nil {
			return err
		}
		if !bytes.Equal(first, second) {
			return fmt.Errorf("what was restored is dumped otherwise: diff %s %s", a.file("1.sql"), a.file("2.sql"))
		}
		size += len(first)
	}
	a.note = fmt.Sprintf("two dumps of %.1f MB, restored ones the same", float64(size)/1e6)
	return nil
}

// dump dumps a database; its transcript has the dump, long lines of values by their beginning.
func (a *attempt) dump(ctx context.Context, database string, options []string) ([]byte, error) {
	cmd := a.mysqlTool(ctx, "mariadb-dump", append(options, "--skip-dump-date", database)...)
	out, err := cmd.Output()
	a.sayf("$ mariadb-dump %q: %d bytes, SHA-256 %x", options, len(out), sha256.Sum256(out))
	for line := range bytes.Lines(out) {
		a.sayf("%.200q", line)
	}
	if exit, ok := err.(*exec.ExitError); ok {
		a.out.Write(exit.Stderr)
	}
	return out, err
}

// restore fills another database of the dump and dumps that.
func (a *attempt) restore(ctx context.Context, dump []byte, options []string) ([]byte, error) {
	const other = database + "_restored"
	make := a.mysqlTool(ctx, "mariadb", "-e", "DROP DATABASE IF EXISTS "+other+"; CREATE DATABASE "+other+" CHARACTER SET utf8mb4")
	if err := a.mustTell(make); err != nil {
		return nil, err
	}
	fill := a.mysqlTool(ctx, "mariadb", other)
	fill.Stdin = bytes.NewReader(dump)
	if err := a.mustTell(fill); err != nil {
		return nil, err
	}
	again, err := a.mysqlTool(ctx, "mariadb-dump", append(options, "--skip-dump-date", other)...).Output()
	again = bytes.ReplaceAll(again, []byte(other), []byte(database))
	for name, content := range map[string][]byte{"1.sql": dump, "2.sql": again} {
		if err := os.WriteFile(a.file(name), content, 0o600); err != nil {
			return nil, err
		}
	}
	return again, err
}
