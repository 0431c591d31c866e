package sftp

import (
	"errors"
	"io"
	"sync"
)

// Machine follows the two streams of a channel: SFTP or SCP.
type Machine interface {
	// Client and Server take the first n bytes of p, which begins where the call before ended. They take less than all
	// where out.Ask or out.Wait is set, or where p ends within something that is read whole: then they are to be called
	// with more behind the same bytes. An error is a *Error and ends the channel.
	Client(p []byte, out *Out) (n int, err error)
	Server(p []byte, out *Out) (n int, err error)
	// Allow and Refuse are the verdict on out.Ask. The token comes back in the Result; 0: there is to be none.
	Allow(token uint64)
	Refuse(message string)
	// End tells of all that is open. Nothing may be called after it.
	End(out *Out)
}

// Judge decides and records. Its methods are called from the goroutines of both directions; an error ends the channel.
type Judge interface {
	// Ask decides on a request. It may block. What may pass is on record for good when it returns; what may not has been
	// told of, and refusal, which is not empty, is what the client hears. A Request.Refuse is refused in any case.
	Ask(*Request) (token uint64, refusal string, err error)
	// Tell puts on record what came of a request that was allowed.
	Tell(Result) error
}

// Driver moves bytes between two ends through a machine, with a goroutine of the caller's for each direction. mu guards the
// machine; it is given up only after the locks of the ends that a step released bytes for are taken, so that bytes go out in
// the order of steps. No lock is taken in another order: mu, toServer.mu, toClient.mu.
type Driver struct {
	machine  Machine
	judge    Judge
	mu       sync.Mutex
	moved    sync.Cond // on mu: a step was taken, or a direction ended
	steps    uint64    // taken so far
	ended    int       // directions that have ended
	gone     bool      // no more steps are taken
	toServer end
	toClient end
}

type end struct {
	mu sync.Mutex
	w  io.Writer
}

// ErrOther says that a direction ended because the other did.
var ErrOther = errors.New("the other direction has ended")

// NewDriver makes a driver. server takes what goes to the server, client what goes to the client.
func NewDriver(m Machine, j Judge, server, client io.Writer) *Driver {
	d := &Driver{machine: m, judge: j, toServer: end{w: server}, toClient: end{w: client}}
	d.moved.L = &d.mu
	return d
}

// FromClient carries what the client sends until it sends no more.
func (d *Driver) FromClient(r io.Reader) error { return d.carry(r, d.machine.Client, theClient) }

// FromServer carries what the server sends until it sends no more.
func (d *Driver) FromServer(r io.Reader) error { return d.carry(r, d.machine.Server, theServer) }

// End takes no more steps and tells of what is open. It is called once, when nothing more will come of the server.
func (d *Driver) End() error {
	d.mu.Lock()
	d.gone = true
	d.moved.Broadcast()
	var out Out
	d.machine.End(&out)
	d.mu.Unlock()
	return d.tell(out.Results)
}

// take is Machine.Client or Machine.Server.
type take func([]byte, *Out) (int, error)

func (d *Driver) carry(r io.Reader, take take, side string) (err error) {
	defer func() { d.over(err) }()
	b := buffer{small: make([]byte, smallBuffer)}
	defer b.release()
	var out Out
	for {
		ended := b.fill(r)
		if len(b.held()) > 0 {
			n, err := d.give(b.held(), take, &out)
			if err != nil {
				return err
			}
			b.drop(n)
		}
		switch {
		case errors.Is(ended, io.EOF) && len(b.held()) > 0:
			return &Error{side, "ended within a packet"}
		case errors.Is(ended, io.EOF):
			return nil
		case ended != nil:
			return ended
		}
	}
}

// over notes that a direction has ended. One that ended badly takes the other along.
func (d *Driver) over(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended++
	d.gone = d.gone || err != nil
	d.moved.Broadcast()
}

// give gives p to the machine until it wants more than there is.
func (d *Driver) give(p []byte, take take, out *Out) (n int, err error) {
	for {
		d.mu.Lock()
		if d.gone {
			d.mu.Unlock()
			return n, ErrOther
		}
		k, taking := take(p[n:], out)
		n += k
		d.steps++
		ask, wait, seen := out.Ask, out.Wait, d.steps
		if err := d.release(out); err != nil { // mu is given up here
			return n, err
		}
		switch {
		case taking != nil:
			return n, taking
		case ask != nil:
			err = d.ask(ask)
		case wait:
			err = d.await(seen)
		default:
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// release records and writes what a step came to. What is for the client goes first: nobody who waits for room at the
// server may keep the other direction from the client.
func (d *Driver) release(out *Out) error {
	defer out.Reset()
	server, client := len(out.ToServer) > 0, len(out.ToClient) > 0
	if server {
		d.toServer.mu.Lock()
		defer d.toServer.mu.Unlock()
	}
	if client {
		d.toClient.mu.Lock()
	}
	d.moved.Broadcast()
	d.mu.Unlock()
	err := d.tell(out.Results)
	if client {
		if err == nil {
			err = d.toClient.write(out.ToClient)
		}
		d.toClient.mu.Unlock()
	}
	if err != nil {
		return err
	}
	return d.toServer.write(out.ToServer)
}

func (e *end) write(parts [][]byte) error {
	for _, p := range parts {
		if _, err := e.w.Write(p); err != nil {
			return err
		}
	}
	return nil
}

func (d *Driver) tell(results []Result) error {
	for _, r := range results {
		if err := d.judge.Tell(r); err != nil {
			return err
		}
	}
	return nil
}

func (d *Driver) ask(r *Request) error {
	token, refusal, err := d.judge.Ask(r)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case refusal != "" || r.Refuse != "":
		d.machine.Refuse(refusal)
	case d.gone: // what is open has been told of
		return d.judge.Tell(Result{Token: token, Unknown: true})
	default:
		d.machine.Allow(token)
	}
	return nil
}

// await returns when the other direction has taken a step since seen.
func (d *Driver) await(seen uint64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for d.steps == seen && !d.gone && d.ended == 0 {
		d.moved.Wait()
	}
	if d.steps == seen {
		return ErrOther
	}
	return nil
}
