package storetest

import (
	"time"

	"github.com/gatefold/gatefold/internal/record"
)

// Hosts is a small archive, in two blocks, of sessions with SSH: alice runs commands and moves files, mallory is refused, and
// carol types into a shell, whose screen and lines are told.
func Hosts() []Sealed {
	m := NewMaker()
	var blocks []Sealed
	seal := func() {
		b, raw := m.Seal()
		blocks = append(blocks, Sealed{b, raw})
	}

	alice := m.OpenSSH("alice", "root", "web1")
	run := alice.Exec("sudo systemctl stop nginx > /var/log/stop.log", []string{"exec", "file_write"}, []string{"sudo", "systemctl"}, "/var/log/stop.log")
	alice.Add(record.Record{Kind: record.KindOutput, Stream: 1, Text: []byte("Stopping the okapi service\n")})
	alice.Add(record.Record{Kind: record.KindOutput, Stream: 1, Flags: record.FlagStderr, Text: []byte("Warning: a giraffe was seen\n")})
	alice.Add(record.Record{Kind: record.KindResult, Of: run, Stream: 1, Outcome: record.OutcomeFailed, Code: []byte("3"), Bytes: 57, Took: int64(time.Second)})
	sum := record.Hash{0xca, 0xfe, 31: 2}
	get := alice.File("open-read", "/etc/nginx/nginx.conf", []string{"file_read"}, "/etc/nginx/nginx.conf")
	alice.Add(record.Record{Kind: record.KindResult, Of: get, Stream: 2, Outcome: record.OutcomeDone, Bytes: 2048, Hash: sum[:]})
	move := alice.File("rename", "notes.txt", []string{"file_rename"}, "~/notes.txt", "/srv/notes.txt")
	alice.Add(record.Record{Kind: record.KindResult, Of: move, Stream: 2, Outcome: record.OutcomeFailed, Code: []byte("SSH_FX_PERMISSION_DENIED"), Message: []byte("Permission denied")})
	alice.Close()
	mallory := m.OpenSSH("mallory", "root", "web1")
	no := mallory.Add(record.Record{Kind: record.KindFile, Stream: 1, Verdict: record.VerdictDeny, Rule: "no-shadow", Name: []byte("open-read"),
		Text: []byte("/etc/../etc/sha%64ow"), Actions: []string{"file_read"}, Paths: []string{"/etc/shadow"}})
	mallory.Add(record.Record{Kind: record.KindResult, Of: no, Stream: 1, Outcome: record.OutcomeRefused, Message: []byte("policy refuses file_read")})
	unread := mallory.Add(record.Record{Kind: record.KindExec, Stream: 2, Verdict: record.VerdictDeny, Flags: record.FlagUnread, Rule: "default deny",
		Name: []byte("exec"), Text: []byte("eval $x"), Actions: []string{"exec"}, Programs: []string{"eval"}})
	mallory.Add(record.Record{Kind: record.KindResult, Of: unread, Stream: 2, Outcome: record.OutcomeRefused})
	mallory.Close()
	seal()

	m.Now = m.Now.Add(time.Minute)
	carol := m.OpenSSH("carol", "www", "web2")
	shell := carol.Add(record.Record{Kind: record.KindExec, Stream: 1, Verdict: record.VerdictAllow, Rule: "run", Name: []byte("shell"), Actions: []string{"shell"}})
	carol.Add(record.Record{Kind: record.KindInput, Stream: 1, Bytes: 9})
	carol.Add(record.Record{Kind: record.KindOutput, Stream: 1, Flags: record.FlagTerminal, Text: []byte("f\x1b[1md\x1b[misk -l zebra\r\n")})
	carol.Add(record.Record{Kind: record.KindLine, Stream: 1, Verdict: record.VerdictAllow, Rule: "disks", Text: []byte("fdisk -l zebra"), Actions: []string{"line"}, Programs: []string{"fdisk"}})
	carol.Add(record.Record{Kind: record.KindScreen, Stream: 1, Name: []byte(record.ScreenText), Text: []byte("$ fdisk -l zebra\nDisk zebra: 8 GiB\n")})
	carol.Add(record.Record{Kind: record.KindResult, Of: shell, Stream: 1, Outcome: record.OutcomeDone, Bytes: 40})
	carol.Close()
	seal()
	return blocks
}

// OpenSSH begins a session of SSH.
func (m *Maker) OpenSSH(user, account, target string) *Session {
	s := m.session()
	s.m.Add(s.ID, record.Record{Kind: record.KindOpen, Verdict: record.VerdictAllow, User: user, Account: account, Target: target,
		Protocol: "ssh", Client: "10.0.0.5:51236", App: "SSH-2.0-OpenSSH_9.2p1", Gateway: "gw1", Build: "v0.1.0", Config: "91bc0c0ffee0", Policy: "3f2a0c0ffee0"})
	s.m.Add(s.ID, record.Record{Kind: record.KindJoin, Peer: "10.0.1.9:22", PID: 40700 + uint64(m.sessions), Version: "SSH-2.0-OpenSSH_9.2p1", Credential: "3"})
	return s
}

// Exec runs a command line.
func (s *Session) Exec(line string, actions, programs []string, paths ...string) uint64 {
	return s.Add(record.Record{Kind: record.KindExec, Stream: 1, Verdict: record.VerdictAllow, Rule: "run", Name: []byte("exec"), Text: []byte(line),
		Actions: actions, Programs: programs, Paths: paths})
}

// File does something to a file.
func (s *Session) File(operation, path string, actions []string, paths ...string) uint64 {
	return s.Add(record.Record{Kind: record.KindFile, Stream: 2, Verdict: record.VerdictAllow, Rule: "files", Name: []byte(operation), Text: []byte(path),
		Actions: actions, Paths: paths})
}
