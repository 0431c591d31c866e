package clickhouse

import "github.com/gatefold/gatefold/internal/record"

// Explained is the first question that a search by words or digests asks.
func Explained(n record.Narrow) string { return saidQuery(sayings(n)[:1]) }
