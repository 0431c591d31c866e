package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/internal/store/local"
)

// Each statement of the load carries a marker that no other carries, as text or as a parameter.
var killMarker = regexp.MustCompile(`kill-\d+-\d+-\d+`)

// TestKillLosesNoRecord kills the gateway with SIGKILL at 20 random moments under 8 clients and compares the record
// with the server's own log: whatever the server ran must be on record, once.
func TestKillLosesNoRecord(t *testing.T) {
	const rounds, clients = 20, 8
	g := newGate(t, gateOptions{stopped: true})
	from := g.pgLogSize()
	rng := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	for round := range rounds {
		g.startProcess()
		load := g.startLoad(round, clients)
		g.poll("each kind of client works", load.warm)
		time.Sleep(time.Duration(rng.IntN(200)) * time.Millisecond) // the random moment, not a wait for anything
		g.kill()
		load.wait()
	}
	g.startProcess() // writes what the last kill left open
	if err := g.stop(); err != nil {
		t.Fatalf("the last run: %v", err)
	}
	ran, recorded := g.markersInLog(from), g.markersOnRecord()
	missing, twice := 0, 0
	for m, n := range ran {
		if n != 1 {
			t.Errorf("the load itself is wrong: %s ran %d times", m, n)
		}
		switch recorded[m] {
		case 1:
		case 0:
			missing++
		default:
			twice++
		}
	}
	t.Logf("%d kills: the server ran %d statements, %d are on record, %d of those were never run", rounds, len(ran), len(recorded), len(recorded)-len(ran)+missing)
	if len(ran) < rounds*clients || missing > 0 || twice > 0 {
		t.Errorf("of %d statements that the server ran, %d are missing from the record and %d are there twice", len(ran), missing, twice)
	}
	if out, errs, code := g.try("", "verify"); code != 0 {
		t.Errorf("verify after %d kills: exit %d\n%s%s", rounds, code, out, errs)
	}
}

type killLoad struct {
	wg   sync.WaitGroup
	mu   sync.Mutex
	done map[int]int // client -> statements answered
	n    int
}

func (g *gate) startLoad(round, clients int) *killLoad {
	l := &killLoad{done: map[int]int{}, n: clients}
	for c := range clients {
		run := []func(context.Context, *pgx.Conn, func() string) error{simpleLoad, preparedLoad, pipelinedLoad}[c%3]
		l.wg.Go(func() {
			ctx := context.Background()
			conn, err := pgx.Connect(ctx, g.dsn())
			if err != nil {
				return // the gateway was killed first
			}
			defer conn.Close(ctx)
			i := 0
			next := func() string { i++; return fmt.Sprintf("kill-%d-%d-%d", round, c, i) }
			for run(ctx, conn, next) == nil {
				l.mu.Lock()
				l.done[c]++
				l.mu.Unlock()
			}
		})
	}
	return l
}

// warm reports whether every client has had answers.
func (l *killLoad) warm() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.done) == l.n
}

func (l *killLoad) wait() { l.wg.Wait() }

func simpleLoad(ctx context.Context, c *pgx.Conn, next func() string) error {
	_, err := c.Exec(ctx, "SELECT '"+next()+"'", pgx.QueryExecModeSimpleProtocol)
	return err
}

func preparedLoad(ctx context.Context, c *pgx.Conn, next func() string) error {
	_, err := c.Exec(ctx, "SELECT $1::text", next())
	return err
}

func pipelinedLoad(ctx context.Context, c *pgx.Conn, next func() string) error {
	b := &pgx.Batch{}
	for range 5 {
		b.Queue("SELECT $1::text", next())
	}
	return c.SendBatch(ctx, b).Close()
}

func (g *gate) pgLogSize() int64 {
	st, err := os.Stat(g.pg.LogPath)
	if err != nil {
		g.t.Fatal(err)
	}
	return st.Size()
}

// markersInLog counts what the server says it ran.
func (g *gate) markersInLog(from int64) map[string]int {
	log, err := os.ReadFile(g.pg.LogPath)
	if err != nil {
		g.t.Fatal(err)
	}
	found := map[string]int{}
	for line := range strings.Lines(string(log[from:])) {
		if !strings.Contains(line, "LOG:  statement:") && !strings.Contains(line, "DETAIL:") {
			continue
		}
		for _, m := range killMarker.FindAllString(line, -1) {
			found[m]++
		}
	}
	return found
}

// markersOnRecord counts the queries, and the parameters of the executions, on record.
func (g *gate) markersOnRecord() map[string]int {
	g.t.Helper()
	store, err := local.Open(archiveDir(g.dir+"/s"), local.Read)
	if err != nil {
		g.t.Fatal(err)
	}
	defer store.Close()
	found := map[string]int{}
	type place struct {
		session record.ID
		seq     uint64
	}
	bound := map[place]string{}
	for b, err := range store.Blocks(context.Background(), record.Narrow{Oldest: true}) {
		if err != nil {
			g.t.Fatal(err)
		}
		for r, err := range b.Records() {
			if err != nil {
				g.t.Fatal(err)
			}
			switch r.Kind {
			case record.KindQuery:
				for _, m := range killMarker.FindAllString(string(r.Text), -1) {
					found[m]++
				}
			case record.KindBind:
				if len(r.Params) > 0 {
					bound[place{r.Session, r.Seq}] = string(r.Params[0].Value)
				}
			case record.KindExecute:
				if m := bound[place{r.Session, r.Of}]; m != "" {
					found[m]++
				}
			}
		}
	}
	return found
}
