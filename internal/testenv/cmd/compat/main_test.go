package main

import "testing"

// Everything means every program once; a name that is none is told.
func TestChoose(t *testing.T) {
	count := func(args ...string) int {
		chosen, err := choose(args)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, l := range chosen {
			n += len(l.programs)
		}
		return n
	}
	if all, again := count(), count("all"); all != again || all < 10 {
		t.Errorf("%d programs, and %d by name", all, again)
	}
	if quick := count("quick"); quick == 0 || quick >= count() {
		t.Errorf("%d quick ones", quick)
	}
	if one := count("sysbench"); one != 1 {
		t.Errorf("%d of that name", one)
	}
	if _, err := choose([]string{"nobody"}); err == nil {
		t.Error("no error for a program that isn't there")
	}
}

// What explains a difference is one program's, and holds for a whole line.
func TestUnexplained(t *testing.T) {
	all, err := readExpected("testdata/mysql/expected.txt")
	if err != nil || len(all) == 0 {
		t.Fatal(len(all), err)
	}
	lines := []string{"+main.key fail: x", "-main.key pass", "+main.other fail: x"}
	if left := unexplained(all, program{name: "mariadb-test"}, lines); len(left) != 1 || left[0] != lines[2] {
		t.Errorf("left: %q", left)
	}
	if left := unexplained(all, program{name: "sysbench"}, lines); len(left) != 3 {
		t.Errorf("left to another program: %q", left)
	}
}
