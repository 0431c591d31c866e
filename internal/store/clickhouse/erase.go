package clickhouse

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/gatefold/gatefold/internal/record"
)

// What is erased at home is erased here when the record that tells of it comes: the payloads, what their salts could be derived
// from, what the session's line took from them, and what they touched. ClickHouse rewrites the parts in which they are; it
// removes the old ones some minutes later (old_parts_lifetime), and a backup of its own keeps what it has.

// erasures are the records of a batch that tell of erasing: which Seqs of which sessions.
type erasures map[record.ID][]uint64

func (e *erasures) add(r *record.Record) {
	if r.Kind != record.KindRedact {
		return
	}
	if *e == nil {
		*e = make(erasures)
	}
	if seqs := (*e)[r.Parent]; !slices.Contains(seqs, r.Of) {
		(*e)[r.Parent] = append(seqs, r.Of)
	}
}

const now = " SETTINGS mutations_sync = 2" // it is done when the statement returns

// erase erases payloads. It can be done again.
func (i *insertion) erase(all erasures) error {
	for id, seqs := range all {
		if err := i.eraseIn(id, seqs); err != nil {
			return fmt.Errorf("erase %d payloads of session %v: %w", len(seqs), id, err)
		}
	}
	return nil
}

func (i *insertion) eraseIn(id record.ID, seqs []uint64) error {
	s := i.s
	session := `session = ` + constant(id[:])
	numbers := make([]string, len(seqs))
	for n, seq := range seqs {
		numbers[n] = fmt.Sprint(seq)
	}
	those := session + ` AND seq IN (` + strings.Join(numbers, `, `) + `)`
	found, err := s.rowsOf(i.ctx, those)
	if err != nil || len(found) == 0 {
		return err // it is not here, or no more
	}
	secrets, err := s.lineUp(i.ctx, `SELECT DISTINCT secret FROM spans WHERE `+session)
	if err != nil {
		return err
	}
	if err := i.blank(those, found, secrets); err != nil {
		return err
	}
	if err := s.conn.Exec(i.ctx, s.opts.alter("touched")+`DELETE WHERE `+those+now); err != nil {
		return err
	}
	for block, rows := range found {
		if err := i.retell(id, block, rows); err != nil {
			return err
		}
	}
	return i.puncture(session, secrets, seqs) // last: until then it can be done again
}

// blank puts the commitments of some records in the place of their payloads.
func (i *insertion) blank(those string, found map[uint64][]row, secrets []string) error {
	var cases []string
	for _, rows := range found {
		for n := range rows {
			r := &rows[n].Record
			if len(r.Erased) > 0 {
				continue
			}
			commitment, ok := commit(r, secrets)
			if !ok {
				return fmt.Errorf("the salt of record #%d is not there and its payload is", r.Seq)
			}
			cases = append(cases, fmt.Sprintf(`seq = %d, %s`, r.Seq, constant(commitment[:])))
		}
	}
	if len(cases) == 0 {
		return nil
	}
	var set []string
	zero := columns()
	for _, f := range record.Fields {
		for _, c := range zero {
			if f.Part == record.Payload && (c.label() == columnOfField(f.Name) || f.Type == record.TypeParams && strings.HasPrefix(c.label(), "params")) {
				set = append(set, "`"+c.label()+"` = defaultValueOfArgumentType(`"+c.label()+"`)")
			}
		}
	}
	set = append(set, `erased = multiIf(`+strings.Join(cases, `, `)+`, erased)`)
	return i.s.conn.Exec(i.ctx, i.s.opts.alter("records")+`UPDATE `+strings.Join(set, `, `)+` WHERE `+those+` AND erased = ''`+now)
}

// commit is the commitment to a record's payload, by the first of some secrets that its salt can be derived from.
func commit(r *record.Record, secrets []string) (record.Hash, bool) {
	for _, s := range secrets {
		if salt, ok := record.Secret(s).Salts().Salt(r.Seq); ok {
			return record.Commit(salt, r.AppendPayload(nil)), true
		}
	}
	return record.Hash{}, false
}

// puncture takes away what the salts could be derived from.
func (i *insertion) puncture(session string, secrets []string, seqs []uint64) error {
	for _, was := range secrets {
		left := record.Secret(was)
		for _, seq := range seqs {
			var err error
			if left, err = left.Puncture(seq); err != nil {
				return err
			}
		}
		if string(left) == was {
			continue
		}
		sum := sha256.Sum256([]byte(was)) // not itself: ClickHouse writes down what it is asked
		err := i.s.conn.Exec(i.ctx, i.s.opts.alter("spans")+`UPDATE secret = `+quoted(string(left))+` WHERE `+session+` AND SHA256(secret) = `+quoted(string(sum[:]))+now)
		if err != nil {
			return err
		}
	}
	return nil
}

// retell has a batch's line, and what it says of the session, be those of what is left of its records.
func (i *insertion) retell(id record.ID, block uint64, erased []row) error {
	s := i.s
	found, err := s.batches(i.ctx, []string{`writer = ` + quoted(s.opts.Gateway), fmt.Sprintf(`block = %d`, block)}, true)
	if err != nil {
		return err
	}
	which := fmt.Sprintf(`session IN (SELECT session FROM spans WHERE block = %d) AND block = %d`, block, block)
	rows, err := s.rowsOf(i.ctx, which)
	if err != nil {
		return err
	}
	var raw []byte
	var f fold
	for n := range rows[block] {
		r := &rows[block][n].Record
		raw = record.AppendRecord(raw, r)
		if r.Session == id {
			f.add(r)
		}
	}
	sum := sha256.Sum256(raw)
	switch {
	case len(found) > 0:
		err = s.conn.Exec(i.ctx, s.opts.alter("blocks")+fmt.Sprintf(`UPDATE sum = %s, raw = %d WHERE writer = %s AND block = %d`+now,
			constant(sum[:]), len(raw), quoted(s.opts.Gateway), block))
	case block == i.b.Pos: // its line is still to be written
		i.sum, i.raw = sum, len(raw)
	}
	if err != nil || !slices.ContainsFunc(erased, func(r row) bool {
		return r.Kind == record.KindOpen || r.Kind == record.KindJoin || r.Kind == record.KindClose
	}) {
		return err
	}
	var set []string
	for column, v := range map[string]string{"user": f.line.User, "account": f.line.Account, "target": f.line.Target, "database": f.line.Database,
		"protocol": f.line.Protocol, "client": f.line.Client, "app": f.line.App, "message": f.line.Message} {
		set = append(set, column+` = `+quoted(v))
	}
	set = append(set, fmt.Sprintf(`pid = %d, parent = %s`, f.line.PID, constant(f.line.Parent[:])))
	return s.conn.Exec(i.ctx, s.opts.alter("spans")+`UPDATE `+strings.Join(set, `, `)+fmt.Sprintf(` WHERE session = %s AND block = %d`, constant(id[:]), block)+now)
}
