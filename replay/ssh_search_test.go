package replay_test

import (
	"testing"

	"github.com/gatefold/gatefold/internal/store/storetest"
)

func TestSSHSearch(t *testing.T) {
	src := read(t, put(t, storetest.Hosts()))
	for _, c := range []struct{ query, want string }{
		{"", "carol#5 carol#2 mallory#4 mallory#2 alice#8 alice#6 alice#2"}, // what was done, not each key and screen
		{"program:fdisk", "carol#5"},
		{"program:systemctl", "alice#2"},
		{"program:eval verdict:deny flag:unread", "mallory#4"},
		{"path:/etc/shadow", "mallory#2"},
		{"path:shadow", "mallory#2"},
		{"path:/etc/*", "mallory#2 alice#6"},
		{"path:/var/log/stop.log", "alice#2"},
		{"path:~/notes.txt", "alice#8"},
		{"path:notes.txt action:file_rename", "alice#8"},
		{"path:/etc", ""},
		{`command:"systemctl stop"`, "alice#2"},
		{"command:fdisk", "carol#5"},
		{"command:/fdisk\\s+-l/", "carol#5"},
		{"command:shadow", ""},
		{"action:file_read", "mallory#2 alice#6"},
		{"action:line rule:disks", "carol#5"},
		{"name:open-read", "mallory#2 alice#6"},
		{"kind:exec code:3", "alice#2"},
		{"hash:cafe*", "alice#6"},
		{"protocol:ssh outcome:refused", "mallory#4 mallory#2"},
		{"stream:2 user:alice", "alice#8 alice#6"},
		{"okapi", "alice#3"}, // a program's output
		{"giraffe flag:stderr", "alice#4"},
		{"zebra", "carol#6 carol#5"}, // the screen and the line, not the bytes that painted it
		{"kind:output flag:terminal", "carol#4"},
		{"kind:input", "carol#3"},
	} {
		if got := find(t, src, c.query); got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.query, got, c.want)
		}
		if got := find(t, wide{src}, c.query); got != c.want {
			t.Errorf("%s: not narrowed:\n got %q\nwant %q", c.query, got, c.want)
		}
	}
}
