package recorder

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/gatefold/gatefold/internal/checkpoint"
	"github.com/gatefold/gatefold/internal/record"
)

// The vectors are what another program that reads this format is tried on: a session with a record of every kind, its
// chain, the block, a payload erased in it, the leaf, the tree, a checkpoint and a tombstone. FORMAT.md tells how they are
// made. They may never change; GOLDEN=1 writes them anew, and then the difference must be additions only.
const vectorsFile = "testdata/vectors.json"

type vectors struct {
	Session string        `json:"session"`
	Secret  string        `json:"secret"` // hex
	Start   string        `json:"start"`
	Records []vector      `json:"records"`
	MySQL   []vector      `json:"mysql"`  // another session's, with what only MySQL's records have; in no block
	SSH     []vector      `json:"ssh"`    // and one of a terminal
	Files   []vector      `json:"files"`  // and one of commands and files, whose payloads have version 2
	Old     string        `json:"block"`  // hex; of version 2, which is only read now
	Block   string        `json:"block3"` // hex; the zstd data may be packed otherwise by another
	Erased  erasedVector  `json:"erased"`
	Leaf    leafVector    `json:"leaf"`
	Roots   []string      `json:"roots"` // of trees of 1, 2, ... leaves, each this leaf
	Notes   notesVector   `json:"notes"`
	Entry   []entryVector `json:"journal"`
}

type vector struct {
	Kind       string         `json:"kind"`
	Fields     map[string]any `json:"fields"` // bytes that are no UTF-8 as {"base64": ...}
	Envelope   string         `json:"envelope"`
	Payload    string         `json:"payload"`
	Salt       string         `json:"salt"`
	Commitment string         `json:"commitment"`
	Chain      string         `json:"chain"`
}

type erasedVector struct {
	Seq     uint64 `json:"seq"`
	Secret  string `json:"secret"` // what is left of it
	Payload string `json:"payload"`
}

type leafVector struct {
	Bytes string `json:"bytes"`
	Hash  string `json:"hash"`
}

type notesVector struct {
	Key        string `json:"key"`
	Checkpoint string `json:"checkpoint"`
	Tombstone  string `json:"tombstone"`
}

type entryVector struct {
	Type  int    `json:"type"`
	Bytes string `json:"bytes"`
}

// everyKind is a session with a record of each kind that there was when the format was frozen.
func everyKind() []record.Record {
	b := func(s string) []byte { return []byte(s) }
	list := []record.Record{
		{Kind: record.KindOpen, Verdict: record.VerdictAllow, Epoch: 3, User: "alice", Account: "app", Target: "orders", Database: "shop",
			Protocol: "postgres", Client: "10.0.0.5:51234", App: "psql", TLS: "TLS1.3 TLS_AES_128_GCM_SHA256", Gateway: "gw1",
			Build: "v0.1.0", Config: "91bc", Policy: "3f2a", Parent: record.ID{0xff, 6: 0x70}},
		{Kind: record.KindJoin, Peer: "10.0.1.7:5432", PID: 4711, Version: "15.8", TLS: "TLS1.3", Credential: "3"},
		{Kind: record.KindQuery, Verdict: record.VerdictAllow, Epoch: 3, Rule: "staff", Text: b("SELECT 'ä', x FROM t"), Digest: 0x50fde20626009aba,
			Actions: []string{"select"}, Tables: []string{"t"}, Columns: []string{"x"}},
		{Kind: record.KindResult, Of: 2, Outcome: record.OutcomeDone, Took: 1200000, Rows: 1, Bytes: 20, Text: b("SELECT 1")},
		{Kind: record.KindParse, Verdict: record.VerdictAllow, Name: b("s1"), Text: b("INSERT INTO t VALUES ($1, $2)"),
			Params: []record.Param{{Type: 23}, {Type: 25}}, Actions: []string{"insert"}, Tables: []string{"t"}},
		{Kind: record.KindBind, Of: 4, Name: b("s1"), Portal: b("p1"), Flags: record.FlagMore, Length: 10,
			Params: []record.Param{{Type: 23, Format: 1, Value: []byte{0, 0, 0x12, 0x67}}, {Type: 25, Null: true}, {Value: []byte{}}, {Value: b("hello")}}},
		{Kind: record.KindData, Of: 5, Bytes: 5, Text: b("world")},
		{Kind: record.KindExecute, Of: 5, Portal: b("p1"), Verdict: record.VerdictDeny, Rule: "no-writes", Epoch: 3},
		{Kind: record.KindResult, Of: 7, Outcome: record.OutcomeRefused, Code: b("42501"), Message: b("the policy refuses insert on t")},
		{Kind: record.KindCall, Verdict: record.VerdictAllow, Text: b("1598"), Params: []record.Param{{Format: 1, Value: []byte{0xff, 0xfe}}}},
		{Kind: record.KindNotice, Of: 9, Code: b("01000"), Message: b("beware"), Name: b("channel"), PID: 12},
		{Kind: record.KindState, Name: b("TimeZone"), Text: b("UTC")},
		{Kind: record.KindCancel, Of: 9},
		{Kind: record.KindResult, Of: 12, Outcome: record.OutcomeDone},
		{Kind: record.KindResult, Of: 9, Outcome: record.OutcomeCancelled, Took: 5, Hash: bytes.Repeat([]byte{0xab}, 32), Bytes: 1 << 40},
		// MySQL: a command without a statement.
		{Kind: record.KindCommand, Verdict: record.VerdictAllow, Name: b("COM_INIT_DB"), Text: b("shop")},
		{Kind: record.KindResult, Of: 15, Outcome: record.OutcomeFailed, Code: b("42000"), Message: b("1049 Unknown database 'shop'")},
		// SSH.
		{Kind: record.KindExec, Stream: 1, Name: b("exec"), Text: b("uname -a"), Verdict: record.VerdictAllow},
		{Kind: record.KindInput, Stream: 1, Text: []byte{0x03}},
		{Kind: record.KindOutput, Stream: 1, Flags: record.FlagStderr, Text: b("Linux\r\n")},
		{Kind: record.KindResize, Stream: 1, Rows: 50, Bytes: 132},
		{Kind: record.KindSignal, Stream: 1, Name: b("INT")},
		{Kind: record.KindResult, Of: 17, Stream: 1, Outcome: record.OutcomeDone, Code: b("130")},
		{Kind: record.KindFile, Stream: 2, Name: b("rename"), Text: b("/tmp/a"), Params: []record.Param{{Value: b("/tmp/b")}}, Verdict: record.VerdictAllow},
		{Kind: record.KindForward, Stream: 3, Name: b("direct-tcpip"), Text: b("db:5432"), Verdict: record.VerdictDeny, Rule: "no-tunnels"},
		{Kind: record.KindGap, Rows: 7, Message: b("the journal had no room")},
		{Kind: record.KindRedact, Parent: record.ID{0xee, 6: 0x70}, Of: 6, Message: b("ticket 4711")},
		{Kind: record.KindClose, Outcome: record.OutcomeDone, Took: 60e9, Rows: 8, Bytes: 20},
	}
	for i := range list {
		list[i].Session, list[i].Seq, list[i].At = record.ID{0x01, 0x93, 6: 0x70, 8: 0x80, 15: 1}, uint64(i), 1795420800000000000+int64(i)
	}
	return list
}

// mysqlSession is a session with what came with MySQL: the fields of envelope version 2, values in its binary protocol, long
// data, and results without a command tag.
func mysqlSession() []record.Record {
	b := func(s string) []byte { return []byte(s) }
	param := func(typ uint32, value string) record.Param {
		return record.Param{Type: typ, Format: 2, Value: b(value)}
	}
	list := []record.Record{
		{Kind: record.KindOpen, Verdict: record.VerdictAllow, Epoch: 3, User: "alice", Account: "app", Target: "wares", Database: "shop",
			Protocol: "mysql", Client: "10.0.0.5:51234", App: "mysql"},
		{Kind: record.KindJoin, Peer: "10.0.1.7:3306", PID: 4711, Version: "10.11.19-MariaDB", Credential: "3"},
		{Kind: record.KindParse, Verdict: record.VerdictAllow, Name: b("1"), Text: b("INSERT INTO t VALUES (?, ?, ?, ?)"),
			Actions: []string{"insert"}, Tables: []string{"shop.t"}},
		{Kind: record.KindBind, Of: 2, Name: b("1"), Portal: b("2"), Flags: record.FlagMore, Params: []record.Param{param(0xfc, "hel")}}, // long data of the third
		{Kind: record.KindData, Of: 3, Bytes: 3, Text: b("lo")},
		{Kind: record.KindExecute, Of: 3, Name: b("1"), Verdict: record.VerdictAllow, Epoch: 3, Params: []record.Param{
			param(0x8003, "\xff\xff\xff\xff"), param(0x0c, "\xea\x07\x0b\x17\x08\x00\x00"), {Type: 0x06, Format: 2, Null: true}, param(0xfc, "")}},
		{Kind: record.KindResult, Of: 5, Outcome: record.OutcomeDone, Rows: 1, InsertID: 1<<63 + 1, Warnings: 3},
		{Kind: record.KindQuery, Verdict: record.VerdictAllow, Text: b("UPDATE t SET a = 1; SELECT 1")},
		{Kind: record.KindResult, Of: 7, Flags: record.FlagSimple, Outcome: record.OutcomeDone, Rows: 1, Warnings: 1,
			Text: b("Rows matched: 1  Changed: 1  Warnings: 1")},
		{Kind: record.KindResult, Of: 7, Outcome: record.OutcomeDone, Rows: 2, Bytes: 2, Warnings: 1},
		{Kind: record.KindCommand, Verdict: record.VerdictAllow, Name: b("init_db"), Text: b("shop")},
		{Kind: record.KindResult, Of: 10, Outcome: record.OutcomeDone},
		{Kind: record.KindClose, Outcome: record.OutcomeDone, Took: 60e9, Rows: 3},
	}
	for i := range list {
		list[i].Session, list[i].Seq, list[i].At = record.ID{0x01, 0x93, 6: 0x70, 8: 0x80, 15: 2}, uint64(i), 1795420800000000000+int64(i)
	}
	return list
}

// sshSession is a terminal's: keystrokes as count and as what was echoed, the command line, the screen.
func sshSession() []record.Record {
	b := func(s string) []byte { return []byte(s) }
	list := []record.Record{
		{Kind: record.KindOpen, Verdict: record.VerdictAllow, Epoch: 3, User: "alice", Account: "root", Target: "web1", Protocol: "ssh",
			Client: "10.0.0.5:51234", App: "SSH-2.0-OpenSSH_9.2p1"},
		{Kind: record.KindJoin, Peer: "10.0.1.7:22", PID: 40112, Version: "SSH-2.0-OpenSSH_9.2p1", Credential: "3"},
		{Kind: record.KindResize, Stream: 1, Name: b("xterm-256color"), Rows: 24, Bytes: 80},
		{Kind: record.KindExec, Stream: 1, Name: b("shell"), Verdict: record.VerdictAllow},
		{Kind: record.KindInput, Stream: 1, Bytes: 3},
		{Kind: record.KindOutput, Stream: 1, Text: b("ls")},
		{Kind: record.KindInput, Stream: 1, Of: 4, Text: b("ls")},
		{Kind: record.KindLine, Stream: 1, Text: b("ls"), Verdict: record.VerdictAllow, Rule: "watch-all"},
		{Kind: record.KindScreen, Stream: 1, Name: b(record.ScreenText), Text: b("$ ls\nnotes.txt\n")},
		{Kind: record.KindScreen, Stream: 1, Name: b(record.ScreenFrame), Text: b("\x1b[H\x1b[2J$ ls\r\nnotes.txt\r\n")},
		{Kind: record.KindResult, Of: 3, Stream: 1, Outcome: record.OutcomeDone, Code: b("0")},
		{Kind: record.KindClose, Outcome: record.OutcomeDone, Took: 60e9, Rows: 1},
	}
	for i := range list {
		list[i].Session, list[i].Seq, list[i].At = record.ID{0x01, 0x93, 6: 0x70, 8: 0x80, 15: 3}, uint64(i), 1795420800000000000+int64(i)
	}
	return list
}

// filesSession is one of commands and files: what they run and touch is in their payload.
func filesSession() []record.Record {
	b := func(s string) []byte { return []byte(s) }
	list := []record.Record{
		{Kind: record.KindOpen, Verdict: record.VerdictAllow, Epoch: 3, User: "alice", Account: "root", Target: "web1", Protocol: "ssh",
			Client: "10.0.0.5:51234", App: "SSH-2.0-OpenSSH_9.2p1"},
		{Kind: record.KindExec, Stream: 1, Name: b("exec"), Text: b("sudo /bin/ls -l > /tmp/a"), Verdict: record.VerdictAllow, Rule: "run, files",
			Actions: []string{"exec", "file_write"}, Programs: []string{"/bin/ls", "ls", "sudo"}, Paths: []string{"/tmp/a"}},
		{Kind: record.KindOutput, Stream: 1, Flags: record.FlagTerminal, Text: b("done\r\n")},
		{Kind: record.KindResult, Of: 1, Stream: 1, Outcome: record.OutcomeFailed, Code: b("SIGTERM")},
		{Kind: record.KindFile, Stream: 2, Name: b("rename"), Text: b("/srv/./a"), Params: []record.Param{{Value: b("b")}}, Verdict: record.VerdictDeny,
			Rule: "no-renames", Actions: []string{"file_rename"}, Paths: []string{"/srv/a", "~/b"}},
		{Kind: record.KindResult, Of: 4, Stream: 2, Outcome: record.OutcomeRefused, Rule: "no-renames"},
		{Kind: record.KindLine, Stream: 3, Text: b("fdisk -l"), Verdict: record.VerdictAllow, Rule: "disks", Actions: []string{"line"}, Programs: []string{"fdisk"}},
		{Kind: record.KindClose, Outcome: record.OutcomeDone, Took: 60e9, Rows: 2},
	}
	for i := range list {
		list[i].Session, list[i].Seq, list[i].At = record.ID{0x01, 0x93, 6: 0x70, 8: 0x80, 15: 4}, uint64(i), 1795420800000000000+int64(i)
	}
	return list
}

func makeVectors(t *testing.T) vectors {
	t.Helper()
	records := everyKind()
	secret := record.NewSecret([16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
	start := record.Start(records[0].Session)
	v := vectors{Session: records[0].Session.String(), Secret: hex.EncodeToString([]byte(secret)), Start: hex.EncodeToString(start[:])}
	b := &record.Block{Pos: 4096, First: records[0].At, Last: records[len(records)-1].At, Count: len(records)}
	span := record.Span{Session: records[0].Session, Last: uint64(len(records) - 1), Before: start, After: start, Secret: secret}
	var raw []byte
	var words record.WordSet
	for i := range records {
		r := &records[i]
		one := newVector(r, secret, &span.After)
		v.Records = append(v.Records, one)
		b.Kinds |= 1 << r.Kind
		words.AddRecord(r)
		raw = record.AppendRecord(raw, r)
	}
	b.End, b.Raw, b.Data, b.Words, b.Spans = 8192, len(raw), record.Pack(nil, raw), words.Filter(), []record.Span{span}
	v.Block = hex.EncodeToString(b.AppendTo(nil))
	v.MySQL, v.SSH, v.Files = newVectors(mysqlSession(), secret), newVectors(sshSession(), secret), newVectors(filesSession(), secret)
	v.Erased = erasedOf(t, &records[2], secret)
	v.addLog(t, b)
	v.Entry = []entryVector{
		{entryRecord, hex.EncodeToString(record.AppendRecord([]byte{entryRecord}, &records[1]))},
		{entryFirst, hex.EncodeToString(record.AppendRecord(append([]byte{entryFirst}, secret...), &records[0]))},
	}
	return v
}

func newVectors(session []record.Record, secret record.Secret) (list []vector) {
	chain := record.Start(session[0].Session)
	for i := range session {
		list = append(list, newVector(&session[i], secret, &chain))
	}
	return list
}

func newVector(r *record.Record, secret record.Secret, chain *record.Hash) vector {
	env, payload := r.AppendEnvelope(nil), r.AppendPayload(nil)
	salt, _ := secret.Salts().Salt(r.Seq)
	commitment := record.Commit(salt, payload)
	*chain = record.Link(*chain, env, commitment)
	return vector{Kind: r.Kind.String(), Fields: fieldsOf(r), Envelope: hex.EncodeToString(env), Payload: hex.EncodeToString(payload),
		Salt: hex.EncodeToString(salt[:]), Commitment: hex.EncodeToString(commitment[:]), Chain: hex.EncodeToString(chain[:])}
}

// fieldsOf are the fields that a record sets, as JSON.
func fieldsOf(r *record.Record) map[string]any {
	all := map[string]any{}
	for _, f := range record.Fields {
		v := reflect.ValueOf(r).Elem().FieldByName(f.Name)
		if v.IsZero() {
			continue
		}
		switch x := v.Interface().(type) {
		case record.ID:
			all[f.Name] = x.String()
		case []byte:
			all[f.Name] = text(x)
		case []record.Param:
			var list []any
			for _, p := range x {
				one := map[string]any{"type": p.Type, "format": p.Format}
				if !p.Null {
					one["value"] = text(p.Value)
				}
				list = append(list, one)
			}
			all[f.Name] = list
		default:
			all[f.Name] = x
		}
	}
	return all
}

func text(b []byte) any {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return map[string]string{"base64": base64.StdEncoding.EncodeToString(b)}
		}
	}
	return string(b)
}

func erasedOf(t *testing.T, r *record.Record, secret record.Secret) erasedVector {
	t.Helper()
	left, err := secret.Puncture(r.Seq)
	if err != nil {
		t.Fatal(err)
	}
	salt, _ := secret.Salts().Salt(r.Seq)
	return erasedVector{r.Seq, hex.EncodeToString([]byte(left)),
		hex.EncodeToString(record.AppendErased(nil, record.Commit(salt, r.AppendPayload(nil))))}
}

// The key of the vectors is public: it signs nothing else.
const vectorKey = "PRIVATE+KEY+gatefold/gw1+c0473c9f+AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n" +
	"gatefold/gw1+c0473c9f+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4\n"

func (v *vectors) addLog(t *testing.T, b *record.Block) {
	t.Helper()
	leaf := checkpoint.LeafOf(b)
	raw := leaf.AppendTo(nil)
	hash := tlog.RecordHash(raw)
	v.Leaf = leafVector{hex.EncodeToString(raw), hex.EncodeToString(hash[:])}
	var tree checkpoint.Tree
	for range 7 {
		tree.Add(nil, hash)
		root := tree.Root()
		v.Roots = append(v.Roots, hex.EncodeToString(root[:]))
	}
	state := t.TempDir()
	if err := os.WriteFile(state+"/signing.key", []byte(vectorKey), 0o600); err != nil {
		t.Fatal(err)
	}
	key, err := checkpoint.LoadKey(state)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := key.Sign(7, tree.Root())
	if err != nil {
		t.Fatal(err)
	}
	stone, err := key.SignTombstone(checkpoint.Tombstone{At: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC), Reason: "90 days have passed",
		Gone: []checkpoint.Range{{From: 4096, To: 8192}},
		Cuts: []checkpoint.Cut{{Session: b.Spans[0].Session, Last: b.Spans[0].Last, Chain: b.Spans[0].After}}})
	if err != nil {
		t.Fatal(err)
	}
	v.Notes = notesVector{key.Public, string(signed), string(stone)}
}

func TestTheFormatIsFrozen(t *testing.T) {
	kept, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var want, got map[string]any
	if err := json.Unmarshal(kept, &want); err != nil {
		t.Fatal(err)
	}
	v := makeVectors(t)
	v.Old, _ = want["block"].(string)
	made, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("GOLDEN") != "" {
		if err := os.WriteFile(vectorsFile, append(made, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := json.Unmarshal(made, &got); err != nil {
		t.Fatal(err)
	}
	delete(want, "block3") // another release of zstd may pack otherwise; TestTheVectorsAreRead reads it
	delete(got, "block3")
	for name := range want {
		if !reflect.DeepEqual(want[name], got[name]) {
			t.Errorf("%s is not what it was: see the difference with GOLDEN=1", name)
		}
	}
}

// What was written once is read for ever.
func TestTheVectorsAreRead(t *testing.T) {
	text, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	kinds := map[record.Kind]bool{}
	blockOf(t, v.Old, kinds)
	b := blockOf(t, v.Block, kinds)
	sameAsVectors(t, v.MySQL, mysqlSession(), kinds)
	sameAsVectors(t, v.SSH, sshSession(), kinds)
	for k := record.KindOpen; k <= record.KindLast; k++ {
		if !kinds[k] {
			t.Errorf("there is no vector of kind %v", k)
		}
	}
	key, err := note.NewVerifier(v.Notes.Key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := checkpoint.OpenCheckpoint([]byte(v.Notes.Checkpoint), key); err != nil || hex.EncodeToString(c.Root[:]) != v.Roots[6] {
		t.Errorf("%+v %v", c, err)
	}
	if s, err := checkpoint.OpenTombstone([]byte(v.Notes.Tombstone), key); err != nil || len(s.Cuts) != 1 || s.Cuts[0].Chain != b.Spans[0].After {
		t.Errorf("%+v %v", s, err)
	}
}

// blockOf reads the block that has a record of every kind, and notes the kinds.
func blockOf(t *testing.T, text string, kinds map[record.Kind]bool) *record.Block {
	t.Helper()
	raw, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	b, err := record.ParseBlock(raw)
	if err != nil {
		t.Fatal(err)
	}
	want, n := everyKind(), 0
	for r, err := range b.Records() {
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(record.AppendRecord(nil, &r), record.AppendRecord(nil, &want[n])) {
			t.Errorf("record %d is %+v", n, r)
		}
		kinds[r.Kind] = true
		n++
	}
	return b
}

// sameAsVectors reads a session's vectors and notes their kinds.
func sameAsVectors(t *testing.T, list []vector, session []record.Record, kinds map[record.Kind]bool) {
	t.Helper()
	for i, want := range session {
		env, err := hex.DecodeString(list[i].Envelope)
		if err != nil {
			t.Fatal(err)
		}
		payload, err := hex.DecodeString(list[i].Payload)
		if err != nil {
			t.Fatal(err)
		}
		var r record.Record
		if err := errors.Join(record.DecodeEnvelope(env, &r), record.DecodePayload(payload, &r)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(record.AppendRecord(nil, &r), record.AppendRecord(nil, &want)) {
			t.Errorf("record %d of %s is %+v", i, want.Session, r)
		}
		kinds[r.Kind] = true
	}
}
