package sqlite_test

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	database "roost/shared/sqlite"
	"roost/shared/sqlite/sqlitetest"
	"roost/shared/table"
	"roost/shared/table/sqlite"
	"roost/shared/table/tabletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB) *sqlite.Table {
	t.Helper()
	// Without the net under lost signals, so that a lost one shows.
	db := sqlitetest.Open(t, database.Options{CheckEvery: time.Hour})
	return sqlite.New(db)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	tabletest.Run(t, func(t *testing.T) table.Table {
		t.Helper()
		return open(t)
	})
}
