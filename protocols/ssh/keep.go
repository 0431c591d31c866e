package ssh

import (
	"crypto/sha256"
	"fmt"
	"hash"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/protocols"
)

// output keeps what the target shows: whole, or the first bytes of it and of all its length and its SHA-256.
type output struct {
	ch    *channel
	flags record.Flags
	all   *counted // nil: it is kept whole
	left  uint64   // bytes that will yet be kept, where not all are
}

// show is how a stream of p is kept.
func show(ch *channel, p *program, flags record.Flags) *output {
	o := &output{ch: ch, flags: flags}
	if most := ch.r.route.MaxOutput; most > 0 && ch.terminal == nil {
		o.all, o.left = count(ch, p, record.KindOutput), most
		o.all.flags = flags
	}
	return o
}

func (o *output) keep(piece []byte) error {
	if o.all != nil {
		o.all.add(piece)
		piece = piece[:min(uint64(len(piece)), o.left)]
		o.left -= uint64(len(piece))
		if len(piece) == 0 {
			return nil
		}
	}
	return o.ch.r.tell(record.Record{Kind: record.KindOutput, Stream: o.ch.number, Flags: o.flags, Text: piece})
}

// end tells what was left out, if anything was.
func (o *output) end() error {
	if o.all == nil || o.all.n <= o.ch.r.route.MaxOutput {
		return nil
	}
	return o.all.tell(fmt.Sprintf("the first %d bytes are kept", o.ch.r.route.MaxOutput))
}

// script keeps what the client sends, whole: it is what a shell or an interpreter runs, typed without a terminal.
type script struct{ ch *channel }

func (s *script) keep(piece []byte) error {
	return s.ch.input(record.Record{Bytes: uint64(len(piece)), Text: piece})
}

func (s *script) end() error { return nil }

// sealedScript keeps it for an investigator alone.
type sealedScript struct {
	ch   *channel
	seal *seal
}

func (s *sealedScript) keep(piece []byte) error {
	seq, err := s.ch.askInput(record.Record{Bytes: uint64(len(piece))})
	if err != nil {
		return err
	}
	return s.seal.keep(seq, piece)
}

func (s *sealedScript) end() error { return s.seal.flush() }

// counted counts and hashes what passes, as what a transfer moves: the record has a count of each read of input, and at the
// end of each stream its length and its SHA-256.
type counted struct {
	ch    *channel
	of    uint64      // the program's KindExec
	kind  record.Kind // KindInput, KindOutput
	flags record.Flags
	n     uint64
	sum   hash.Hash
}

func count(ch *channel, p *program, kind record.Kind) *counted {
	return &counted{ch: ch, of: p.seq, kind: kind, sum: sha256.New()}
}

func (c *counted) add(piece []byte) {
	c.n += uint64(len(piece))
	c.sum.Write(piece)
}

func (c *counted) keep(piece []byte) error {
	c.add(piece)
	if c.kind == record.KindOutput {
		return nil
	}
	return c.ch.input(record.Record{Bytes: uint64(len(piece))})
}

func (c *counted) end() error {
	if c.n == 0 {
		return nil
	}
	return c.tell("counted, not kept")
}

func (c *counted) tell(message string) error {
	return c.ch.r.tell(record.Record{Kind: c.kind, Stream: c.ch.number, Flags: c.flags, Of: c.of, Bytes: c.n, Hash: c.sum.Sum(nil),
		Message: []byte(message)})
}

// input has input on record for good before it goes on.
func (ch *channel) input(rec record.Record) error {
	rec.Kind, rec.Stream = record.KindInput, ch.number
	_, err := ch.askInput(rec)
	return err
}

// askInput is input of which more will be told: by the number that it returns.
func (ch *channel) askInput(rec record.Record) (uint64, error) {
	rec.Kind, rec.Stream = record.KindInput, ch.number
	answer := ch.r.ask(rec)
	if answer.Verdict != record.VerdictAllow {
		ch.r.end(answer.Refusal)
		return 0, answer.Refusal
	}
	return answer.Seq, nil
}

// carrierOf is what carries the data of p.
func (ch *channel) carrierOf(p *program) carrier {
	if c := ch.carryFiles(p); c != nil {
		return c
	}
	if ch.terminal != nil {
		return ch.watch()
	}
	c := &plain{ch: ch, out: show(ch, p, 0)}
	switch mode := ch.r.route.Input; {
	case mode == protocols.InputNever || !p.interprets():
		c.in = count(ch, p, record.KindInput)
	case mode == protocols.InputSealed:
		c.in = &sealedScript{ch: ch, seal: newSeal(ch)}
	default:
		c.in = &script{ch: ch}
	}
	return c
}
