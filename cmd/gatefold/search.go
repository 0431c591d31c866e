package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatefold/gatefold/replay"
)

type searchFlags struct {
	from    from
	json    bool
	limit   int
	after   string
	count   bool
	groupBy string
	look    look
}

func (m *Main) searchCmd() *cobra.Command {
	var f searchFlags
	cmd := &cobra.Command{
		Use:   "search QUERY...",
		Short: "Find what was said and done, newest first",
		Long: `Find what was said and done, newest first, in a running gateway's archive too: up to one second ago. Each hit shows the
beginning of its session's id and its number: gatefold replay SESSION --at NUMBER opens there.

` + replay.Syntax,
		Example: `  gatefold search user:alice table:orders
  gatefold search 'verdict:deny since:1d'
  gatefold search 'outcome:failed -code:42P01 target:orders'
  gatefold search '"drop table" until:2026-11-23'
  gatefold search 'time:yesterday action:delete' --group-by user`,
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
	cmd.Flags().StringVar(&f.after, "after", "", "go on behind a hit: the cursor that a page ends with, or that a hit has in --json")
	cmd.Flags().BoolVar(&f.count, "count", false, "only how many there are")
	cmd.Flags().StringVar(&f.groupBy, "group-by", "", "count them by a field: user, table, digest, rule, client, day, hour, ...")
	f.look.flags(cmd)
	return storeFlag(cmd, &f.from)
}

func (f *searchFlags) check() error {
	switch {
	case f.limit < 0:
		return usageError{fmt.Errorf("--limit %d: it can't be negative", f.limit)}
	case f.count && f.groupBy != "":
		return usageError{errors.New("give --count or --group-by, not both")}
	}
	return nil
}

func (m *Main) search(ctx context.Context, text string, f searchFlags) error {
	q, err := replay.Parse(text, time.Now())
	if err != nil {
		return usageError{err}
	}
	if f.after != "" {
		if err := q.After(f.after); err != nil {
			return usageError{err}
		}
	}
	if err := f.check(); err != nil {
		return err
	}
	sc, err := m.screen(f.look)
	if err != nil {
		return err
	}
	defer sc.close()
	into, err := sc.hits(f, q)
	if err != nil {
		return err
	}
	src, err := m.openSource(ctx, f.from)
	if err != nil {
		return err
	}
	defer src.Close()
	ctx, stop := sc.watch(ctx)
	defer stop()
	return m.find(ctx, src, q, into, f)
}

// find searches until there is enough.
func (m *Main) find(ctx context.Context, src replay.Source, q *replay.Query, into results, f searchFlags) error {
	unread := 0
	for h, err := range replay.Search(ctx, src, q) {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			unread++
			fmt.Fprintln(m.Stderr, "gatefold: "+replay.Safe(err.Error()))
			continue
		}
		enough, err := into.add(&h)
		if err != nil {
			return err
		}
		if enough {
			break
		}
	}
	if err := into.end(m); err != nil {
		return err
	}
	if unread > 0 { // what isn't shown may be there
		return hintError{fmt.Errorf("%s of the archive could not be read", count(unread, "part")), "gatefold verify names what is damaged"}
	}
	return nil
}
