package chengine

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
)

// Front stands before a server's HTTP interface and passes on what it gets, or makes the trouble that Set names.
type Front struct {
	Addr string // host:port

	fault  atomic.Pointer[Fault]
	hits   atomic.Int64
	closed chan struct{}
}

// Fault answers a request in its own way. next is the server behind the front. gone ends with the front's test.
type Fault func(w http.ResponseWriter, r *http.Request, next http.Handler, gone <-chan struct{})

// NewFront stands before the server at an address until the test ends.
func NewFront(t testing.TB, addr string) *Front {
	t.Helper()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: addr})
	transport := &http.Transport{DisableCompression: true}
	proxy.Transport = transport
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, err error) {
		http.Error(w, "nobody is behind: "+err.Error(), http.StatusBadGateway)
	}
	f := &Front{closed: make(chan struct{})}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fault := f.fault.Load()
		if fault == nil {
			whole(proxy).ServeHTTP(w, r)
			return
		}
		f.hits.Add(1)
		(*fault)(w, r, whole(proxy), f.closed)
	}))
	f.Addr = srv.Listener.Addr().String()
	t.Cleanup(func() {
		close(f.closed)
		srv.CloseClientConnections()
		srv.Close()
		transport.CloseIdleConnections()
	})
	return f
}

// whole passes a question on when its client has sent all of it, or went away. A net/http server takes the rest of a question from
// its handler once the answer begins; a proxy that was not at the question's end by then would cut the answer short.
func whole(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		all := io.Reader(bytes.NewReader(body))
		if err != nil {
			all = io.MultiReader(all, broken{})
		}
		again := r.Clone(context.WithoutCancel(r.Context()))
		again.Body, again.ContentLength, again.TransferEncoding = io.NopCloser(all), int64(len(body)), nil
		if err != nil {
			again.ContentLength = -1
		}
		next.ServeHTTP(w, again)
	})
}

// Set has requests that begin from now on answered by a fault; nil: by the server.
func (f *Front) Set(fault Fault) {
	if fault == nil {
		f.fault.Store(nil)
		return
	}
	f.fault.Store(&fault)
}

// Hits is how many requests met a fault so far.
func (f *Front) Hits() int64 { return f.hits.Load() }

// DSN is an engine's DSN with this front in place of the engine.
func (f *Front) DSN(dsn string) string {
	u, err := url.Parse(dsn)
	if err != nil {
		return dsn // whoever opens it says so
	}
	u.Host = f.Addr
	return u.String()
}

// Hang never answers. The client, or the test, must give up.
func Hang(_ http.ResponseWriter, r *http.Request, _ http.Handler, gone <-chan struct{}) {
	_, _ = io.Copy(io.Discard, r.Body) // else the client's going away is not seen
	select {
	case <-gone:
	case <-r.Context().Done():
	}
}

// Deaf reads nothing and answers nothing, as a stopped process: a large request gets stuck on its way.
func Deaf(_ http.ResponseWriter, _ *http.Request, _ http.Handler, gone <-chan struct{}) { <-gone }

// HTML answers 200 with a page, as a captive portal or a mistaken address does. clickhouse-go takes that for the success
// of an insert: its user must look for X-ClickHouse-Query-Id, which every answer of ClickHouse's has.
func HTML(w http.ResponseWriter, r *http.Request, _ http.Handler, _ <-chan struct{}) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, "<!DOCTYPE html><html><title>Welcome</title><body>Please log in.</body></html>\n")
}

// Refuse answers 500 and asks nobody.
func Refuse(w http.ResponseWriter, r *http.Request, _ http.Handler, _ <-chan struct{}) {
	_, _ = io.CopyN(io.Discard, r.Body, 100)
	http.Error(w, "out of order", http.StatusInternalServerError)
}

// Lose has the server do it, and answers 500: whoever asked can't know that it was done.
func Lose(w http.ResponseWriter, r *http.Request, next http.Handler, _ <-chan struct{}) {
	next.ServeHTTP(httptest.NewRecorder(), r)
	http.Error(w, "the answer was lost", http.StatusInternalServerError)
}

// Cut closes the connection in the middle of the request, of which the server sees nothing.
func Cut(w http.ResponseWriter, r *http.Request, _ http.Handler, _ <-chan struct{}) {
	_, _ = io.CopyN(io.Discard, r.Body, 1000)
	panic(http.ErrAbortHandler)
}

// Half has the server see half of an insert's body of a known or unknown length, and then its client's end.
func Half(w http.ResponseWriter, r *http.Request, next http.Handler, _ <-chan struct{}) {
	body, _ := io.ReadAll(r.Body)
	half := r.Clone(r.Context())
	half.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:len(body)/2]), broken{}))
	next.ServeHTTP(httptest.NewRecorder(), half)
	panic(http.ErrAbortHandler)
}

// broken is a body whose client went away.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// Exception answers with an error of ClickHouse's own, such as Exception(243, "NOT_ENOUGH_SPACE").
func Exception(code int, name string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler, _ <-chan struct{}) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("X-ClickHouse-Exception-Code", fmt.Sprint(code))
		http.Error(w, fmt.Sprintf("Code: %d. DB::Exception: made up. (%s) (version 26.5.1.1)", code, name),
			http.StatusInternalServerError)
	}
}

// Inserts has a fault befall inserts alone; what else is asked passes.
func Inserts(fault Fault) Fault {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler, gone <-chan struct{}) {
		if !strings.HasPrefix(strings.ToUpper(strings.TrimSpace(r.URL.Query().Get("query"))), "INSERT") {
			next.ServeHTTP(w, r)
			return
		}
		fault(w, r, next, gone)
	}
}
