package clickhouse

import (
	"fmt"
	"io"
	"net/http"
)

// genuine passes on answers of ClickHouse's alone. The driver takes a 200 of anybody (a portal's page, a mistaken
// address, a proxy's excuse) for the success of an insert: a batch would be lost, and the cursor go on.
type genuine struct{ next http.RoundTripper }

func onlyGenuine(t *http.Transport) (http.RoundTripper, error) { return genuine{t}, nil }

func (g genuine) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := g.next.RoundTrip(r)
	// ClickHouse gives each request an id, before anything else; see HTTPHandler::processQuery in its source.
	if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get("X-ClickHouse-Query-Id") != "" {
		return resp, err
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
	_ = resp.Body.Close()
	return nil, fmt.Errorf("the answer (%s) is not ClickHouse's: it has no X-ClickHouse-Query-Id", resp.Header.Get("Content-Type"))
}

// CloseIdleConnections is what http.Client asks for when it ends.
func (g genuine) CloseIdleConnections() {
	if c, ok := g.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
