package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"github.com/gatefold/gatefold/internal/checkpoint"
	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/clickhouse"
	"github.com/gatefold/gatefold/internal/store/local"
	"github.com/gatefold/gatefold/recorder"
	"github.com/gatefold/gatefold/replay"
)

func (m *Main) verifyCmd() *cobra.Command {
	var f verifyFlags
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Prove that the record is intact and complete",
		Long: `Prove the record: compute every block's sum and every session's chain again, check that no block and no record is missing,
that each action has its result, and that the directory says the same; that every session's chain is what the log of
checkpoints says of it, and that the log is the one that was signed. Each fault is named with its place.

What lies beside the record could have been made anew together with it, by root on the gateway. With --checkpoint, a
checkpoint that was kept elsewhere, and --key, the gateway's public key, that shows: nothing from before it can have been
changed or taken away, a tail of the archive neither. No gateway and no configuration is needed then, a copy of the
archive's folder will do.

Exit code 0: the record is intact and complete; 3: it is not.`,
		Example: "  gatefold verify\n  gatefold verify --archive copy/ --checkpoint /mnt/worm/gw1 --key gatefold/gw1+a31f0c52+AcJ...",
		Args:    exactArgs(0),
		RunE:    func(cmd *cobra.Command, _ []string) error { return m.verify(cmd.Context(), f) },
	}
	cmd.Flags().StringArrayVar(&f.checkpoints, "checkpoint", nil, "a file of signed checkpoints, one or many, that was kept elsewhere; can be given again")
	cmd.Flags().StringVar(&f.key, "key", "", "the gateway's public key, as gatefold key prints it, or a file that holds it")
	return storeFlag(cmd, &f.from)
}

type verifyFlags struct {
	from        from
	key         string
	checkpoints []string
}

// publicKey reads the key that the flag names; nil: it names none.
func (f *verifyFlags) publicKey() (note.Verifier, error) {
	switch {
	case f.key == "" && len(f.checkpoints) > 0:
		return nil, usageError{hintError{errors.New("--checkpoint needs --key"), "gatefold key prints it; keep it where the checkpoints are kept"}}
	case f.key == "":
		return nil, nil
	}
	text := f.key
	if b, err := os.ReadFile(f.key); err == nil {
		text = string(b)
	}
	key, err := checkpoint.ParseKey(text)
	if err != nil {
		return nil, usageError{err}
	}
	return key, nil
}

func (m *Main) verify(ctx context.Context, f verifyFlags) error {
	key, err := f.publicKey()
	if err != nil {
		return err
	}
	f.from.own = true // another gateway's log proves what is its
	src, err := m.openSource(ctx, f.from)
	if err != nil {
		return err
	}
	defer src.Close()
	evidence, err := m.openEvidence(ctx, src, f, key)
	if err != nil {
		return err
	}
	p := m.progress()
	report, err := evidence.Verify(ctx, src, func(r *replay.Report) {
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

// openEvidence opens what lies beside the archive here. A follower is held to it as far as it got.
func (m *Main) openEvidence(ctx context.Context, src source, f verifyFlags, key note.Verifier) (e replay.Evidence, err error) {
	dir := f.from.dir
	far, follows := src.(*clickhouse.Store)
	if local, ok := src.(*local.Store); ok {
		dir = local.Dir()
	} else if dir == "" {
		cfg, err := m.loadConfig()
		if err != nil {
			return e, err
		}
		dir = archiveDir(cfg.State)
	}
	if e, err = replay.OpenEvidence(dir, key, f.checkpoints); err != nil || !follows {
		return e, err
	}
	e.Tombstones = slices.DeleteFunc(e.Tombstones, func(t checkpoint.Tombstone) bool {
		return slices.Contains(t.Followers, config.ClickHouseName) // it had that, and has it still
	})
	return e, m.expected(ctx, far, &e, f.from.dir)
}

// expected is, of a follower, up to where ClickHouse must have all: as far as it says itself, and as far as the follower here was told that it took.
func (m *Main) expected(ctx context.Context, far *clickhouse.Store, e *replay.Evidence, archive string) error {
	taken := uint64(0)
	if archive == "" { // else of some copy, which may be from before or after
		cfg, err := m.loadConfig()
		if err != nil {
			return err
		}
		if cfg.ClickHouse.Home {
			return nil // all that the log knows of is there
		}
		if _, taken, err = recorder.Sent(cursorFile(cfg.State)); err != nil {
			return err
		}
	}
	last, err := far.Last(ctx) // behind the other: what is taken meanwhile is no loss
	if err != nil {
		return err
	}
	e.UpTo = last
	if taken > last {
		e.UpTo = taken
		e.Faults = append(e.Faults, record.Fault{Place: "ClickHouse", Missing: true,
			What: fmt.Sprintf("its batches end at position %016x, and it had taken those up to %016x: its newest are gone", last, taken)})
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
	if r.LetGo > 0 {
		fmt.Fprintf(w, "let go:   %s, as clickhouse.keep says\n", count(r.LetGo, "record"))
	}
	redacted := ""
	if r.Redacted > 0 {
		redacted = fmt.Sprintf(", %d redacted", r.Redacted)
	}
	fmt.Fprintf(w, "intact:   %s\n", yes(r.Intact()))
	fmt.Fprintf(w, "complete: %s%s\n", yes(r.Complete()), redacted)
	fmt.Fprintf(w, "signed:   %s\n", signed(r))
}

// signed says what checkpoints prove, and what they don't yet.
func signed(r *replay.Report) string {
	if r.Leaves == 0 {
		return "no: there is no log of checkpoints"
	}
	what := "nothing yet"
	if r.Signed > 0 {
		what = "up to " + time.Unix(0, r.SignedAt).Format("2006-01-02 15:04:05.000")
	}
	if r.Uncovered > 0 {
		what += fmt.Sprintf(", %s not yet covered", count(r.Uncovered, "record"))
	}
	if r.Elsewhere {
		return what + ", by a checkpoint kept elsewhere"
	}
	return what + ", by what lies beside the record"
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "NO"
}
