package postgres

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"maps"
	"net"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/gatefold/gatefold/protocols"
)

const (
	maxMessages = 1000     // messages of a target before it is ready
	maxWelcome  = 64 << 10 // bytes of settings and notices that it tells in a login
)

// target is what a target said in its login.
type target struct {
	pid      uint32
	key      []byte            // its cancel key: 4 bytes, up to 256 in protocol 3.2
	settings map[string]string // its ParameterStatus
	welcome  []byte            // ParameterStatus and NoticeResponse messages, for the client
	maxText  int
}

// Join logs in to the target with the route's credential and, when that let us in, tells the client that it is in.
func (c *conn) Join(ctx context.Context, route protocols.Route) (joined protocols.Joined, err error) {
	release := protocols.Guard(ctx, c.origin.Conn)
	defer release()
	defer func() { err = loginError(ctx, err) }()

	server, err := dialTarget(ctx, route)
	if err != nil {
		return joined, err
	}
	if err := c.setServer(server); err != nil {
		return joined, err
	}
	releaseServer := protocols.Guard(ctx, server)
	defer releaseServer()
	l := &login{route: route, startup: c.startup, conn: server, r: bufio.NewReader(server)}
	defer l.wipe()
	if c.target, err = l.run(); err != nil {
		return joined, err
	}
	if rest := l.rest(); rest != nil {
		// Said behind the greeting: it goes to the client in its place, by the relay.
		if err := c.setServer(&prefixConn{Conn: server, prefix: rest}); err != nil {
			return joined, err
		}
	}
	if c.target.maxText = route.MaxText; c.target.maxText == 0 {
		c.target.maxText = c.protocol.opt.MaxText
	}
	if err := c.welcome(route); err != nil {
		return joined, err
	}
	return protocols.Joined{
		Peer: server.RemoteAddr().String(), PID: uint64(c.target.pid),
		Version: c.target.settings["server_version"], TLS: protocols.TLSName(server),
	}, nil
}

// welcome tells the client that it is in, in the target's words: but for the cancel key, which is the gateway's own. The
// process id stays the target's, since clients compare it with pg_backend_pid() and the sender of notifications.
func (c *conn) welcome(route protocols.Route) error {
	key := c.protocol.cancels.issue(c.target, route, c.startup.version)
	if err := c.setCancel(key); err != nil {
		return err
	}
	b := encode(&pgproto3.AuthenticationOk{})
	b = append(b, c.target.welcome...)
	b = append(b, encode(&pgproto3.BackendKeyData{ProcessID: c.target.pid, SecretKey: key.secret},
		&pgproto3.ReadyForQuery{TxStatus: 'I'})...)
	if _, err := c.client.Write(b); err != nil {
		return fmt.Errorf("tell the client that it is in: %w", err)
	}
	return nil
}

// dialTarget reaches the target, with TLS where the route has it. It never falls back.
func dialTarget(ctx context.Context, route protocols.Route) (net.Conn, error) {
	nc, err := route.Dial(ctx)
	if err != nil {
		return nil, &protocols.Error{Class: protocols.ClassTarget, Message: "the target can't be reached", Cause: err,
			Hint: "It may be down; try again later, or ask whoever runs the gateway."}
	}
	if route.TLS == nil {
		return nc, nil
	}
	t, err := startTLS(ctx, nc, route.TLS)
	if err != nil {
		nc.Close()
		return nil, err
	}
	return t, nil
}

// startTLS asks a target for TLS and does the handshake. Only the answer S goes on; one byte is read, so that nothing
// said in plaintext behind it is taken for something said inside TLS. An error message here comes from nobody that is
// known and isn't shown (CVE-2024-10977).
func startTLS(ctx context.Context, nc net.Conn, config *tls.Config) (net.Conn, error) {
	release := protocols.Guard(ctx, nc)
	defer release()
	if _, err := nc.Write(encode(&pgproto3.SSLRequest{})); err != nil {
		return nil, targetIO("ask the target for TLS", err)
	}
	var answer [1]byte
	if _, err := io.ReadFull(nc, answer[:]); err != nil {
		return nil, targetIO("read the target's answer to SSLRequest", err)
	}
	switch answer[0] {
	case 'S':
	case 'N':
		return nil, &protocols.Error{Class: protocols.ClassTarget, Message: "the target does not offer TLS, and the gateway does not go on without it",
			Hint: "Turn TLS on at the target (ssl = on); the gateway never falls back to plaintext."}
	default:
		return nil, &protocols.Error{Class: protocols.ClassTarget, Message: "the target did not answer the gateway's request for TLS",
			Cause: fmt.Errorf("it answered %q, want S or N", answer[0])}
	}
	config = config.Clone()
	if len(config.NextProtos) == 0 {
		config.NextProtos = []string{alpn}
	}
	t := tls.Client(nc, config)
	if err := t.HandshakeContext(ctx); err != nil {
		return nil, &protocols.Error{Class: protocols.ClassTarget, Message: "the TLS handshake with the target failed", Cause: err,
			Hint: "Its certificate may not be the one that the gateway is told to trust; the gateway's log names the cause."}
	}
	return t, nil
}

// targetIO is what the client is told when the target's connection fails: that, not how.
func targetIO(doing string, err error) error {
	return &protocols.Error{Class: protocols.ClassTarget, Message: "the connection to the target failed during login",
		Cause: fmt.Errorf("%s: %w", doing, err)}
}

// targetError is an ErrorResponse of the target in the gateway's login.
type targetError struct {
	code, message string
	loggedIn      bool // it came after the password was accepted
}

func (e *targetError) Error() string { return "target: " + e.message + " (SQLSTATE " + e.code + ")" }

// tellable reports whether the client may be shown the code: what it asked for itself, or the target's state, and
// nothing about the login.
func (e *targetError) tellable() bool {
	switch e.code {
	case "3D000", // invalid_catalog_name
		"53300", // too_many_connections
		"57P03": // cannot_connect_now
		return true
	case "22023", "22007", "42704": // a setting's value that does not exist
		return e.loggedIn
	}
	return false
}

// refusedBy is what the client is told when the target refuses the login. The target's own words name its user, so
// they go to the log only.
func refusedBy(e *targetError) error {
	refusal := &protocols.Error{Class: protocols.ClassTarget, Message: "the target refused the gateway's login", Cause: e,
		Hint: "Ask whoever runs the gateway: its log names the cause."}
	if !e.tellable() {
		return refusal
	}
	refusal.Hint = ""
	switch e.code {
	case "3D000":
		refusal.Message = "the target has no database of this name"
		refusal.Hint = "Name one that it has; where none is named it is the target's default."
	case "53300":
		refusal.Message = "the target has no connection slot left"
	case "57P03":
		refusal.Message = "the target is starting up or shutting down"
	default:
		refusal.Message = "the target refused a startup parameter"
		refusal.Detail = e.message
	}
	return refusal
}

// asStartup is the gateway's own StartupMessage: the credential's name, the client's database and settings.
func (l *login) asStartup() *pgproto3.StartupMessage {
	parameters := maps.Clone(l.startup.settings)
	parameters["user"] = l.route.Credential.User
	if l.route.Database != "" {
		parameters["database"] = l.route.Database
	}
	version := uint32(version30)
	if l.startup.version >= version32 {
		version = version32
	}
	return &pgproto3.StartupMessage{ProtocolVersion: version, Parameters: parameters}
}
