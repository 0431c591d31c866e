package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/recorder"
	"github.com/gatefold/gatefold/replay"
)

func (m *Main) redactCmd() *cobra.Command {
	q := redaction{}
	cmd := &cobra.Command{
		Use:   "redact SESSION SEQ --reason TEXT",
		Short: "Erase what a record says: a pasted password, a person's right",
		Long: `Erase the payload of a record for good: its text, parameters, messages and names. When it was, of what kind, how it was
decided and how long it took stay, as does a commitment in its place, so that all else still verifies: "complete, 1
redacted". That it was erased, by whom and why is recorded first. A value that was split over records is erased whole.

What the target answered may repeat it: an error message quotes the statement. --with-result erases that as well.

The archive's blocks and directory don't hold it any more, nor what it could be proved or guessed with; the journal begins
another file, and the old one goes when all in it is in the archive. What this verb can't reach: copies and backups of the
archive; blocks of the disk that the file system has freed; and what was exported.`,
		Example: `  gatefold redact 01a207aa 6 --reason "a password was pasted, ticket 4711" --with-result`,
		Args:    exactArgs(2),
		RunE:    func(cmd *cobra.Command, args []string) error { return m.redact(cmd.Context(), args[0], args[1], q) },
	}
	cmd.Flags().StringVar(&q.Reason, "reason", "", "why: it is recorded, so don't repeat what is to be erased")
	cmd.Flags().BoolVar(&q.WithResult, "with-result", false, "erase the payload of the record's result too")
	return cmd
}

// redaction is an order to erase.
type redaction struct {
	Session    record.ID
	Seq        uint64
	WithResult bool
	Reason     string
	User       string // who orders it
}

func (m *Main) redact(ctx context.Context, session, seq string, q redaction) error {
	if q.Reason = strings.TrimSpace(q.Reason); q.Reason == "" {
		return usageError{errors.New("--reason: say why, it is recorded")}
	}
	var err error
	if q.Seq, err = strconv.ParseUint(strings.TrimPrefix(seq, "#"), 10, 64); err != nil {
		return usageError{hintError{fmt.Errorf("%q is no record's number", seq), "gatefold search and replay show it: #6 is 6"}}
	}
	cfg, err := m.loadConfig()
	if err != nil {
		return err
	}
	if q.Session, err = m.sessionID(ctx, session); err != nil {
		return err
	}
	q.User = whoAmI()
	erased, err := m.order(ctx, cfg, "/redact?"+q.encode(), func(r *rooms) (string, error) {
		seqs, err := r.redact(ctx, cfg.Gateway, q)
		return numbers(seqs), err
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(m.Stdout, "erased what %s of session %v says: %s\n", count(len(strings.Fields(erased)), "record"), q.Session, erased)
	return err
}

func (m *Main) sessionID(ctx context.Context, prefix string) (record.ID, error) {
	src, err := m.openSource(ctx, from{own: true})
	if err != nil {
		return record.ID{}, err
	}
	defer src.Close()
	s, err := findSession(ctx, src, prefix)
	return s.ID, err
}

// whoAmI is the person at the terminal, as far as the machine knows.
func whoAmI() string {
	if u, err := user.Current(); err == nil {
		return cmp.Or(u.Username, u.Uid)
	}
	return "unknown"
}

func (q *redaction) encode() string {
	return url.Values{"session": {q.Session.String()}, "seq": {strconv.FormatUint(q.Seq, 10)}, "reason": {q.Reason},
		"user": {q.User}, "with-result": {strconv.FormatBool(q.WithResult)}}.Encode()
}

func decodeRedaction(v url.Values) (q redaction, err error) {
	var errs [3]error
	q.Session, errs[0] = record.ParseID(v.Get("session"))
	q.Seq, errs[1] = strconv.ParseUint(v.Get("seq"), 10, 64)
	q.WithResult, errs[2] = strconv.ParseBool(v.Get("with-result"))
	q.Reason, q.User = v.Get("reason"), v.Get("user")
	if q.Reason == "" || q.User == "" {
		return q, errors.New("a redaction needs a reason and who orders it")
	}
	return q, errors.Join(errs[:]...)
}

// redact serves the verb beside a running gateway.
func (s *server) redact(w http.ResponseWriter, r *http.Request) {
	q, err := decodeRedaction(r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	seqs, err := s.rooms.redact(r.Context(), s.cfg.Load().Gateway, q)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	s.log.Warn("payloads were erased", "session", q.Session, "records", numbers(seqs), "by", q.User, "reason", q.Reason)
	fmt.Fprintln(w, numbers(seqs))
}

func numbers(seqs []uint64) string {
	words := make([]string, len(seqs))
	for i, seq := range seqs {
		words[i] = "#" + strconv.FormatUint(seq, 10)
	}
	return strings.Join(words, " ")
}

// How long an order waits for a record that is in the journal to get into the archive: here, or in ClickHouse.
const (
	sealWait = 5 * time.Second
	farWait  = 30 * time.Second
)

// redact erases: what is to be erased is found, that it is going to be is recorded and in the archive, and then the archive
// erases it. It is one session of the gateway's own.
func (r *rooms) redact(ctx context.Context, gateway string, q redaction) ([]uint64, error) {
	seqs, err := r.toErase(ctx, q)
	if err != nil {
		return nil, err
	}
	id, tape, err := r.tellErasing(gateway, q, seqs)
	if err != nil {
		return nil, err
	}
	end := record.Record{Outcome: record.OutcomeDone}
	told, err := r.sealed(ctx, id, uint64(len(seqs)))
	if err == nil && told.Last < uint64(len(seqs)) {
		err = errors.New("that it is to be erased is not in the archive yet: nothing was erased")
	}
	begun := false
	if err == nil {
		var left record.Secret
		left, err = r.evidence.home.Redact(ctx, q.Session, seqs)
		begun = left != ""
	}
	if err == nil {
		err = noRoll(r.recorder.Roll())
	}
	if err != nil {
		if end = (record.Record{Outcome: record.OutcomeFailed, Message: []byte(err.Error())}); begun {
			end.Outcome = record.OutcomeUnknown // it will be finished, and whoever follows is not to take it for refused
		}
	}
	return seqs, errors.Join(err, tape.Close(end))
}

// tellErasing records, in a session of the gateway's own, what is to be erased.
func (r *rooms) tellErasing(gateway string, q redaction, seqs []uint64) (id record.ID, tape *recorder.Tape, err error) {
	id = record.NewID(time.Now())
	if tape, err = r.recorder.Start(id); err != nil {
		return id, nil, err
	}
	records := []record.Record{{Kind: record.KindOpen, User: q.User, Protocol: ownProtocol, Gateway: gateway, Build: buildVersion(),
		Verdict: record.VerdictAllow}}
	for _, seq := range seqs {
		records = append(records, record.Record{Kind: record.KindRedact, Parent: q.Session, Of: seq, Message: []byte(q.Reason)})
	}
	for _, rec := range records {
		if _, err := tape.Append(rec); err != nil {
			return id, nil, errors.Join(err, tape.Close(record.Record{Outcome: record.OutcomeFailed}))
		}
	}
	return id, tape, nil
}

// tellFinished records that payloads were erased on opening the archive, which an earlier run had begun to: it may have told that
// it failed, and a follower erases by what it is told.
func (r *rooms) tellFinished(gateway string) error {
	if r.archive == nil || r.archive.Finished == nil {
		return nil
	}
	f := r.archive.Finished
	q := redaction{Session: f.Session, User: ownProtocol, Reason: "erasing that was begun before the gateway stopped is finished"}
	_, tape, err := r.tellErasing(gateway, q, f.Seqs)
	if err == nil {
		err = tape.Close(record.Record{Outcome: record.OutcomeDone})
	}
	if err == nil {
		err = r.archive.Told()
	}
	if err != nil {
		return fmt.Errorf("record that payloads of session %v were erased: %w", f.Session, err)
	}
	return nil
}

// noRoll says what it means that the journal could not begin another file.
func noRoll(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("it is erased from the archive, and still in the journal's file in use until that is full: %w", err)
}

// ownProtocol is that of the gateway's own sessions, such as those that tell of erasing.
const ownProtocol = "gatefold"

// sealed waits until a session's record is in the archive, if it gets there, and returns the session's line.
func (r *rooms) sealed(ctx context.Context, id record.ID, seq uint64) (record.Session, error) {
	wait := sealWait
	if r.archive == nil {
		wait = farWait
	}
	for until := time.Now().Add(wait); ; {
		line, ok, err := r.record.Session(ctx, id)
		if err != nil || ok && (line.Last >= seq || line.Closed != 0) || time.Now().After(until) {
			return line, err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return line, ctx.Err()
		}
	}
}

// toErase finds the records that an order means, waiting for one that isn't sealed yet.
func (r *rooms) toErase(ctx context.Context, q redaction) ([]uint64, error) {
	line, err := r.sealed(ctx, q.Session, q.Seq)
	switch {
	case err != nil:
		return nil, err
	case line.ID.IsZero():
		return nil, fmt.Errorf("the archive has no session %v", q.Session)
	case line.Last < q.Seq:
		return nil, fmt.Errorf("session %v has no record #%d in the archive; its last is #%d", q.Session, q.Seq, line.Last)
	case line.Protocol == ownProtocol:
		return nil, errors.New("what tells of erasing is not erased itself")
	}
	return replay.Parts(ctx, r.record, q.Session, q.Seq, q.WithResult)
}
