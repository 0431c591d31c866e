package chengine_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/gatefold/gatefold/internal/chengine"
)

// Each fault is what it says: whether clickhouse-go sees an error, and whether the rows arrived.
func TestFaults(t *testing.T) {
	e := chengine.ForTest(t)
	if e.Addr == "" {
		t.Skip("a front stands before an engine of ours")
	}
	dsn := e.CreateDB(t)
	direct := open(t, dsn, nil)
	mustExec(t, direct, tableT)
	front := chengine.NewFront(t, e.Addr)
	conn := open(t, front.DSN(dsn), func(o *clickhouse.Options) { o.ReadTimeout = 500 * time.Millisecond })
	for i, c := range []struct {
		name         string
		fault        chengine.Fault
		code         int32
		fails, there bool
	}{
		{"none", nil, 0, false, true},
		{"hang", chengine.Hang, 0, true, false},
		{"html", chengine.HTML, 0, false, false}, // the driver's weakness, which its user must know of
		{"refuse", chengine.Refuse, 0, true, false},
		{"lose", chengine.Lose, 0, true, true},
		{"cut", chengine.Cut, 0, true, false},
		{"half", chengine.Half, 0, true, false},
		{"exception", chengine.Exception(243, "NOT_ENOUGH_SPACE"), 243, true, false},
		{"none again", nil, 0, false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := front.Hits()
			front.Set(nil)
			if c.fault != nil {
				front.Set(chengine.Inserts(c.fault))
			}
			err := insert(t, context.Background(), conn, i*1000, i*1000+1000)
			if (err != nil) != c.fails || codeOf(err) != c.code {
				t.Errorf("the insert says %v", err)
			}
			if c.fault != nil && front.Hits() == before {
				t.Error("the fault befell nobody")
			}
			want := uint64(0)
			if c.there {
				want = 1000
			}
			if n := count(t, direct, "SELECT count() FROM t WHERE intDiv(id, 1000) = ?", i); n != want {
				t.Errorf("%d rows arrived, want %d", n, want)
			}
		})
	}
}

// Fails where a question is passed on before all of it is there: the front's server takes the rest from the proxy once the answer
// begins, and under load answers ended in the middle.
func TestAQuestionIsPassedOnWhole(t *testing.T) {
	began := make(chan struct{})
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(began)
		all, err := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s, %d, %v", all, r.ContentLength, err)
	}))
	defer behind.Close()
	front := chengine.NewFront(t, strings.TrimPrefix(behind.URL, "http://"))
	question, rest := io.Pipe()
	go func() {
		_, _ = io.WriteString(rest, "SELECT")
		select {
		case <-began:
			t.Error("it was passed on before it was there")
		case <-time.After(100 * time.Millisecond):
		}
		_, _ = io.WriteString(rest, " 1")
		_ = rest.Close()
	}()
	resp, err := http.Post("http://"+front.Addr, "text/plain", question)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if said, err := io.ReadAll(resp.Body); err != nil || string(said) != "SELECT 1, 8, <nil>" {
		t.Errorf("%q, %v", said, err)
	}
}
