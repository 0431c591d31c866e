package sqltext

import (
	"fmt"
	"strings"
	"testing"
)

var benchTexts = []struct{ name, text string }{
	{"point", "SELECT abalance FROM pgbench_accounts WHERE aid = 12345"},
	{"join5", "SELECT a.x, b.y, c.z, d.w, e.v FROM a JOIN b ON a.id = b.id JOIN c ON b.id = c.id JOIN d ON c.id = d.id JOIN e ON d.id = e.id WHERE a.k = 'x' AND b.n > 10 ORDER BY 1 LIMIT 10"},
	{"comment", "/* app:x */ SELECT \"abalance\" FROM pgbench_accounts WHERE aid = 12345"},
	{"insert1MB", "INSERT INTO t (a, b) VALUES (1, 'x')" + strings.Repeat(", (12345, 'some text of a row')", 1<<20/32)},
}

func BenchmarkPostgres(b *testing.B) {
	for _, c := range benchTexts {
		text := []byte(c.text)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if f := Postgres(text); !f.Understood {
					b.Fatal(f.Why)
				}
			}
		})
	}
}

// BenchmarkCached is a hit: the same text, or another literal in it.
func BenchmarkCached(b *testing.B) {
	for _, c := range benchTexts[:3] {
		cache := newCache(b, 1000)
		text := []byte(c.text)
		cache.Read(Reading{}, text)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				cache.Read(Reading{}, text)
			}
		})
	}
	b.Run("newLiteral", func(b *testing.B) {
		cache := newCache(b, 1000)
		texts := make([][]byte, 5000)
		for i := range texts {
			texts[i] = fmt.Appendf(nil, "SELECT abalance FROM pgbench_accounts WHERE aid = %d", i)
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			cache.Read(Reading{}, texts[i%len(texts)])
		}
	})
}

func BenchmarkMeasure(b *testing.B) {
	for _, c := range benchTexts {
		text := []byte(c.text)
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				if err := measure(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMask(b *testing.B) {
	for _, c := range benchTexts {
		text := []byte(c.text)
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				MaskPostgres(text)
			}
		})
	}
}
