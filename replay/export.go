package replay

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/gatefold/gatefold/internal/record"
)

// Exported is a record as NDJSON: every field of it, by name, left out where it isn't told. Numbers that may exceed 2^53
// (pid, digest, insert_id) are strings.
type Exported struct {
	Session string    `json:"session"`
	Seq     uint64    `json:"seq"`
	Of      uint64    `json:"of,omitempty"`
	At      time.Time `json:"at"`
	Took    int64     `json:"took,omitempty"` // nanoseconds
	Rows    uint64    `json:"rows,omitempty"`
	Bytes   uint64    `json:"bytes,omitempty"`
	Length  uint64    `json:"length,omitempty"`
	Stream  uint32    `json:"stream,omitempty"`
	Epoch   uint32    `json:"epoch,omitempty"`
	Kind    string    `json:"kind"`
	Verdict string    `json:"verdict,omitempty"`
	Outcome string    `json:"outcome,omitempty"`
	Flags   []string  `json:"flags,omitempty"`
	Code    *Value    `json:"code,omitempty"`

	InsertID uint64 `json:"insert_id,omitempty,string"`
	Warnings uint64 `json:"warnings,omitempty"`

	Text    *Value   `json:"text,omitempty"`
	Params  []Param  `json:"params,omitempty"`
	Name    *Value   `json:"name,omitempty"`
	Portal  *Value   `json:"portal,omitempty"`
	Message *Value   `json:"message,omitempty"`
	Hash    string   `json:"hash,omitempty"`   // hex
	Digest  string   `json:"digest,omitempty"` // hex
	Rule    string   `json:"rule,omitempty"`
	Actions []string `json:"actions,omitempty"`
	Tables  []string `json:"tables,omitempty"`
	Columns []string `json:"columns,omitempty"`

	Programs []string `json:"programs,omitempty"`
	Paths    []string `json:"paths,omitempty"`

	User       string `json:"user,omitempty"`
	Account    string `json:"account,omitempty"`
	Target     string `json:"target,omitempty"`
	Database   string `json:"database,omitempty"`
	Protocol   string `json:"protocol,omitempty"`
	Client     string `json:"client,omitempty"`
	App        string `json:"app,omitempty"`
	TLS        string `json:"tls,omitempty"`
	Gateway    string `json:"gateway,omitempty"`
	Build      string `json:"build,omitempty"`
	Config     string `json:"config,omitempty"`
	Policy     string `json:"policy,omitempty"`
	Credential string `json:"credential,omitempty"`
	Peer       string `json:"peer,omitempty"`
	PID        uint64 `json:"pid,omitempty,string"`
	Version    string `json:"version,omitempty"`
	Parent     string `json:"parent,omitempty"`

	Erased string `json:"erased,omitempty"` // hex: the commitment to a payload that was erased, which is all that is left of it
}

// Value is bytes: a JSON string where they are valid UTF-8, else {"base64": "..."}.
type Value []byte

// MarshalJSON keeps every byte. No bytes are an empty string.
func (v Value) MarshalJSON() ([]byte, error) {
	var out any = struct {
		Base64 []byte `json:"base64"`
	}{v}
	if utf8.Valid(v) {
		out = string(v)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // statements are full of < and >
	err := enc.Encode(out)
	return b.Bytes(), err
}

// Param is a parameter as NDJSON. Shown is a binary value as a person reads it, for convenience: Value is what was sent.
type Param struct {
	Type   uint32 `json:"type,omitempty"`
	Format string `json:"format"` // text, binary, mysql: a value of MySQL's binary protocol
	Null   bool   `json:"null,omitempty"`
	Value  *Value `json:"value,omitempty"`
	Shown  string `json:"shown,omitempty"`
}

// optional is nil where there are no bytes.
func optional(b []byte) *Value {
	if len(b) == 0 {
		return nil
	}
	return (*Value)(&b)
}

// newExported makes r ready for NDJSON. It borrows what r borrows.
func newExported(r *record.Record) Exported {
	l := Exported{
		Session: r.Session.String(), Seq: r.Seq, Of: r.Of, At: time.Unix(0, r.At).UTC(), Took: r.Took, Rows: r.Rows,
		Bytes: r.Bytes, Length: r.Length, Stream: r.Stream, Epoch: r.Epoch, Kind: r.Kind.String(),
		Flags: flagWords(r.Flags), Code: optional(r.Code), InsertID: r.InsertID, Warnings: r.Warnings,

		Text: optional(r.Text), Params: params(r.Kind, r.Params), Name: optional(r.Name), Portal: optional(r.Portal), Message: optional(r.Message),
		Hash: hex.EncodeToString(r.Hash), Digest: hexDigest(r.Digest), Rule: r.Rule, Actions: r.Actions, Tables: r.Tables,
		Columns: r.Columns, Programs: r.Programs, Paths: r.Paths,

		User: r.User, Account: r.Account, Target: r.Target, Database: r.Database, Protocol: r.Protocol, Client: r.Client,
		App: r.App, TLS: r.TLS, Gateway: r.Gateway, Build: r.Build, Config: r.Config, Policy: r.Policy,
		Credential: r.Credential, Peer: r.Peer, PID: r.PID, Version: r.Version,

		Erased: hex.EncodeToString(r.Erased),
	}
	if r.Verdict != record.VerdictNone {
		l.Verdict = r.Verdict.String()
	}
	if r.Outcome != record.OutcomeNone {
		l.Outcome = r.Outcome.String()
	}
	if !r.Parent.IsZero() {
		l.Parent = r.Parent.String()
	}
	return l
}

// params makes parameters ready for NDJSON, which a record of this kind has.
func params(kind record.Kind, list []record.Param) []Param {
	var all []Param
	for i := range list {
		p := &list[i]
		out := Param{Type: p.Type, Format: "text", Null: p.Null}
		if !p.Null && (len(p.Value) > 0 || kind != record.KindParse) { // a Parse only tells types
			out.Value = (*Value)(&p.Value)
		}
		if p.Format != record.FormatText {
			out.Format = "binary"
			if p.Format == record.FormatMySQL {
				out.Format = "mysql"
			}
			out.Shown = string(p.AppendText(nil))
		}
		all = append(all, out)
	}
	return all
}

// Export writes the records of these sessions, or of all where none is named, one line each, in the order of the blocks;
// values that were split stay in their pieces. The first thing that can't be read ends it: an export is whole or says
// that it isn't.
func Export(ctx context.Context, w io.Writer, src Source, sessions []record.ID) error {
	buf := bufio.NewWriter(w)
	out := NDJSON(buf)
	for b, err := range src.Blocks(ctx, record.Narrow{Sessions: sessions, Oldest: true}) {
		if err != nil {
			return err
		}
		for r, err := range records(b, record.ID{}) {
			if err != nil {
				return err
			}
			if len(sessions) > 0 && !slices.Contains(sessions, r.Session) {
				continue
			}
			if err := out.Encode(newExported(r)); err != nil {
				return err
			}
		}
	}
	return buf.Flush()
}

// ExportHits writes each hit's records, one line each: the record, its statement, parameters and result.
func ExportHits(ctx context.Context, w io.Writer, src Source, q *Query) error {
	buf := bufio.NewWriter(w)
	out := NDJSON(buf)
	for h, err := range Search(ctx, src, q) {
		if err != nil {
			return err
		}
		for _, r := range append(h.behind(), &h.Record, h.Result) {
			if r == nil {
				continue
			}
			if err := out.Encode(newExported(r)); err != nil {
				return err
			}
		}
	}
	return buf.Flush()
}

// NDJSON makes an encoder of lines that a terminal may be shown. w is given whole lines.
func NDJSON(w io.Writer) *json.Encoder {
	out := json.NewEncoder(escaping{w})
	out.SetEscapeHTML(false) // statements are full of < and >
	return out
}

// escaping writes JSON with what a terminal might obey (C1 controls, DEL, changes of direction) as \u escapes: the same
// values to a program. It is given whole lines.
type escaping struct{ w io.Writer }

func (e escaping) Write(p []byte) (int, error) {
	if !bytes.ContainsFunc(p, commands) {
		return e.w.Write(p)
	}
	var line []byte
	for _, r := range string(p) {
		switch {
		case !commands(r):
			line = utf8.AppendRune(line, r)
		case r < 0x10000:
			line = fmt.Appendf(line, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			line = fmt.Appendf(line, `\u%04x\u%04x`, high, low)
		}
	}
	_, err := e.w.Write(line)
	return len(p), err
}

// commands is unprintable of what may stand in JSON as it is.
func commands(r rune) bool { return r != '\n' && r != utf8.RuneError && unprintable(r) }
