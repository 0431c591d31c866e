package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	const said = `{"Action":"start","Package":"p"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a.go:1: quiet\n"}
{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0.1}
{"Action":"output","Package":"p","Test":"TestB","Output":"=== RUN   TestB\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b.go:7: SKIPPED-MISSING-SERVER postgresql: not installed\n"}
{"Action":"output","Package":"p","Test":"TestB","Output":"--- SKIP: TestB (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestB","Elapsed":0}
{"Action":"output","Package":"p","Output":"ok  \tp\t(cached)\n"}
{"Action":"pass","Package":"p","Elapsed":1.25}
{"ImportPath":"q","Action":"build-output","Output":"q.go:3: no such thing\n"}
{"Action":"output","Package":"r","Test":"TestC","Output":"panic: c\n"}
{"Action":"output","Package":"r","Output":"FAIL\tr\n"}
{"Action":"fail","Package":"r","Elapsed":0}
go: not JSON
`
	const want = `ok   p  1.2s (cached)
q.go:3: no such thing
panic: c
FAIL	r
go: not JSON
skipped: p TestB: b.go:7: SKIPPED-MISSING-SERVER postgresql: not installed
tests: 1 passed, 1 failed, 1 skipped, 1 of them for a missing server
`
	var b strings.Builder
	r := newReport(&b)
	if err := r.read(strings.NewReader(said)); err != nil {
		t.Fatal(err)
	}
	r.summary()
	if b.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", b.String(), want)
	}
}

func TestFailureOfGoTestIsAnError(t *testing.T) {
	var b strings.Builder
	if err := run([]string{"./no/such/package"}, &b); err == nil {
		t.Errorf("no error; it said:\n%s", b.String())
	}
}
