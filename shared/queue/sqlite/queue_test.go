package sqlite_test

import (
	"flag"
	"testing"
	"time"

	"go.uber.org/goleak"

	"roost/shared/queue"
	"roost/shared/queue/queuetest"
	"roost/shared/queue/sqlite"
	database "roost/shared/sqlite"
	"roost/shared/sqlite/sqlitetest"
)

func TestMain(m *testing.M) {
	// The tests wait for visibilities to end, most of the time: more of them
	// at once than there are processors.
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

func open(t testing.TB, options database.Options) *sqlite.Queues {
	t.Helper()
	// Without the net under lost signals, so that a lost one shows.
	options.CheckEvery = time.Hour
	db := sqlitetest.Open(t, options)
	return sqlite.New(db)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, func(t *testing.T) queue.Opener {
		t.Helper()
		return open(t, database.Options{})
	})
}
