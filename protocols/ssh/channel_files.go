package ssh

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/sftp"
	"github.com/gatefold/gatefold/protocols"
)

// files carries a program that moves files, each of which is asked about and on record: SFTP, and scp's older protocol. It does
// so whatever else the channel has: a terminal in raw mode carries SFTP, too.
type files struct {
	ch     *channel
	driver *sftp.Driver
	name   string // of the protocol
}

// carryFiles is what carries p where it moves files; nil: it doesn't, as far as can be told.
func (ch *channel) carryFiles(p *program) carrier {
	f := &files{ch: ch, name: "sftp"}
	command := sftp.Command{Program: sftp.ProgramSFTP}
	if p.kind == "exec" {
		command = sftp.Recognise(p.text)
	} else if p.kind != "subsystem" || p.text != "sftp" {
		return nil
	}
	var m sftp.Machine
	switch {
	case command.Program == sftp.ProgramSFTP:
		m = sftp.New(sftp.Limits{LinkFirst: linkFirst(string(ch.r.client.ClientVersion()))})
	case command.Program == sftp.ProgramSCP && command.SCP.Untold == "":
		m, f.name = sftp.NewSCP(command.SCP), "scp"
	case command.Program != sftp.ProgramNone: // content that isn't kept
		return &plain{ch: ch, in: count(ch, p, record.KindInput), out: count(ch, p, record.KindOutput)}
	default:
		return nil
	}
	f.driver = sftp.NewDriver(m, f, ch.far, ch.near)
	return f
}

// draftClients are those that put SYMLINK's paths in the draft's order unless the server says that it is OpenSSH.
var draftClients = []string{"AsyncSSH", "libssh_", "ssh2js", "WinSCP"}

func linkFirst(client string) bool {
	for _, name := range draftClients {
		if strings.Contains(client, name) {
			return true
		}
	}
	return false
}

func (f *files) feed(near io.Reader, _ io.Writer) error {
	return f.fault(f.driver.FromClient(near))
}

func (f *files) show(far io.Reader, _ io.Writer) error {
	err := f.driver.FromServer(far)
	if ended := f.driver.End(); err == nil {
		err = ended
	}
	return f.fault(err)
}

// fault is what the client is told where a side broke the protocol; it is on record.
func (f *files) fault(err error) error {
	var broke *sftp.Error
	if !errors.As(err, &broke) {
		return err
	}
	message := f.name + ": " + printable(broke.Error())
	f.ch.notice(f.name, message)
	return &protocols.Error{Class: protocols.ClassBadRequest, Message: message, Cause: err}
}

// Ask implements sftp.Judge.
func (f *files) Ask(r *sftp.Request) (token uint64, refusal string, err error) {
	action := protocols.Action{Record: record.Record{Kind: record.KindFile, Stream: f.ch.number, Name: []byte(r.Op), Text: []byte(r.Path)}}
	action.Record.Params = paramsOf(r)
	if r.Refuse != "" {
		action.Refused = &protocols.Error{Class: protocols.ClassUnsupported, Message: r.Refuse}
	}
	answer := f.ch.r.askAction(action)
	if answer.Verdict == record.VerdictAllow {
		return answer.Seq, "", nil
	}
	err = f.ch.r.tell(record.Record{Kind: record.KindResult, Of: answer.Seq, Stream: f.ch.number, Outcome: record.OutcomeRefused,
		Message: []byte(sentence(answer.Refusal))})
	return 0, "gatefold: " + sentence(answer.Refusal), err
}

// paramsOf are the second path, empty where there is none, and behind it what the client wrote in other words and what else it
// asks.
func paramsOf(r *sftp.Request) []record.Param {
	params := []record.Param{{Value: []byte(r.Path2)}}
	for _, more := range []struct{ name, value string }{{"as=", r.As}, {"second as=", r.As2}, {"", r.Detail}} {
		if more.value != "" {
			params = append(params, record.Param{Value: []byte(more.name + more.value)})
		}
	}
	if len(params) == 1 && r.Path2 == "" {
		return nil
	}
	return params
}

// Tell implements sftp.Judge.
func (f *files) Tell(r sftp.Result) error {
	rec := record.Record{Kind: record.KindResult, Of: r.Token, Stream: f.ch.number, Outcome: record.OutcomeDone,
		Code: []byte(r.Code), Message: []byte(printable(r.Message)), Bytes: r.Read + r.Written, Hash: r.Hash}
	switch {
	case r.Unknown:
		rec.Outcome = record.OutcomeUnknown
	case r.Failed:
		rec.Outcome = record.OutcomeFailed
	}
	if more := transferred(&r); more != "" {
		if len(rec.Message) > 0 {
			rec.Message = append(rec.Message, "; "...)
		}
		rec.Message = append(rec.Message, more...)
	}
	return f.ch.r.tell(rec)
}

// transferred is what is to be told of content beside its count and its hash.
func transferred(r *sftp.Result) string {
	var told []string
	if r.Read > 0 && r.Written > 0 {
		told = append(told, fmt.Sprintf("%d bytes read, %d written", r.Read, r.Written))
	}
	if r.From > 0 {
		told = append(told, fmt.Sprintf("from byte %d", r.From))
	}
	if r.NoHash != "" {
		told = append(told, "no hash: "+r.NoHash)
	}
	return strings.Join(told, "; ")
}
