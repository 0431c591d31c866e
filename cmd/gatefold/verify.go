package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatefold/gatefold/replay"
)

func (m *Main) verifyCmd() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Prove that the record is intact and complete",
		Long: `Prove the record: compute every block's sum and every session's chain again, check that no block and no record is missing,
that each action has its result, and that the directory says the same. Each fault is named with its place.

Exit code 0: the record is intact and complete; 3: it is not.

What it can't know is that the newest blocks and all that the directory says of them were taken away together.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return m.verify(cmd.Context(), dir) },
	}
	return archiveFlag(cmd, &dir)
}

func (m *Main) verify(ctx context.Context, dir string) error {
	src, err := m.openArchive(dir)
	if err != nil {
		return err
	}
	defer src.Close()
	p := m.progress()
	report, err := replay.Verify(ctx, src, func(r *replay.Report) {
		p.say(func() string { return fmt.Sprintf("%s, %s ...", count(r.Blocks, "block"), count(r.Records, "record")) })
	})
	p.done()
	if err != nil {
		return err
	}
	printReport(m.Stdout, report)
	if !report.Intact() || !report.Complete() {
		return errNo
	}
	return nil
}

func printReport(w io.Writer, r *replay.Report) {
	for _, f := range r.Faults {
		word := "damaged"
		if f.Missing {
			word = "missing"
		}
		fmt.Fprintf(w, "%s: %s\n", word, replay.Safe(f.String()))
	}
	if r.More > 0 {
		fmt.Fprintf(w, "... and %s more\n", count(r.More, "fault"))
	}
	fmt.Fprintf(w, "%s, %s, %s (%d still open), %s\n", count(r.Blocks, "block"), count(r.Records, "record"),
		count(r.Sessions, "session"), r.Open, count(r.Actions, "action"))
	if r.Records > 0 {
		fmt.Fprintf(w, "from %s to %s\n", time.Unix(0, r.First).Format(time.DateTime), time.Unix(0, r.Last).Format(time.DateTime))
	}
	redacted := ""
	if r.Redacted > 0 {
		redacted = fmt.Sprintf(", %d redacted", r.Redacted)
	}
	fmt.Fprintf(w, "intact:   %s\n", yes(r.Intact()))
	fmt.Fprintf(w, "complete: %s%s\n", yes(r.Complete()), redacted)
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "NO"
}
