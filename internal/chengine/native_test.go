package chengine_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/gatefold/gatefold/internal/chengine"
)

// The native protocol, plain and by TLS with verification, and each compression: what a batch and a search need of it.
func TestNative(t *testing.T) {
	n := chengine.NativeForTest(t)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(n.CA)
	for name, change := range map[string]func(*clickhouse.Options){
		"plain": func(*clickhouse.Options) {},
		"lz4": func(o *clickhouse.Options) {
			o.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
		},
		"zstd": func(o *clickhouse.Options) {
			o.Compression = &clickhouse.Compression{Method: clickhouse.CompressionZSTD}
		},
		"tls": func(o *clickhouse.Options) {
			o.Addr, o.TLS = []string{n.TLSAddr}, &tls.Config{RootCAs: roots}
		},
	} {
		t.Run(name, func(t *testing.T) {
			conn := open(t, n.DSN("default"), change)
			mustExec(t, conn, "DROP TABLE IF EXISTS t")
			mustExec(t, conn, tableT)
			if err := insert(t, context.Background(), conn, 0, 10_000); err != nil {
				t.Fatal(err)
			}
			if n := count(t, conn, "SELECT count() FROM t WHERE id >= ?", 5000); n != 5000 {
				t.Errorf("%d rows", n)
			}
			if err := conn.Exec(context.Background(), "SELECT nix"); codeOf(err) != 47 {
				t.Errorf("an unknown name: %v", err)
			}
		})
	}
	unverified := open(t, n.DSN("default"), func(o *clickhouse.Options) {
		o.Addr, o.TLS = []string{n.TLSAddr}, &tls.Config{}
	})
	if err := unverified.Ping(context.Background()); err == nil {
		t.Error("a certificate that nobody vouches for is taken")
	}
	wrong := open(t, n.DSN("default"), func(o *clickhouse.Options) { o.Auth.Password = "wrong" })
	if err := wrong.Ping(context.Background()); codeOf(err) != 193 {
		t.Errorf("a wrong password: %v", err)
	}
}
