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
	channel       uint32
}

func (m *Main) exportCmd() *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export [SESSION...]",
		Short: "Write records as NDJSON, statements as a SQL script, a terminal as asciicast",
		Long: `Write records: all of them, those of some sessions, or those that a query finds.

As NDJSON (--format ndjson), one record a line, those that a query finds each with its statement, parameters and result:
every field is written that is set. Bytes are a string where they are valid UTF-8, else {"base64": "..."}.

As SQL (--format sql), a script of the statements that ran, session by session, with constants of their types in place of
parameters: for psql, or for MySQL's client (mysql --binary-mode) where the first session is one of MySQL. What was refused or
failed is commented out, and so is what can't be run again from the record (erased, masked, not kept whole, data of COPY and
LOAD DATA LOCAL, values of unknown types, sessions of another protocol), with the reason.

As asciicast v3 (--format cast), what the terminal of one SSH session showed, for asciinema 3 and its player: output, window
sizes, command lines as markers, the exit status. What reaches beyond a screen (titles, the clipboard, questions to the
terminal) is left out; what was typed is not in it, but for what was echoed. --channel chooses among several terminals.

What can't be read ends the export with an error: it is whole or says that it isn't.`,
		Example: "  gatefold export > all.ndjson\n  gatefold export last\n  gatefold export --query 'user:alice since:1d'\n" +
			"  gatefold export --format sql last > session.sql\n  gatefold export --format cast last > session.cast && asciinema play session.cast",
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.query != "" && len(args) > 0 {
				return usageError{errors.New("give sessions or --query, not both (a query can name one: session:01931b5e)")}
			}
			if err := f.check(args); err != nil {
				return err
			}
			return m.export(cmd.Context(), f, args)
		},
	}
	cmd.Flags().StringVarP(&f.query, "query", "q", "", "what search would find")
	cmd.Flags().StringVar(&f.format, "format", "ndjson", "ndjson; sql: a script; cast: an asciicast of a terminal")
	cmd.Flags().Uint32Var(&f.channel, "channel", 0, "with cast: the SSH channel; 0: the first that has a terminal")
	return storeFlag(cmd, &f.from)
}

func (f *exportFlags) check(sessions []string) error {
	switch {
	case f.format != "ndjson" && f.format != "sql" && f.format != "cast":
		return usageError{fmt.Errorf("--format %s: it is ndjson, sql or cast", f.format)}
	case f.format == "cast" && (f.query != "" || len(sessions) != 1):
		return usageError{errors.New("--format cast is of one session: name it")}
	case f.format != "cast" && f.channel != 0:
		return usageError{errors.New("--channel is for --format cast")}
	}
	return nil
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
	case f.format == "cast":
		return m.cast(ctx, src, sessions[0], f.channel)
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

func (m *Main) cast(ctx context.Context, src replay.Source, s record.Session, channel uint32) error {
	err := replay.Cast(ctx, m.Stdout, src, s, channel)
	if errors.Is(err, replay.ErrNoTerminal) {
		return hintError{fmt.Errorf("export session %v: %w", s.ID, err), "gatefold replay --text tells what its programs said; --format ndjson has all records"}
	}
	return err
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
