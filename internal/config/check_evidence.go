package config

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// evidence checks where checkpoints go.
func (v *checker) evidence() {
	e := v.c.Evidence
	if e.Checkpoint < time.Second {
		v.report(fmt.Sprintf("a checkpoint each %s can't be", e.Checkpoint), "it is at least 1s, 1m is usual", "evidence", "checkpoint")
	}
	for i := range e.To {
		v.checkpointPlace(&e.To[i], "evidence", "to", strconv.Itoa(i))
	}
}

func (v *checker) checkpointPlace(p *CheckpointPlace, at ...string) {
	set := 0
	for _, is := range []bool{p.File != "", p.URL != "", len(p.Command) > 0} {
		if is {
			set++
		}
	}
	if set != 1 {
		v.report("a place for checkpoints is a file, a url or a command", "write exactly one of the three", at...)
		return
	}
	if p.File != "" {
		v.exists(filepath.Dir(p.File), append(at, "file")...)
		if info, err := os.Stat(p.File); err == nil && info.IsDir() {
			v.report(p.File+" is a folder", "name a file in it", append(at, "file")...)
		}
	}
	if p.URL != "" {
		if u, err := url.Parse(p.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			v.report("a url for checkpoints begins with https:// or http:// and names a host", "", append(at, "url")...)
		} else if u.User != nil {
			v.report("a url for checkpoints holds no password", "a configuration holds no secrets: use a command", append(at, "url")...)
		}
	}
	if len(p.Command) > 0 && p.Command[0] == "" {
		v.report("a command for checkpoints has no name", "", append(at, "command")...)
	}
}
