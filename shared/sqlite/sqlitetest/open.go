// Package sqlitetest gives tests an embedded database of their own.
package sqlitetest

import (
	"path/filepath"
	"testing"

	"roost/shared/sqlite"
)

// Open opens a new database in a directory of the test's, and closes it at the
// end of the test.
func Open(t testing.TB, options sqlite.Options) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "roost.db"), options)
	if err != nil {
		t.Fatalf("open database: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close database: %v", err)
		}
	})
	return db
}
