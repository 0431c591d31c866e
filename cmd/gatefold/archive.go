package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/clickhouse"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/replay"
)

// archiveFlag adds --archive to a verb that reads the archive.
func archiveFlag(cmd *cobra.Command, dir *string) *cobra.Command {
	cmd.Flags().StringVar(dir, "archive", "", "the archive's folder; default: the one in the state folder of the configuration")
	return cmd
}

// storeFlag adds --store and --archive to a verb that reads from either archive.
func storeFlag(cmd *cobra.Command, from *from) *cobra.Command {
	cmd.Flags().StringVar(&from.store, "store", "", "the archive: local, or clickhouse; default: the home, which is local unless clickhouse.home is set")
	return archiveFlag(cmd, &from.dir)
}

// from is which archive a verb reads.
type from struct {
	store, dir string
	own        bool // of several gateways that share ClickHouse only this one's sessions
}

// source is an open archive.
type source interface {
	replay.Source
	Close() error
}

// openSource opens the archive that the flags name for reading, or the home. The caller closes it.
func (m *Main) openSource(ctx context.Context, f from) (source, error) {
	if f.store == "" {
		f.store = "local"
		if f.dir == "" {
			cfg, err := m.loadConfig()
			if err != nil {
				return nil, err
			}
			if cfg.ClickHouse.Home {
				f.store = "clickhouse"
			}
		}
	}
	switch f.store {
	case "local":
		return m.openArchive(f.dir)
	case "clickhouse":
		cfg, err := m.loadConfig()
		if err != nil {
			return nil, err
		}
		secrets, err := m.openVault(cfg)
		if err != nil {
			return nil, err
		}
		defer secrets.Close()
		return openClickHouse(ctx, cfg, secrets, clickhouse.Read, f.own)
	}
	return nil, usageError{fmt.Errorf("--store %s: it is local or clickhouse", replay.Safe(f.store))}
}

// openArchive opens the archive for reading, beside a running gateway or alone. The caller closes it.
func (m *Main) openArchive(dir string) (*local.Store, error) {
	if dir == "" {
		cfg, err := m.loadConfig()
		if err != nil {
			return nil, err
		}
		dir = filepath.Join(cfg.State, "archive")
	}
	store, err := local.Open(dir, local.Read)
	if errors.Is(err, local.ErrNoArchive) {
		return nil, hintError{err, "gatefold serve makes it; is this the right configuration, or --archive?"}
	}
	if err != nil {
		return nil, err
	}
	for _, note := range store.Notes {
		fmt.Fprintln(m.Stderr, "note: "+replay.Safe(note))
	}
	return store, nil
}

// findSession finds the session whose id begins with what was given, or for "last" the newest one that isn't the gateway's
// own: what an erasing or a hold was recorded in is nobody's session.
func findSession(ctx context.Context, src replay.Source, prefix string) (record.Session, error) {
	n := record.Narrow{}
	if prefix != "last" {
		var err error
		if n.Prefix, err = record.Prefix(prefix); err != nil {
			return record.Session{}, usageError{hintError{err, `give the beginning of an id, as search shows it, or "last"`}}
		}
	}
	var found []record.Session
	for s, err := range src.Sessions(ctx, n) {
		if err != nil {
			return s, err
		}
		if prefix == "last" && s.Protocol == ownProtocol {
			continue
		}
		found = append(found, s)
		if prefix == "last" || len(found) > maxListed {
			break
		}
	}
	switch {
	case len(found) == 0 && prefix == "last":
		return record.Session{}, errors.New("the archive holds no session yet")
	case len(found) == 0:
		return record.Session{}, hintError{fmt.Errorf("no session's id begins with %s", prefix), "gatefold search shows ids"}
	case len(found) > 1:
		return record.Session{}, ambiguous(prefix, found)
	}
	return found[0], nil
}

// maxListed is how many sessions an error lists.
const maxListed = 10

func ambiguous(prefix string, found []record.Session) error {
	hint := "give more of it:"
	for _, s := range found[:min(len(found), maxListed)] {
		hint += fmt.Sprintf("\n    %s  %s  %s", s.ID, time.Unix(0, s.Opened).Format(time.DateTime), replay.Safe(s.User+"@"+s.Target))
	}
	if len(found) > maxListed {
		hint += "\n    ..."
	}
	return usageError{hintError{fmt.Errorf("more than one session's id begins with %s", prefix), hint}}
}

// screen is a terminal's width in characters; not ok: w is none, and is written to without colours.
func screen(w io.Writer) (width int, ok bool) {
	f, isFile := w.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return defaultWidth, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width < narrowest {
		width = defaultWidth
	}
	return width, true
}

const (
	defaultWidth = 100 // characters
	narrowest    = 40
)

// colour reports whether what goes to w may have colours (https://no-color.org).
func (m *Main) colour(w io.Writer) bool {
	_, ok := screen(w)
	return ok && m.Getenv("NO_COLOR") == "" && m.Getenv("TERM") != "dumb"
}

// progress writes how far a verb has got to standard error: on a terminal only, and only when it takes longer than a
// second.
type progress struct {
	w     io.Writer
	next  time.Time // when to write; zero: never
	wrote bool
}

func (m *Main) progress() *progress {
	p := &progress{w: m.Stderr}
	if _, ok := screen(m.Stderr); ok {
		p.next = time.Now().Add(time.Second)
	}
	return p
}

// say replaces the line.
func (p *progress) say(text func() string) {
	if p.next.IsZero() || time.Now().Before(p.next) {
		return
	}
	p.next, p.wrote = time.Now().Add(200*time.Millisecond), true
	fmt.Fprintf(p.w, "\r\x1b[K%s", text())
}

// done clears the line.
func (p *progress) done() {
	if p.wrote {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
