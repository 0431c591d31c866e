package testenv

import (
	"testing"
	"time"
)

// patience is how long a test waits for what must come: far more than it takes on a machine that is busy with other things.
const patience = 2 * time.Minute

// Eventually polls until ok reports true. A test that needs what never comes ends there, saying what it waited for.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for this: %s", what)
		}
	}
}
