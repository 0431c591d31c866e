package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gatefold/gatefold/internal/config"
	"github.com/gatefold/gatefold/internal/record"
)

// order has the running gateway do something, or does it itself where none runs. It returns what there is to say of it.
func (m *Main) order(ctx context.Context, cfg *config.Config, path string, alone func(*rooms) (string, error)) (string, error) {
	answer, refused, err := ask(ctx, cfg, http.MethodPost, path)
	if err == nil {
		return strings.TrimSpace(string(answer)), refused
	}
	if !notRunning(err) {
		return "", fmt.Errorf("reach the gateway: %w", err)
	}
	quiet := cfg.Log
	quiet.Level = "warn"
	log, err := newLog(m.Stderr, quiet)
	if err != nil {
		return "", usageError{err}
	}
	r, err := openRooms(ctx, m, cfg, log)
	if err != nil {
		return "", err
	}
	said, err := alone(r)
	return said, errors.Join(err, r.close())
}

// deed does something that is to be told of: rec is recorded first, in a session of the gateway's own, and then how it
// ended.
func (r *rooms) deed(gateway, user string, rec record.Record, do func() error) error {
	tape, err := r.recorder.Start(record.NewID(time.Now()))
	if err != nil {
		return err
	}
	open := record.Record{Kind: record.KindOpen, User: user, Protocol: ownProtocol, Gateway: gateway, Build: buildVersion(),
		Verdict: record.VerdictAllow}
	for _, rec := range []record.Record{open, rec} {
		if _, err = tape.Append(rec); err != nil {
			break
		}
	}
	if err == nil {
		err = tape.Sync()
	}
	if err == nil {
		err = do()
	}
	end := record.Record{Outcome: record.OutcomeDone}
	if err != nil {
		end = record.Record{Outcome: record.OutcomeFailed, Message: []byte(err.Error())}
	}
	return errors.Join(err, tape.Close(end))
}
