package mysql

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/protocols"
)

// leaveTime is how long the target may take to be told that nobody waits for its answer any more.
const leaveTime = 5 * time.Second

// leave ends what a session that was ended still has running: the servers themselves would notice only when they next write.
func (c *conn) leave(s protocols.Session) {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTime)
	defer cancel()
	said := "what was still running was killed at the target"
	if err := c.kill(ctx); err != nil {
		said = "what was still running may go on at the target: it could not be killed"
		c.protocol.opt.Log.Warn("left a statement running at the target", "session", c.target.route.Session.String(), "err", err)
	}
	s.Tell(record.Record{Kind: record.KindNotice, Message: []byte(said)}) // the session is over; there is nobody to fail
}

// kill logs in to the target once more and has it end the session's thread. The credential is fetched anew: that of the login
// is wiped. Behind one address there may be several servers; only the one that has the thread is asked.
func (c *conn) kill(ctx context.Context) error {
	route := c.target.route
	if route.Fetch == nil {
		return errors.New("kill the session's thread: there is no credential for a second connection")
	}
	var err error
	if route.Credential, err = route.Fetch(ctx); err != nil {
		return fmt.Errorf("kill the session's thread: %w", err)
	}
	defer route.Credential.Wipe()
	route.Database = "" // it may be gone
	l, err := c.reach(ctx, route)
	if err != nil {
		return err
	}
	defer l.packets.nc.Close()
	release := protocols.Guard(ctx, l.packets.nc)
	defer release()
	t, err := l.run()
	if err != nil {
		return err
	}
	if t.server != c.target.server {
		return errors.New("kill the session's thread: another server answers at the target's address")
	}
	answer, err := l.query("KILL " + strconv.FormatUint(c.target.thread, 10))
	if err != nil {
		return err
	}
	if answer[0] == answerError {
		if refused := parseError(answer); refused.code != 1094 { // ER_NO_SUCH_THREAD: it has ended by itself
			return refused
		}
	}
	return l.packets.write([]byte{comQuit})
}
