package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// ErrServerClosed says that the server closed its connection.
var ErrServerClosed = errors.New("the target closed the connection")

// errClientGone says that the client's connection broke, or closed while a machine waited.
var errClientGone = errors.New("the client is gone")

// lastWords is how long a client is given to take what is being written to it when a session is cut.
const lastWords = 2 * time.Second

// Run moves bytes between client and server through m until either side ends or ctx does, and returns what the machine
// says of the end. It closes neither connection. barrier is called, under the machine's lock, before bytes of a step
// go to the server; when it fails nothing more goes there, and the caller must cut that connection.
func Run(ctx context.Context, client, server net.Conn, m Machine, barrier func() error) error {
	return New(client, server, m, barrier).Run(ctx)
}

// Driver drives one machine with a goroutine for each direction. mu guards the machine; it is given up only after the
// write locks of the directions that a step released bytes for are taken, so that in each direction bytes go out in
// the order of the steps. No lock is taken in another order: mu, server.mu, client.mu.
type Driver struct {
	mu      sync.Mutex
	machine Machine
	barrier func() error
	waiting bool          // the client's goroutine waits for the server's bytes
	came    chan struct{} // they came

	client, server side

	ending  atomic.Bool
	stopped chan struct{} // closed when the session is to end
	once    sync.Once
	cause   error // why, written once before stopped is closed
}

// New makes a driver of m for two connections. It starts nothing.
func New(client, server net.Conn, m Machine, barrier func() error) *Driver {
	d := &Driver{
		machine: m,
		barrier: barrier,
		came:    make(chan struct{}, 1),
		stopped: make(chan struct{}),
	}
	d.client.init(client)
	d.server.init(server)
	return d
}

// Do runs f while nothing else touches the machine.
func (d *Driver) Do(f func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f()
}

// Run is the package's Run. It is called once.
func (d *Driver) Run(ctx context.Context) error {
	release := context.AfterFunc(ctx, func() { d.stop(context.Cause(ctx)) })
	defer release()
	if ctx.Err() != nil { // its end was told to the connections, whose reads fail now: this is why
		d.stop(context.Cause(ctx))
	}
	var clientSide sync.WaitGroup
	clientSide.Go(d.fromClient)
	d.fromServer()
	clientSide.Wait()
	return d.end()
}

// fromClient moves bytes from the client until it ends. A client that only closes its sending half may still be
// answered, where its protocol knows that: the server is told the same and ends the session itself.
func (d *Driver) fromClient() {
	var out Out
	for {
		p, err := d.client.read()
		for rest := p; len(rest) > 0; {
			done, stepErr := d.clientStep(rest, &out)
			rest = rest[done:]
			if stepErr != nil {
				d.stop(stepErr)
				return
			}
			if len(rest) > 0 && !d.wait(out.Wait) {
				return
			}
		}
		d.client.release()
		switch {
		case err == nil:
		case d.ending.Load():
			return
		case errors.Is(err, io.EOF):
			if !d.halfClosed() || d.server.closeWrite() != nil {
				d.stop(nil)
			}
			return
		default:
			d.stop(fmt.Errorf("read from client: %w: %w", errClientGone, err))
			return
		}
	}
}

// fromServer moves bytes from the server until it ends, which ends the session.
func (d *Driver) fromServer() {
	var out Out
	for {
		p, err := d.server.read()
		if len(p) > 0 {
			if stepErr := d.serverStep(p, &out); stepErr != nil {
				d.stop(stepErr)
				return
			}
		}
		d.server.release()
		switch {
		case err == nil:
		case d.ending.Load():
			return
		case errors.Is(err, io.EOF):
			d.stop(ErrServerClosed)
			return
		default:
			d.stop(fmt.Errorf("read from target: %w", err))
			return
		}
	}
}

func (d *Driver) halfClosed() (answered bool) {
	d.Do(func() { answered = d.machine.HalfClosed() })
	return answered
}

func (d *Driver) clientStep(p []byte, out *Out) (int, error) {
	d.mu.Lock()
	out.Reset()
	done, err := d.stepClient(p, out)
	d.waiting = done < len(p) && out.Wait == nil && err == nil
	if d.waiting {
		select {
		case <-d.came: // what came before this step was seen by it
		default:
		}
	}
	return done, d.releaseStep(out, err)
}

func (d *Driver) serverStep(p []byte, out *Out) error {
	d.mu.Lock()
	out.Reset()
	err := d.stepServer(p, out)
	if d.waiting {
		d.waiting = false
		d.came <- struct{}{}
	}
	return d.releaseStep(out, err)
}

// releaseStep writes what a step released, and gives up the machine's lock as soon as its place in each direction is
// sure. The step's own error comes first.
func (d *Driver) releaseStep(out *Out, step error) error {
	toServer, toClient := out.ToServer.Len() > 0, out.ToClient.Len() > 0
	if toServer {
		if err := d.barrier(); err != nil {
			d.mu.Unlock()
			return fmt.Errorf("make the record durable: %w", err)
		}
		d.server.writing.Lock()
	}
	if toClient {
		d.client.writing.Lock()
	}
	d.mu.Unlock()
	var toServerErr, toClientErr error
	if toServer {
		toServerErr = d.server.write(&out.ToServer)
		d.server.writing.Unlock()
	}
	if toClient {
		toClientErr = d.client.write(&out.ToClient)
		d.client.writing.Unlock()
	}
	out.ToServer.reset() // what was written may be large
	out.ToClient.reset()
	switch {
	case step != nil:
		return step
	case toClientErr != nil:
		return fmt.Errorf("write to client: %w: %w", errClientGone, toClientErr)
	case toServerErr != nil && !errors.Is(toServerErr, os.ErrDeadlineExceeded):
		return d.serverBroke(toServerErr)
	case toServerErr != nil:
		return fmt.Errorf("write to target: %w", toServerErr)
	}
	return nil
}

// serverBroke keeps a failed write to the server from hiding the server's own last words, which may still be on their
// way: the session then ends with them.
func (d *Driver) serverBroke(err error) error {
	select {
	case <-d.stopped:
	case <-time.After(lastWords):
	}
	return fmt.Errorf("write to target: %w", err)
}

// stop ends the session; the first cause counts. Reads return at once, as do writes to the server. A write to the client
// that is under way is given time, so that last words can follow it.
func (d *Driver) stop(cause error) {
	d.once.Do(func() {
		d.cause = cause
		d.ending.Store(true)
		close(d.stopped)
		past := time.Unix(1, 0)
		d.client.conn.SetReadDeadline(past)
		d.client.conn.SetWriteDeadline(time.Now().Add(lastWords))
		d.server.conn.SetDeadline(past)
	})
}

// end gives the machine the last word. No goroutine is left by then.
func (d *Driver) end() error {
	var out Out
	d.mu.Lock()
	err := d.stepEnd(&out)
	d.mu.Unlock()
	if out.ToClient.Len() > 0 && !d.client.broken {
		d.client.conn.SetWriteDeadline(time.Now().Add(lastWords))
		d.client.write(&out.ToClient) // nobody is left to be told that it failed
	}
	d.client.conn.SetDeadline(time.Time{})
	d.server.conn.SetDeadline(time.Time{})
	return err
}

// The three steps of the machine. A panic in one ends this session and no other: it is an error, and nothing of that
// step goes out.

func (d *Driver) stepClient(p []byte, out *Out) (done int, err error) {
	defer contain(out, &err)
	return d.machine.Client(p, out)
}

func (d *Driver) stepServer(p []byte, out *Out) (err error) {
	defer contain(out, &err)
	return d.machine.Server(p, out)
}

func (d *Driver) stepEnd(out *Out) (err error) {
	defer contain(out, &err)
	return d.machine.End(d.cause, out)
}

func contain(out *Out, err *error) {
	if p := recover(); p != nil {
		out.Reset()
		*err = &Fault{Value: p, Stack: debug.Stack()}
	}
}

// Fault is a panic in a machine's step.
type Fault struct {
	Value any
	Stack []byte // for the log
}

func (f *Fault) Error() string { return fmt.Sprintf("a fault in the gateway: %v", f.Value) }
