package main

import (
	"runtime/debug"
	"testing"
)

func TestVersion(t *testing.T) {
	commit := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef0123"}
	modified := debug.BuildSetting{Key: "vcs.modified", Value: "true"}
	for _, c := range []struct {
		info        *debug.BuildInfo
		build, line string
	}{
		{nil, "unknown", "gatefold unknown"},
		{&debug.BuildInfo{GoVersion: "go1.26"}, "devel", "gatefold devel, go1.26"},
		{&debug.BuildInfo{GoVersion: "go1.26", Main: debug.Module{Version: "(devel)"}, Settings: []debug.BuildSetting{commit, modified}},
			"devel+0123456789ab", "gatefold devel+0123456789ab, commit 0123456789abcdef0123 and local changes, go1.26"},
		{&debug.BuildInfo{GoVersion: "go1.26", Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{commit}},
			"v1.2.3", "gatefold v1.2.3, commit 0123456789abcdef0123, go1.26"},
	} {
		if got := buildOf(c.info); got != c.build {
			t.Errorf("the build is %q, want %q", got, c.build)
		}
		if got := versionLine(c.info); got != c.line {
			t.Errorf("the line is %q, want %q", got, c.line)
		}
	}
}
