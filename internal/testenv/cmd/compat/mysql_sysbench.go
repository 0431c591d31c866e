package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// events is how many transactions each run of sysbench does. Counted, not timed, they are the same both ways.
var events = map[string]int{"oltp_read_write": 1000, "oltp_point_select": 10000}

// sysbenchSays picks what is no measure of speed. Deadlocks are the server's own: sysbench goes on after them.
var sysbenchSays = regexp.MustCompile(`(?m)^ *(transactions|reconnects|total number of events): +[0-9]+`)

// sysbench runs two of its workloads, with statements prepared and not.
func sysbench(ctx context.Context, a *attempt) error {
	if err := a.mysql.fresh(ctx); err != nil {
		return err
	}
	if err := a.sysbench(ctx, "oltp_read_write", "prepare"); err != nil {
		return err
	}
	for _, workload := range []string{"oltp_read_write", "oltp_point_select"} {
		for _, prepared := range []string{"auto", "disable"} {
			n := strconv.Itoa(events[workload])
			err := a.sysbench(ctx, workload, "run", "--db-ps-mode="+prepared, "--events="+n, "--time=0")
			if err != nil {
				return err
			}
		}
	}
	a.note = fmt.Sprintf("%d read_write, %d point_select; as many not prepared", events["oltp_read_write"], events["oltp_point_select"])
	return a.sysbench(ctx, "oltp_read_write", "cleanup")
}

func (a *attempt) sysbench(ctx context.Context, workload, verb string, more ...string) error {
	l := a.mysql.login
	args := append([]string{workload, "--db-driver=mysql", "--mysql-host=" + l.Host, "--mysql-port=" + a.mysql.port(),
		"--mysql-user=" + l.User, "--mysql-password=" + l.Password, "--mysql-db=" + database,
		"--tables=4", "--table-size=5000", "--threads=4"}, more...)
	out, err := a.command(ctx, "sysbench", append(args, verb)...).CombinedOutput()
	a.sayf("$ sysbench %s %s %s", workload, strings.Join(more, " "), verb)
	for _, line := range sysbenchSays.FindAllString(string(out), -1) {
		a.sayf("%s", line)
	}
	if err != nil {
		a.out.Write(out)
		return fmt.Errorf("sysbench %s %s: %w", workload, verb, err)
	}
	return nil
}
