package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/replay"
)

func (m *Main) exportCmd() *cobra.Command {
	var dir, query string
	cmd := &cobra.Command{
		Use:   "export [SESSION...]",
		Short: "Write records as NDJSON, one line each",
		Long: `Write records as NDJSON, one line each: all of them, those of some sessions, or those that a query finds, each then with
its statement, parameters and result.

Every field is written that is set. Bytes are a string where they are valid UTF-8, else {"base64": "..."}. What can't be
read ends the export with an error: it is whole or says that it isn't.`,
		Example: "  gatefold export > all.ndjson\n  gatefold export last\n  gatefold export --query 'user:alice since:1d'",
		RunE: func(cmd *cobra.Command, args []string) error {
			if query != "" && len(args) > 0 {
				return usageError{errors.New("give sessions or --query, not both (a query can name one: session:01931b5e)")}
			}
			return m.export(cmd.Context(), dir, query, args)
		},
	}
	cmd.Flags().StringVarP(&query, "query", "q", "", "what search would find")
	return archiveFlag(cmd, &dir)
}

func (m *Main) export(ctx context.Context, dir, query string, sessions []string) error {
	q, err := replay.Parse(query, time.Now())
	if err != nil {
		return usageError{err}
	}
	src, err := m.openArchive(dir)
	if err != nil {
		return err
	}
	defer src.Close()
	if query != "" {
		return replay.ExportHits(ctx, m.Stdout, src, q)
	}
	var ids []record.ID
	for _, s := range sessions {
		found, err := findSession(ctx, src, s)
		if err != nil {
			return err
		}
		ids = append(ids, found.ID)
	}
	return replay.Export(ctx, m.Stdout, src, ids)
}
