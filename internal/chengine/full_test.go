package chengine_test

import (
	"context"
	"crypto/rand"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/gatefold/gatefold/internal/chengine"
)

// An engine on a full disk refuses an insert with a code of its own, all of it, and goes on when there is room.
func TestFullDisk(t *testing.T) {
	disk, grow := chengine.SmallDisk(t, 48)
	e := chengine.NewForTest(t, chengine.Options{Dir: disk})
	conn := open(t, e.CreateDB(t), nil)
	mustExec(t, conn, tableT)
	var full error
	sent := uint64(0)
	for ; full == nil; sent++ {
		if sent > 100 {
			t.Fatal("the disk never fills")
		}
		full = insertRandom(conn, 1<<20)
	}
	sent--
	t.Logf("after %d MiB: %v", sent, full)
	if code := codeOf(full); code != 243 && code != 75 { // NOT_ENOUGH_SPACE, CANNOT_WRITE_TO_FILE_DESCRIPTOR
		t.Errorf("the code is %d", code)
	}
	if n := count(t, conn, "SELECT count() FROM t"); n != sent {
		t.Errorf("%d rows, and %d were taken", n, sent)
	}
	grow(256)
	if err := insertRandom(conn, 1<<20); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// insertRandom inserts one row that does not compress.
func insertRandom(conn clickhouse.Conn, size int) error {
	batch, err := conn.PrepareBatch(context.Background(), "INSERT INTO t (id, text)")
	if err != nil {
		return err
	}
	defer batch.Close()
	text := make([]byte, size)
	_, _ = rand.Read(text)
	if err := batch.Append(uint64(size), string(text)); err != nil {
		return err
	}
	return batch.Send()
}
