package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"
)

// maxPassword bounds what is read of one, in bytes.
const maxPassword = 64 << 10 // 64 KiB

// terminal returns standard input if a person types there.
func (m *Main) terminal() (*os.File, bool) {
	f, ok := m.Stdin.(*os.File)
	return f, ok && term.IsTerminal(int(f.Fd()))
}

// pipedPassword reads one line of standard input. The caller wipes it.
func (m *Main) pipedPassword() ([]byte, error) {
	text := make([]byte, maxPassword+len("\r\n")+1) // never grown: no copy stays behind
	n, err := io.ReadFull(m.Stdin, text)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		clear(text)
		return nil, fmt.Errorf("read password: %w", err)
	}
	line := bytes.TrimSuffix(bytes.TrimSuffix(text[:n], []byte("\n")), []byte("\r"))
	switch {
	case len(line) == 0:
		err = errors.New("read password: standard input is empty")
	case len(line) > maxPassword:
		err = fmt.Errorf("read password: it is over %d bytes", maxPassword)
	case bytes.ContainsAny(line, "\r\n\x00"):
		err = errors.New("read password: it must be one line without a NUL")
	default:
		return line, nil
	}
	clear(text)
	return nil, usageError{err}
}

// typedPassword asks for a password twice, without showing it. The caller wipes it.
func (m *Main) typedPassword(ctx context.Context, f *os.File, prompt string) ([]byte, error) {
	first, err := m.ask(ctx, f, prompt)
	if err != nil {
		return nil, err
	}
	second, err := m.ask(ctx, f, "again")
	defer clear(second)
	switch {
	case err == nil && len(first) == 0:
		err = usageError{errors.New("read password: it is empty")}
	case err == nil && !bytes.Equal(first, second):
		err = usageError{errors.New("read password: the two are not the same")}
	}
	if err != nil {
		clear(first)
		return nil, err
	}
	return first, nil
}

// ask reads a line from a terminal without echo, which an interrupt brings back.
func (m *Main) ask(ctx context.Context, f *os.File, prompt string) ([]byte, error) {
	fd := int(f.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, fmt.Errorf("read password: %w", err)
	}
	fmt.Fprintf(m.Stderr, "%s: ", prompt)
	defer fmt.Fprintln(m.Stderr)
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1)
	go func() { // stays behind on an interrupt: the process ends then
		text, err := term.ReadPassword(fd)
		read <- line{text, err}
	}()
	select {
	case l := <-read:
		if l.err != nil {
			clear(l.text)
			return nil, fmt.Errorf("read password: %w", l.err)
		}
		return l.text, nil
	case <-ctx.Done():
		return nil, errors.Join(fmt.Errorf("read password: %w", context.Cause(ctx)), term.Restore(fd, before))
	}
}

// newPassword is 256 random bits as text. The caller wipes it.
func newPassword() []byte {
	bits := make([]byte, 32)
	rand.Read(bits)
	defer clear(bits)
	return base64.RawURLEncoding.AppendEncode(nil, bits)
}
