package policy

import "testing"

// A link that every Linux has led past rules on paths: nobody had to make it, and its name is in no folder that a rule names.
func TestLinksOfProcesses(t *testing.T) {
	for path, told := range map[string]bool{
		"/proc/self/root" + "/etc/shadow": false, "/proc/1/cwd/x": false, "/proc/1/task/1/root" + "/x": false, "/proc/self/fd/3": false,
		"/proc/self/./exe": false, "/x/../proc/self/map_files/1-2": false, "/dev/fd/3/x": false,
		"/proc/self/status": true, "/proc/sys/kernel/hostname": true, "/proc/self": true, "/srv/proc/self/root": true, "/dev/fd": true,
	} {
		if clean, ok := Clean(path); ok != told {
			t.Errorf("%s is %s, told: %t", path, clean, ok)
		}
	}
}
