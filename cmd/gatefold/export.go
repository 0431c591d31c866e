package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/replay"
)

type exportFlags struct {
	from          from
	query, format string
}

func (m *Main) exportCmd() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export [SESSION...]",
		Short: "Write records as NDJSON, or statements as a SQL script",
		Long: `Write records: all of them, those of some sessions, or those that a query finds.

As NDJSON (--format ndjson), one record a line, those that a query finds each with its statement, parameters and result:
every field is written that is set. Bytes are a string where they are valid UTF-8, else {"base64": "..."}.

As SQL (--format sql), a script of the statements that ran, session by session, with constants of their types in place of
parameters: for psql, or for MySQL's client (mysql --binary-mode) where the first session is one of MySQL. What was refused or
failed is commented out, and so is what can't be run again from the record (erased, masked, not kept whole, data of COPY and
LOAD DATA LOCAL, values of unknown types, sessions of another protocol), with the reason.

What can't be read ends the export with an error: it is whole or says that it isn't.`,
		Example: "  gatefold export > all.ndjson\n  gatefold export last\n  gatefold export --query 'user:alice since:1d'\n" +
			"  gatefold export --format sql last > session.sql",
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.query != "" && len(args) > 0 {
				return usageError{errors.New("give sessions or --query, not both (a query can name one: session:01931b5e)")}
			}
			if f.format != "ndjson" && f.format != "sql" {
				return usageError{fmt.Errorf("--format %s: it is ndjson or sql", f.format)}
			}
			return m.export(cmd.Context(), f, args)
		},
	}
	cmd.Flags().StringVarP(&f.query, "query", "q", "", "what search would find")
	cmd.Flags().StringVar(&f.format, "format", "ndjson", "ndjson, or sql: a script")
	return storeFlag(cmd, &f.from)
}

func (m *Main) export(ctx context.Context, f exportFlags, args []string) error {
	q, err := replay.Parse(f.query, time.Now())
	if err != nil {
		return usageError{err}
	}
	src, err := m.openSource(ctx, f.from)
	if err != nil {
		return err
	}
	defer src.Close()
	sessions, err := m.exported(ctx, src, f, args)
	if err != nil {
		return err
	}
	switch {
	case f.format == "sql" && f.query != "":
		return replay.ScriptHits(ctx, m.Stdout, src, q)
	case f.format == "sql":
		return replay.Script(ctx, m.Stdout, src, sessions, nil)
	case f.query != "":
		return replay.ExportHits(ctx, m.Stdout, src, q)
	}
	var ids []record.ID
	for _, s := range sessions {
		ids = append(ids, s.ID)
	}
	return replay.Export(ctx, m.Stdout, src, ids)
}

// exported are the sessions that are named; a script of everything needs all of them.
func (m *Main) exported(ctx context.Context, src replay.Source, f exportFlags, args []string) (sessions []record.Session, err error) {
	for _, arg := range args {
		s, err := findSession(ctx, src, arg)
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, s)
	}
	if f.format != "sql" || f.query != "" || len(args) > 0 {
		return sessions, nil
	}
	for s, err := range src.Sessions(ctx, record.Narrow{Oldest: true}) {
		if err != nil {
			return nil, err
		}
		sessions = append(sessions, s)
	}
	return sessions, nil
}
