package clickhouse

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
)

// How values get into the driver's columns where its own way is a slow one.

// sendAll sends a column's values.
func sendAll[T any](to column.Interface, list []T) error {
	if few, ok := any(list).([]string); ok && to.Type() == "LowCardinality(String)" {
		return sendFew(to, few)
	}
	_, err := to.Append(list)
	return err
}

// sendLists sends lists one by one: the driver goes through lists of lists by reflection.
func sendLists[T any](to column.Interface, lists [][]T) error {
	var none any = []T{}
	for _, list := range lists {
		one := none
		if len(list) > 0 {
			one = list
		}
		if err := to.AppendRow(one); err != nil {
			return err
		}
	}
	return nil
}

// Of a column LowCardinality(String) in the format Native, see SerializationLowCardinality in ClickHouse's source.
const (
	fewKeys  = 2            // as UInt32
	fewWords = 1<<9 | 1<<10 // its own words stand before the keys
	fewKind  = fewKeys | fewWords
)

// sendFew has the driver read the column as a server would send it: words, and each row's number among them. It appends by
// reflection, with an allocation and two look-ups for each value.
func sendFew(to column.Interface, list []string) error {
	known := map[string]uint32{"": 0}
	words, keys := []byte{0}, make([]byte, 0, 4*len(list))
	for _, word := range list {
		key, ok := known[word]
		if !ok {
			key = uint32(len(known))
			known[word] = key
			words = append(binary.AppendUvarint(words, uint64(len(word))), word...)
		}
		keys = binary.LittleEndian.AppendUint32(keys, key)
	}
	head := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, fewKind), uint64(len(known)))
	rows := binary.LittleEndian.AppendUint64(nil, uint64(len(list)))
	all := io.MultiReader(bytes.NewReader(head), bytes.NewReader(words), bytes.NewReader(rows), bytes.NewReader(keys))
	return to.Decode(proto.NewReader(all), len(list))
}
