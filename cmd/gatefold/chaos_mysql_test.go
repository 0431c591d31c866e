package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// mysqlKinds are the ways in which statements are sent to MySQL.
var mysqlKinds = []func(c *mysqlClient, next func() string, pad string) error{
	mysqlText, mysqlPrepared, mysqlSeveral, mysqlLocal, mysqlAhead,
}

func mysqlText(c *mysqlClient, next func() string, pad string) error {
	_, err := c.ExecContext(c.ctx, "SELECT '"+next()+"'"+pad)
	return err
}

func mysqlPrepared(c *mysqlClient, next func() string, _ string) error {
	var got string
	return c.QueryRowContext(c.ctx, "SELECT ?", next()).Scan(&got)
}

// mysqlSeveral sends a packet of three statements.
func mysqlSeveral(c *mysqlClient, next func() string, pad string) error {
	_, err := c.ExecContext(c.ctx, fmt.Sprintf("SELECT '%s'; SET @mine = '%s'; SELECT '%s'%s", next(), next(), next(), pad))
	return err
}

func init() {
	mysql.RegisterReaderHandler("chaos", func() io.Reader { return strings.NewReader("a line\nanother\n") })
}

func mysqlLocal(c *mysqlClient, next func() string, pad string) error {
	_, err := c.ExecContext(c.ctx, "LOAD DATA LOCAL INFILE 'Reader::chaos' INTO TABLE chaos /* "+next()+" */"+pad)
	return err
}

// mysqlAhead sends five statements before it reads an answer, which the protocol doesn't ask for and servers take.
func mysqlAhead(c *mysqlClient, next func() string, pad string) error {
	const ahead = 5
	var b []byte
	for range ahead {
		b = append(b, wirePacket(0, []byte("\x03SET @mine = '"+next()+"'"+pad))...)
	}
	w := &mysqlWire{nc: c.raw}
	sent := make(chan error, 1)
	go func() { _, err := c.raw.Write(b); sent <- err }()
	var refused error
	for range ahead {
		answer, err := w.packet()
		switch {
		case err != nil:
			c.raw.Close()
			<-sent
			return err
		case len(answer) > 8 && answer[0] == 0xff:
			refused = &mysql.MySQLError{Number: uint16(answer[1]) | uint16(answer[2])<<8, Message: string(answer[9:])}
		}
	}
	if err := <-sent; err != nil {
		return err
	}
	return refused
}

// mysqlWorker is a client of MySQL's, of one kind or another. One in five goes without TLS, since it speaks packets.
func (g *gate) mysqlWorker(ctx context.Context, c int, pad string) (*worker, error) {
	kind := c % len(mysqlKinds)
	l := g.alice()
	if kind == len(mysqlKinds)-1 {
		l.CA = ""
	}
	client, err := dialMySQL(l, g.db, func(cfg *mysql.Config) { cfg.MultiStatements = true })
	if err != nil {
		return nil, err
	}
	client.ctx = ctx
	stop := context.AfterFunc(ctx, func() { client.raw.SetDeadline(time.Unix(1, 0)) })
	return &worker{
		do:     func(next func() string) error { return mysqlKinds[kind](client, next, pad) },
		noRoom: func(err error) bool { return errno(err) == 1021 },
		close:  func() { stop(); client.close() },
	}, nil
}
