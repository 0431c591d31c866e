package main

import (
	"compress/gzip"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
)

// handler answers as much of ClickHouse's HTTP interface as clickhouse-go uses, and curl. What it does not know
// (external tables, HTTP sessions, deflate and brotli) it refuses; it never leaves anything out quietly.
type handler struct {
	e              *engine
	user, password string // empty: anybody
}

// Parameters of a request that are no settings. Everything else that is not param_... is one.
var notSettings = []string{"query", "database", "default_format", "client_protocol_version", "query_id", "quota_key",
	"user", "password", "compress", "decompress", "buffer_size", "wait_end_of_query", "network_compression_method",
	"network_zstd_compression_level", "stacktrace", "role", "close_session"}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/ping" || r.Method == http.MethodGet && r.URL.RawQuery == "" {
		io.WriteString(w, "Ok.\n")
		return
	}
	id := r.URL.Query().Get("query_id")
	if id == "" {
		id = rand.Text()
	}
	w.Header().Set("X-ClickHouse-Query-Id", id)
	w.Header().Set("X-ClickHouse-Server-Display-Name", "chengine")
	w.Header().Set("X-ClickHouse-Timezone", "UTC")
	out := newOutput(w, r.URL.Query())
	err := h.serve(out, r)
	out.end(err)
}

func (h *handler) serve(out *output, r *http.Request) error {
	q := r.URL.Query()
	if err := h.admit(r, q); err != nil {
		return err
	}
	body, err := requestBody(r, q)
	if err != nil {
		return err
	}
	s, err := h.e.session()
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.prepare(q); err != nil {
		return err
	}
	st, err := readStatement(q.Get("query"), body)
	if err != nil {
		return err
	}
	if st.data != nil {
		defer st.data.Close()
		_, err := s.run(st.text, "Null", paramsOf(q))
		return err
	}
	format := q.Get("default_format")
	if format == "" {
		format = "TabSeparated"
	}
	return s.answer(r.Context(), out, st.text, format, q)
}

// prepare gives a new session its database and settings.
func (s *session) prepare(q url.Values) error {
	if db := q.Get("database"); db != "" && db != "default" {
		if _, err := s.run("USE `"+quoter.Replace(db)+"`", "Null", nil); err != nil {
			return err
		}
	}
	var set []string
	for name, values := range q {
		if !slices.Contains(notSettings, name) && !strings.HasPrefix(name, "param_") {
			set = append(set, name+" = '"+quoter.Replace(values[0])+"'")
		}
	}
	if len(set) == 0 {
		return nil
	}
	slices.Sort(set)
	_, err := s.run("SET "+strings.Join(set, ", "), "Null", nil)
	return err
}

var quoter = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "`", "\\`")

func paramsOf(q url.Values) params {
	p := params{}
	for name, values := range q {
		if name, ok := strings.CutPrefix(name, "param_"); ok {
			p[name] = values[0]
		}
	}
	return p
}

// admit checks name and password, in any of the places where ClickHouse takes them.
func (h *handler) admit(r *http.Request, q url.Values) error {
	if h.user == "" {
		return nil
	}
	user, password, _ := r.BasicAuth()
	if user == "" {
		user, password = r.Header.Get("X-ClickHouse-User"), r.Header.Get("X-ClickHouse-Key")
	}
	if user == "" {
		user, password = q.Get("user"), q.Get("password")
	}
	if user == h.user && subtle.ConstantTimeCompare([]byte(password), []byte(h.password)) == 1 {
		return nil
	}
	return newException(fmt.Sprintf("Code: 516. DB::Exception: %s: Authentication failed: password is incorrect, or "+
		"there is no user with such name. (AUTHENTICATION_FAILED)", user))
}

// requestBody is the request's body, decompressed.
func requestBody(r *http.Request, q url.Values) (io.Reader, error) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		return nil, errors.New("external tables are not served here")
	}
	var body io.Reader = r.Body
	switch enc := r.Header.Get("Content-Encoding"); enc {
	case "", "identity":
	case "gzip":
		var err error
		if body, err = gzip.NewReader(body); err != nil {
			return nil, fmt.Errorf("read gzip: %w", err)
		}
	default:
		return nil, fmt.Errorf("content encoding %q is not served here", enc)
	}
	if on(q.Get("decompress")) {
		body = frames{compress.NewReader(body)}
	}
	return body, nil
}

// frames reads ClickHouse's compressed frames. Its reader wraps the end of input, which is a good end only where a
// frame would begin.
type frames struct{ r *compress.Reader }

func (f frames) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	switch {
	case !errors.Is(err, io.EOF):
	case strings.HasSuffix(err.Error(), "header: EOF"):
		err = io.EOF
	default:
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func on(value string) bool {
	b, _ := strconv.ParseBool(value)
	return b
}

// status is the HTTP status that ClickHouse gives an exception; see exceptionCodeToHTTPStatus in its source.
func status(code int) int {
	switch code {
	case 194: // REQUIRED_PASSWORD
		return http.StatusUnauthorized
	case 497, 516: // ACCESS_DENIED, AUTHENTICATION_FAILED
		return http.StatusForbidden
	case 26, 27, 38, 41, 53, 62, 69, 130, 457: // CANNOT_PARSE_..., TYPE_MISMATCH, SYNTAX_ERROR, BAD_QUERY_PARAMETER
		return http.StatusBadRequest
	case 46, 47, 50, 60, 81, 36: // UNKNOWN_FUNCTION, ..._IDENTIFIER, ..._TYPE, ..._TABLE, ..._DATABASE
		return http.StatusNotFound
	case 159: // TIMEOUT_EXCEEDED
		return http.StatusRequestTimeout
	}
	return http.StatusInternalServerError
}
