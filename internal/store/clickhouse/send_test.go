package clickhouse_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/gatefold/gatefold/internal/chengine"
	"github.com/gatefold/gatefold/internal/store/clickhouse"
)

// A column of few words arrives as it is, however many they are: its keys take one byte each, two or four. Over HTTP and over the
// native protocol, which the distribution's server speaks.
func TestColumnsOfFewWordsArriveAsTheyAre(t *testing.T) {
	t.Run("http", func(t *testing.T) { fewWords(t, t.Context(), chengine.ForTest(t).CreateDB(t)) })
	t.Run("native", func(t *testing.T) {
		experimental := driver.Context(t.Context(), driver.WithSettings(driver.Settings{"allow_experimental_low_cardinality_type": 1}))
		fewWords(t, experimental, chengine.NativeForTest(t).DSN("default"))
	})
}

func fewWords(t *testing.T, ctx context.Context, dsn string) {
	conn := connect(t, dsn)
	const create = "CREATE TABLE few (n UInt32, word LowCardinality(String)) ENGINE = Memory"
	if err := conn.Exec(ctx, create); err != nil {
		t.Fatal(err)
	}
	from := 0
	for _, kinds := range []int{1, 255, 256, 257, 65_536, 70_000} {
		numbers, words := make([]uint32, 80_000), make([]string, 80_000)
		for i := range words {
			numbers[i] = uint32(from + i)
			if n := i % kinds; n > 0 { // the first is empty
				words[i] = fmt.Sprint("word ", n)
			}
		}
		batch, err := conn.PrepareBatch(ctx, "INSERT INTO few (n, word)")
		if err != nil {
			t.Fatal(err)
		}
		if err := batch.Column(0).Append(numbers); err != nil {
			t.Fatal(err)
		}
		if err := clickhouse.SendStrings(batch.Columns()[1], words); err != nil {
			t.Fatal(err)
		}
		if err := batch.Send(); err != nil {
			t.Fatal(err)
		}
		rows, err := conn.Query(ctx, "SELECT word FROM few WHERE n >= ? ORDER BY n", from)
		if err != nil {
			t.Fatal(err)
		}
		var there []string
		for rows.Next() {
			var word string
			if err := rows.Scan(&word); err != nil {
				t.Fatal(err)
			}
			there = append(there, word)
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil || !slices.Equal(there, words) {
			t.Errorf("%d words: %d rows arrived, which are not those that were sent: %v", kinds, len(there), err)
		}
		from += len(words)
	}
}
