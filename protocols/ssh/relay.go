package ssh

import (
	"context"
	"io"
	"sync"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/protocols"
)

// Relay carries channels until either side is gone.
func (c *conn) Relay(ctx context.Context, s protocols.Session, done func(error)) {
	go func() {
		stop := context.AfterFunc(ctx, func() { c.Close() })
		defer stop()
		go ssh.DiscardRequests(c.client.requests)
		go ssh.DiscardRequests(c.target.requests)
		go func() { c.target.Wait(); c.client.Close() }()
		var wg sync.WaitGroup
		var stream uint32
		for n := range c.client.channels {
			if n.ChannelType() != "session" {
				n.Reject(ssh.Prohibited, "gatefold carries no "+n.ChannelType())
				continue
			}
			stream++
			ch := &channel{c: c, s: s, stream: stream}
			wg.Go(func() { ch.run(n) })
		}
		c.target.Close()
		wg.Wait()
		done(nil)
	}()
}

// Refuse tells why on the first channel that the client opens.
func (c *conn) Refuse(err error) {
	if c.client == nil {
		return
	}
	go ssh.DiscardRequests(c.client.requests)
	if n, ok := <-c.client.channels; ok {
		n.Reject(ssh.Prohibited, protocols.AsError(err).Message)
	}
}

// channel is one session channel (RFC 4254, section 6) and its twin at the target.
type channel struct {
	c      *conn
	s      protocols.Session
	stream uint32
}

func (ch *channel) run(n ssh.NewChannel) {
	far, farRequests, err := ch.c.target.OpenChannel("session", nil)
	if err != nil {
		n.Reject(ssh.ConnectionFailed, "the target opens no channel")
		return
	}
	near, nearRequests, err := n.Accept()
	if err != nil {
		far.Close()
		return
	}
	var wg sync.WaitGroup
	wg.Go(func() { io.Copy(far, near); far.CloseWrite() })
	wg.Go(func() {
		for q := range nearRequests {
			if q.Type == "exec" {
				ch.s.Ask(protocols.Action{Record: record.Record{Kind: record.KindExec, Stream: ch.stream, Name: []byte("exec"), Text: q.Payload}})
			}
			ok, _ := far.SendRequest(q.Type, q.WantReply, q.Payload)
			if q.WantReply {
				q.Reply(ok, nil)
			}
		}
		far.Close()
	})
	wg.Go(func() { io.Copy(near, far); near.CloseWrite() })
	for q := range farRequests {
		near.SendRequest(q.Type, false, q.Payload)
	}
	near.Close()
	wg.Wait()
}
