package clickhouse_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"testing"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/gatefold/gatefold/internal/chengine"
	"github.com/gatefold/gatefold/internal/store/clickhouse"
)

// The native protocol, plain and by TLS with verification, by our own options: the distribution's server is too old for the
// archive's tables, and two reduced ones are enough to open it and to ask how far a gateway is.
func TestNativeConnection(t *testing.T) {
	n := chengine.NativeForTest(t)
	conn := connect(t, n.DSN("default"))
	for _, q := range []string{"CREATE TABLE meta (key String, value UInt64) ENGINE = Memory", "INSERT INTO meta SELECT 'version', 1",
		"CREATE TABLE blocks (writer String, block UInt64, end UInt64) ENGINE = Memory", "INSERT INTO blocks SELECT 'gw1', 1, 4711"} {
		if err := conn.Exec(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(n.CA)
	secure := &tls.Config{RootCAs: roots}
	for name, change := range map[string]func(*clickhouse.Options){
		"plain":           func(*clickhouse.Options) {},
		"lz4":             func(o *clickhouse.Options) { o.Compression = "lz4" },
		"zstd":            func(o *clickhouse.Options) { o.Compression = "zstd" },
		"tls":             func(o *clickhouse.Options) { o.Hosts, o.TLS = []string{n.TLSAddr}, secure },
		"the second of 2": func(o *clickhouse.Options) { o.Hosts = []string{"127.0.0.1:1", n.Addr} },
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t, n.DSN("default"), clickhouse.Read)
			o.Old()
			change(&o)
			s := open(t, o)
			if end, err := s.Last(t.Context()); end != 4711 || err != nil {
				t.Errorf("the gateway is at %d: %v", end, err)
			}
		})
	}
	o := options(t, n.DSN("default"), clickhouse.Read)
	o.Hosts, o.TLS = []string{n.TLSAddr}, &tls.Config{}
	if _, err := clickhouse.Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
	o = options(t, n.DSN("default"), clickhouse.Read)
	o.Password = "open barley"
	var x *driver.Exception
	if _, err := clickhouse.Open(t.Context(), o); !errors.As(err, &x) || strings.Contains(err.Error(), o.Password) {
		t.Errorf("a wrong password: %v", err)
	}
}
