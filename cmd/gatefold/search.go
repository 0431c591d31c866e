package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatefold/gatefold/replay"
)

type searchFlags struct {
	archive string
	json    bool
	limit   int
}

func (m *Main) searchCmd() *cobra.Command {
	var f searchFlags
	cmd := &cobra.Command{
		Use:   "search QUERY...",
		Short: "Find what was said and done, newest first",
		Long: `Find what was said and done, newest first, in a running gateway's archive too: up to one second ago.

` + replay.Syntax,
		Example: `  gatefold search user:alice table:orders
  gatefold search 'verdict:deny since:1d'
  gatefold search 'outcome:failed -code:42P01 target:orders'
  gatefold search '"drop table" until:2026-11-23'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return m.search(cmd.Context(), strings.Join(args, " "), f)
		},
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{hintError{err, "a condition with a minus is put in quotes with others, or behind --: gatefold search -- -user:alice; see: " +
			cmd.CommandPath() + " --help"}}
	})
	cmd.Flags().BoolVar(&f.json, "json", false, "one JSON object a hit")
	cmd.Flags().IntVarP(&f.limit, "limit", "n", 50, "how many hits at most; 0: all")
	return archiveFlag(cmd, &f.archive)
}

func (m *Main) search(ctx context.Context, text string, f searchFlags) error {
	q, err := replay.Parse(text, time.Now())
	if err != nil {
		return usageError{err}
	}
	if f.limit < 0 {
		return usageError{fmt.Errorf("--limit %d: it can't be negative", f.limit)}
	}
	src, err := m.openArchive(f.archive)
	if err != nil {
		return err
	}
	defer src.Close()
	out := m.hits(f.json)
	found, unread := 0, 0
	for h, err := range replay.Search(ctx, src, q) {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			unread++
			fmt.Fprintln(m.Stderr, "gatefold: "+replay.Safe(err.Error()))
			continue
		}
		if f.limit > 0 && found == f.limit {
			return m.searched(out, found, unread, true, f.json)
		}
		found++
		if err := out.write(&h); err != nil {
			return err
		}
	}
	return m.searched(out, found, unread, false, f.json)
}

// searched ends a search: a block that could not be read makes it fail, for what isn't shown may be there.
func (m *Main) searched(out *hits, found, unread int, more, json bool) error {
	if err := out.w.Flush(); err != nil {
		return err
	}
	switch {
	case more:
		fmt.Fprintf(m.Stderr, "the newest %d; there are more: --limit 0 shows all\n", found)
	case found == 0 && !json:
		fmt.Fprintln(m.Stderr, "nothing found")
	}
	if unread > 0 {
		return hintError{fmt.Errorf("%s of the archive could not be read", count(unread, "part")), "gatefold verify names what is damaged"}
	}
	return nil
}

// hits writes what was found, one by one: on a terminal each at once.
type hits struct {
	w     *bufio.Writer
	json  bool
	live  bool
	brief *replay.Brief
}

func (m *Main) hits(json bool) *hits {
	width, live := screen(m.Stdout)
	return &hits{w: bufio.NewWriter(m.Stdout), json: json, live: live,
		brief: &replay.Brief{Width: min(width, defaultWidth), Colour: m.colour(m.Stdout), Zone: time.Local}}
}

func (h *hits) write(hit *replay.Hit) error {
	err := h.one(hit)
	if err == nil && h.live {
		err = h.w.Flush()
	}
	return err
}

func (h *hits) one(hit *replay.Hit) error {
	if !h.json {
		_, err := io.WriteString(h.w, h.brief.Text(hit))
		return err
	}
	enc := json.NewEncoder(h.w)
	enc.SetEscapeHTML(false)
	return enc.Encode(hit.JSON())
}
