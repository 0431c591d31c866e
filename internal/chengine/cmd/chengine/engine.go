package main

import (
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
)

// engine is the ClickHouse engine of libchdb.so in this process: one data folder, any number of connections. See
// chdb.h of the library's release for the functions' contracts.
type engine struct {
	path   string
	config string // path of a server configuration; empty: none
	anchor uintptr

	connect      func(argc int32, argv **byte) uintptr // NULL, or where a connection's handle is
	closeConn    func(conn uintptr)
	query        func(conn uintptr, text *byte, n uint64, format *byte, nFormat uint64) uintptr
	queryParams  func(conn uintptr, text *byte, n uint64, format *byte, nFormat uint64, names **byte, nNames *uint64, values **byte, nValues *uint64, count uint64) uintptr
	stream       func(conn uintptr, text *byte, n uint64, format *byte, nFormat uint64) uintptr
	streamParams func(conn uintptr, text *byte, n uint64, format *byte, nFormat uint64, names **byte, nNames *uint64, values **byte, nValues *uint64, count uint64) uintptr
	fetch        func(conn, result uintptr) uintptr
	cancel       func(conn, result uintptr)
	destroy      func(result uintptr)
	buffer       func(result uintptr) unsafe.Pointer
	length       func(result uintptr) uint64
	fault        func(result uintptr) unsafe.Pointer // NULL, or a C string
	signals      func(enabled int32)
}

// loadEngine loads the library and opens the folder.
func loadEngine(library, path, config string) (*engine, error) {
	lib, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", library, err)
	}
	e := &engine{path: path, config: config}
	for name, f := range map[string]any{
		"chdb_connect": &e.connect, "chdb_close_conn": &e.closeConn,
		"chdb_query_n": &e.query, "chdb_query_with_params_n": &e.queryParams,
		"chdb_stream_query_n": &e.stream, "chdb_stream_query_with_params_n": &e.streamParams,
		"chdb_stream_fetch_result": &e.fetch, "chdb_stream_cancel_query": &e.cancel,
		"chdb_destroy_query_result": &e.destroy, "chdb_result_buffer": &e.buffer,
		"chdb_result_length": &e.length, "chdb_result_error": &e.fault,
		"chdb_set_signal_handlers_enabled": &e.signals,
	} {
		if _, err := purego.Dlsym(lib, name); err != nil {
			return nil, fmt.Errorf("load %s: %w", library, err)
		}
		purego.RegisterLibFunc(f, lib, name)
	}
	// Else the engine takes SIGSEGV and its kin from Go's runtime. (It sets them to their defaults now and at every
	// connect; a fault then ends the process without Go's trace.)
	e.signals(0)
	// The engine shuts down with its last connection: this one stays.
	if e.anchor, err = e.open(); err != nil {
		return nil, err
	}
	return e, nil
}

// open makes a connection: a session with settings of its own.
func (e *engine) open() (uintptr, error) {
	args := []*byte{cString("clickhouse"), cString("--path=" + e.path)}
	if e.config != "" {
		args = append(args, cString("--config-file="+e.config))
	}
	conn := e.connect(int32(len(args)), &args[0])
	runtime.KeepAlive(args)
	if conn == 0 {
		return 0, fmt.Errorf("open %s: the engine gives no reason (is the folder writable, and no other process's?)", e.path)
	}
	return conn, nil
}

func (e *engine) close() { e.closeConn(e.anchor) }

// session is a connection for one request, which has a thread for itself: the engine keeps state in threads.
type session struct {
	e    *engine
	conn uintptr
}

func (e *engine) session() (*session, error) {
	runtime.LockOSThread()
	conn, err := e.open()
	if err != nil {
		runtime.UnlockOSThread()
		return nil, err
	}
	return &session{e, conn}, nil
}

func (s *session) close() {
	s.e.closeConn(s.conn)
	runtime.UnlockOSThread()
}

// handle is what the engine's functions call the connection.
func (s *session) handle() uintptr { return *(*uintptr)(pointer(s.conn)) }

// params are query parameters by name, their values as text that is escaped as in a TSV field.
type params map[string]string

// run runs a statement to its end and returns all it gave.
func (s *session) run(text, format string, p params) ([]byte, error) {
	var result uintptr
	if len(p) == 0 {
		result = s.e.query(s.handle(), start(text), uint64(len(text)), start(format), uint64(len(format)))
	} else {
		c := p.encode()
		result = s.e.queryParams(s.handle(), start(text), uint64(len(text)), start(format), uint64(len(format)),
			&c.names[0], &c.nNames[0], &c.values[0], &c.nValues[0], uint64(len(p)))
		runtime.KeepAlive(c)
	}
	return s.e.take(result)
}

// rows is the answer of a statement, chunk by chunk.
type rows struct {
	s      *session
	result uintptr
}

// errNotStreamed: the engine streams SELECT alone, and ran nothing.
var errNotStreamed = errors.New("not a statement that streams")

// rows starts a statement; the first chunk may take long.
func (s *session) rows(text, format string, p params) (*rows, error) {
	var result uintptr
	if len(p) == 0 {
		result = s.e.stream(s.handle(), start(text), uint64(len(text)), start(format), uint64(len(format)))
	} else {
		c := p.encode()
		result = s.e.streamParams(s.handle(), start(text), uint64(len(text)), start(format), uint64(len(format)),
			&c.names[0], &c.nNames[0], &c.values[0], &c.nValues[0], uint64(len(p)))
		runtime.KeepAlive(c)
	}
	if result == 0 {
		return nil, errors.New("the engine gave no result")
	}
	if err := s.e.faultOf(result); err != nil {
		s.e.destroy(result)
		if strings.Contains(err.Error(), "Streaming query is not supported") {
			return nil, errNotStreamed
		}
		return nil, err
	}
	return &rows{s, result}, nil
}

// next returns the next chunk; at the end an empty one.
func (r *rows) next() ([]byte, error) {
	return r.s.e.take(r.s.e.fetch(r.s.handle(), r.result))
}

// close ends the statement, also in its middle.
func (r *rows) close(ended bool) {
	if !ended {
		r.s.e.cancel(r.s.handle(), r.result)
	}
	r.s.e.destroy(r.result)
}

// take copies what a result holds, and frees it.
func (e *engine) take(result uintptr) ([]byte, error) {
	if result == 0 {
		return nil, errors.New("the engine gave no result")
	}
	defer e.destroy(result)
	if err := e.faultOf(result); err != nil {
		return nil, err
	}
	n := e.length(result)
	if n == 0 {
		return nil, nil
	}
	return append([]byte(nil), unsafe.Slice((*byte)(e.buffer(result)), n)...), nil
}

// exception is an error of the engine, by its number.
type exception struct {
	code int
	text string // as ClickHouse writes it: Code: 60. DB::Exception: ...
}

func (x *exception) Error() string { return x.text }

// The library wraps what the engine said once or twice: "Code: 62. DB::Exception: Code: 62. DB::Exception: Syntax...".
var (
	exceptionCode = regexp.MustCompile(`Code: (\d+)\.`)
	wrapped       = regexp.MustCompile(`^(?s).*?(Code: (\d+)\. (?:DB::Exception: Code: \d+\. )*)`)
)

func (e *engine) faultOf(result uintptr) error {
	p := e.fault(result)
	if p == nil {
		return nil
	}
	return newException(goString(p))
}

func newException(text string) error {
	m := exceptionCode.FindStringSubmatch(text)
	if m == nil {
		return &exception{1002, "Code: 1002. DB::Exception: " + text + " (UNKNOWN_EXCEPTION)"}
	}
	code, _ := strconv.Atoi(m[1])
	return &exception{code, wrapped.ReplaceAllString(text, "Code: $2. ")}
}

// cParams are parameters as the library takes them.
type cParams struct {
	names, values   []*byte
	nNames, nValues []uint64
}

func (p params) encode() *cParams {
	c := new(cParams)
	for name, value := range p {
		c.names, c.nNames = append(c.names, cString(name)), append(c.nNames, uint64(len(name)))
		c.values, c.nValues = append(c.values, cString(value)), append(c.nValues, uint64(len(value)))
	}
	return c
}

// start is where a text's bytes are; never NULL.
func start(text string) *byte { return cString(text) }

func cString(text string) *byte { return &append([]byte(text), 0)[0] }

func goString(p unsafe.Pointer) string {
	n := 0
	for *(*byte)(unsafe.Add(p, n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(p), n))
}

// pointer turns an address of the library's memory, which Go neither moves nor frees, into a pointer.
func pointer(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }
