package ssh

import (
	"errors"
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/gatefold/gatefold/internal/record"
	"github.com/gatefold/gatefold/protocols"
)

const (
	// maxChannels bounds what one connection has open at once: golang.org/x/crypto/ssh may hold 2 MiB of each that nobody
	// reads. An sshd's own MaxSessions is 10.
	maxChannels = 32
	// maxIntruding is how many channels a target may try to open, which it never should, before the session ends.
	maxIntruding = 16
)

// clientChannels takes the channels that the client opens until it is gone (RFC 4254, section 5.1).
func (r *relay) clientChannels() {
	for n := range r.client.channels {
		if n.ChannelType() != "session" {
			r.refuseForward(n, r.number())
			continue
		}
		ch, err := r.admit()
		if err != nil {
			r.tell(record.Record{Kind: record.KindNotice, Name: []byte("session"), Message: []byte("a channel was refused: " + sentence(err))})
			n.Reject(ssh.ResourceShortage, "gatefold: "+sentence(err))
			continue
		}
		r.spawn(func() {
			defer r.forget(ch)
			r.carry(n, ch)
		})
	}
	close(r.clientGone)
	if closed(r.targetGone) {
		r.settle()
		r.end(errTargetLeft) // the client follows it
		return
	}
	r.delivered()
	r.target.Close() // it closes no channel whose program goes on
	r.settle()
	r.end(errOver)
}

// delivered waits for the programs to have what the client had sent when it left, but not for ever.
func (r *relay) delivered() {
	over := time.NewTimer(leaveTime)
	defer over.Stop()
	for _, ch := range r.listed() {
		select {
		case <-ch.away:
		case <-over.C:
			return
		case <-r.ctx.Done():
			return
		}
	}
}

// number is that of one more channel: the Stream of its records.
func (r *relay) number() uint32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.numbers++
	return r.numbers
}

// admit makes room for one more session and gives it its number, where there may be one.
func (r *relay) admit() (*channel, *protocols.Error) {
	if r.still != nil {
		if err := r.still(); err != nil { // a connection that stays open must not outlive the right that began it
			return nil, &protocols.Error{Class: protocols.ClassDenied, Message: "what this connection began with lets nobody in any more (" + err.Error() + "): connect again"}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.noMore:
		return nil, &protocols.Error{Class: protocols.ClassBadRequest, Message: "the client said that it opens no more sessions"}
	case r.admitted >= maxChannels:
		return nil, &protocols.Error{Class: protocols.ClassTooMany, Message: "too many channels are open on this connection"}
	}
	r.admitted++
	r.numbers++
	return &channel{r: r, number: r.numbers,
		fed: make(chan struct{}), over: make(chan struct{}), away: make(chan struct{})}, nil
}

// list makes known that ch is open on both sides.
func (r *relay) list(ch *channel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open[ch] = struct{}{}
}

// forget gives back the room of a session.
func (r *relay) forget(ch *channel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, ch)
	r.admitted--
	if r.admitted > 0 {
		return
	}
	select {
	case r.emptied <- struct{}{}:
	default:
	}
}

// listed are the channels that are open on both sides.
func (r *relay) listed() []*channel {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.open))
}

// settle waits for the sessions to end, but not for ever.
func (r *relay) settle() {
	over := time.NewTimer(leaveTime)
	defer over.Stop()
	for r.sessions() > 0 {
		select {
		case <-r.emptied:
		case <-over.C:
			return
		case <-r.ctx.Done():
			return
		}
	}
}

func (r *relay) sessions() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.admitted
}

// refuseForward refuses a channel that would forward something, by name, and has that on record.
func (r *relay) refuseForward(n ssh.NewChannel, number uint32) {
	refusal := r.denyForward(number, n.ChannelType(), placeOf(n.ChannelType(), n.ExtraData()))
	n.Reject(ssh.Prohibited, "gatefold: "+sentence(refusal))
}

// denyForward has a forwarding on record as refused.
func (r *relay) denyForward(number uint32, kind, place string) *protocols.Error {
	refusal := &protocols.Error{Class: protocols.ClassUnsupported, Message: "forwarding is refused: " + printable(brief(kind))}
	rec := record.Record{Kind: record.KindForward, Stream: number, Name: []byte(brief(kind)), Text: []byte(place)}
	answer := r.askAction(protocols.Action{Record: rec, Refused: refusal})
	r.tell(record.Record{Kind: record.KindResult, Of: answer.Seq, Stream: number, Outcome: record.OutcomeRefused, Message: []byte(refusal.Message)})
	return refusal
}

// placeOf is where a forwarding goes: "host:port" or a path. Empty: it isn't said, or not in a form that we know.
func placeOf(kind string, payload []byte) string {
	var tcp tcpChannel
	var address addressRequest
	var path pathChannel
	switch kind {
	case "direct-tcpip", "forwarded-tcpip":
		if ssh.Unmarshal(payload, &tcp) == nil {
			return hostPort(tcp.Host, tcp.Port)
		}
	case "tcpip-forward", "cancel-tcpip-forward":
		if ssh.Unmarshal(payload, &address) == nil {
			return hostPort(address.Address, address.Port)
		}
	case "direct-streamlocal@openssh.com", "forwarded-streamlocal@openssh.com", "streamlocal-forward@openssh.com":
		if ssh.Unmarshal(payload, &path) == nil {
			return brief(path.Path)
		}
	}
	return ""
}

func hostPort(host string, port uint32) string {
	return net.JoinHostPort(brief(host), strconv.FormatUint(uint64(port), 10))
}

// targetChannels refuses what the target opens: nothing was forwarded, so there is nothing that it may open.
func (r *relay) targetChannels() {
	count := 0
	for n := range r.target.channels {
		if count++; count > maxIntruding {
			r.end(&protocols.Error{Class: protocols.ClassTarget, Message: "the target opens channels that nobody asked for"})
		} else {
			r.refuseForward(n, r.number())
			continue
		}
		n.Reject(ssh.Prohibited, "")
	}
}

// rejected passes on why the target opens no channel.
func rejected(n ssh.NewChannel, err error) {
	var e *ssh.OpenChannelError
	if errors.As(err, &e) {
		n.Reject(e.Reason, printable(brief(e.Message)))
		return
	}
	n.Reject(ssh.ConnectionFailed, errTargetLeft.Message)
}
