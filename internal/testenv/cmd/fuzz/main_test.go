package main

import (
	"slices"
	"testing"
)

func TestParse(t *testing.T) {
	got := parse(`FuzzOne
FuzzTwo
ok  	example.org/a	0.010s
?   	example.org/b	[no test files]
ok  	example.org/c	0.010s
FuzzThree
ok  	example.org/d	(cached)
`)
	want := []target{{"example.org/a", "FuzzOne"}, {"example.org/a", "FuzzTwo"}, {"example.org/d", "FuzzThree"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
