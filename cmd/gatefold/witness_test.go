package main

import (
	"context"
	"iter"
	"os"
	"regexp"
	"strings"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/local"
)

// The server's own log is the witness of what it ran: each statement of a load carries a marker that no other carries, as
// text or as a parameter.
var killMarker = regexp.MustCompile(`kill-\d+-\d+-\d+`)

// witness is the log in which the server says what it ran.
func (g *gate) witness() string {
	switch {
	case g.my != nil:
		return g.my.GeneralLog
	case g.sshd != nil:
		return g.sshd.Programs
	}
	return g.pg.LogPath
}

func (g *gate) logSize() int64 {
	st, err := os.Stat(g.witness())
	if os.IsNotExist(err) {
		return 0
	}
	if err != nil {
		g.t.Fatal(err)
	}
	return st.Size()
}

// markersInLog counts what the server says it ran. In MariaDB's general log the marker of a prepared statement stands in
// its execution, with the parameters in their places; in PostgreSQL's below it, in the detail.
func (g *gate) markersInLog(from int64) map[string]int {
	log, err := os.ReadFile(g.witness())
	if err != nil {
		g.t.Fatal(err)
	}
	found := map[string]int{}
	if g.sshd != nil {
		return g.markersAtSSH(string(log[from:]))
	}
	for line := range strings.Lines(string(log[from:])) {
		if g.pg != nil && !strings.Contains(line, "LOG:  statement:") && !strings.Contains(line, "DETAIL:") {
			continue
		}
		for _, m := range killMarker.FindAllString(line, -1) {
			found[m]++
		}
	}
	return found
}

// onRecord is what a gateway's archive holds, counted.
type onRecord struct {
	markers                  map[string]int // in queries, in the parameters of executions, in command lines and paths
	blocks, records          int
	sessions, opened, closed int
	twice, gaps              int    // records that are there again; numbers that are missing
	actions, results         int    // Results of actions, but for those of a simple Query's single statements
	skipped                  int    // actions that the server passed over, behind an error in their pipeline
	lost                     uint64 // what gap records admit to
	steps, back              int    // of the clock that a Notice tells of; records that are older than the one before
}

type place struct {
	session record.ID
	seq     uint64
}

// markersOnRecord counts the queries, and the parameters of the executions, on record.
func (g *gate) markersOnRecord() map[string]int { return g.onRecord().markers }

// recorded is an archive as it is read from its first block to its last.
type recorded interface {
	Blocks(context.Context, record.Narrow) iter.Seq2[*record.Block, error]
	Close() error
}

func (g *gate) home() recorded {
	g.t.Helper()
	if g.elsewhere != nil {
		return g.elsewhere()
	}
	store, err := local.Open(archiveDir(g.dir+"/s"), local.Read)
	if err != nil {
		g.t.Fatal(err)
	}
	return store
}

// onRecord reads the archive from its first block to its last.
func (g *gate) onRecord() *onRecord {
	g.t.Helper()
	store := g.home()
	defer store.Close()
	o := &onRecord{markers: map[string]int{}}
	before := map[record.ID]int64{}
	bound, next, action := map[place]string{}, map[record.ID]uint64{}, map[place][]string{}
	for b, err := range store.Blocks(context.Background(), record.Narrow{Oldest: true}) {
		if err != nil {
			g.t.Fatal(err)
		}
		o.blocks++
		for r, err := range b.Records() {
			if err != nil {
				g.t.Fatal(err)
			}
			o.records++
			switch want := next[r.Session]; {
			case r.Seq < want:
				o.twice++
			case r.Seq > want:
				o.gaps++
			}
			next[r.Session] = r.Seq + 1
			if r.At < before[r.Session] {
				o.back++
			}
			before[r.Session] = r.At
			o.count(&r, bound, action)
		}
	}
	o.sessions = len(next)
	return o
}

// count counts a record. An action's markers count unless its Result says that it was skipped. Each parameter of a load
// is one marker: PostgreSQL's stand in the Bind, MySQL's in the Execute itself.
func (o *onRecord) count(r *record.Record, bound map[place]string, action map[place][]string) {
	at, of := place{r.Session, r.Seq}, place{r.Session, r.Of}
	switch r.Kind {
	case record.KindOpen:
		o.opened++
	case record.KindClose:
		o.closed++
	case record.KindGap:
		o.lost += r.Rows
	case record.KindBind:
		if len(r.Params) > 0 {
			bound[at] = string(r.Params[0].Value)
		}
	case record.KindQuery:
		action[at] = killMarker.FindAllString(string(r.Text), -1)
	case record.KindExecute:
		marker := bound[of]
		if len(r.Params) > 0 {
			marker = killMarker.FindString(string(r.Params[0].Value))
		}
		action[at] = []string{marker}
	case record.KindNotice:
		if strings.Contains(string(r.Message), "the gateway's clock went") {
			o.steps++
		}
	case record.KindExec, record.KindFile:
		action[at] = killMarker.FindAllString(string(r.Text), -1)
	case record.KindCancel, record.KindCommand, record.KindForward:
		action[at] = nil
	case record.KindResult:
		o.result(r, action, of)
	}
	if r.Kind.Action() {
		o.actions++
		for _, m := range action[at] {
			o.markers[m]++
		}
	}
}

func (o *onRecord) result(r *record.Record, action map[place][]string, of place) {
	markers, ok := action[of]
	if !ok || r.Flags&record.FlagSimple != 0 {
		return
	}
	o.results++
	if r.Outcome != record.OutcomeSkipped {
		return
	}
	o.skipped++
	for _, m := range markers {
		if o.markers[m]--; o.markers[m] == 0 {
			delete(o.markers, m)
		}
	}
}
