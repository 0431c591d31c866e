package config

import (
	"fmt"
	"strconv"
	"time"
)

// The least that retention can be set to: less is a mistake in the unit, and would empty the archive.
const (
	leastKeep = time.Hour
	leastSize = 64 << 20 // 64 MiB
)

func (v *checker) retention() {
	r := v.c.Retention
	if v.c.ClickHouse.Home && (r.Keep != 0 || r.MaxSize != 0 || len(r.Despite) > 0) {
		v.report("clickhouse.home is set, and retention.keep, max_size and despite are for an archive on this machine",
			"remove them; rows in ClickHouse go by clickhouse.keep", "retention")
	}
	if r.Keep != 0 && r.Keep < leastKeep {
		v.report(fmt.Sprintf("records can't be kept for %s", r.Keep), "it is at least 1h, 2160h are 90 days; 0s: for ever", "retention", "keep")
	}
	if r.MaxSize != 0 && r.MaxSize < leastSize {
		v.report(fmt.Sprintf("an archive of at most %s can't be", r.MaxSize), "it is at least 64MiB; 0: no bound", "retention", "max_size")
	}
	for i, name := range r.Despite {
		if name != ClickHouseName || v.c.ClickHouse.DSN == "" {
			v.report(fmt.Sprintf("there is no follower %q", showable(name)), "write "+ClickHouseName+" where clickhouse.dsn is set", "retention", "despite", strconv.Itoa(i))
		}
	}
}
