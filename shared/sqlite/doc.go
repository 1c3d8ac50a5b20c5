// Package sqlite is the embedded database under Roost's table and queue: one
// file, opened by one or several processes, that loses nothing it acknowledged.
//
// # Group commit
//
// One goroutine owns the only writing connection. It takes every request that
// waits, runs each in a savepoint of one transaction so that a failure rolls
// back itself only, and commits once. Throughput rises with load, since what
// comes while it works is in one transaction, and a lone writer never waits for
// company.
//
// # Durability
//
// A commit is in the log (journal_mode=WAL, synchronous=NORMAL): everyone sees it
// and the end of the process does not undo it. Who asked for [DB.Write] is answered
// when it is on disk as well, safe from a loss of power: a goroutine of its own
// syncs the log for all commits that wait, while the writer goes on. The log is
// replayed up to the first frame that is not whole, so whatever was committed
// before a durable commit, by any process, is durable with it. Hence
// [DB.WriteUnsynced] is enough for what is done again if its cause is still there,
// and a consumer may start on what is committed but not yet durable: what it writes
// cannot survive without it.
//
// A sync that fails ends the database: until it is opened anew it refuses reads and
// writes, since what is in memory may never have reached the disk.
//
// The log is copied into the file beside the writer (checkpoint.go), which waits
// only for the last of it when the log has become long.
//
// # Several processes
//
// Writers of different processes queue on a lock of the file beside the
// database (path-lock), which the kernel hands over without polling; SQLite's
// own lock stays underneath and is what correctness rests on. Readers never
// wait for writers.
//
// # Waking
//
// A request touches topics; after its commit everyone who watches one of them,
// in any process, is signalled. Other processes are reached through a named
// pipe that each one keeps in the directory path-wake. Pipes of dead processes
// are removed by whoever finds nobody reading. Should a signal be lost, a check
// once a second (one PRAGMA, and only while somebody watches) repairs it. An
// idle process does nothing else.
//
// # Bounds
//
// A transaction takes at most 512 requests or 4 ms of work before it commits.
// Expired rows are removed by whoever writes, at most 256 of a kind every 10 s
// or, while more are left, every commit; reads must not rely on it.
//
// # Statements
//
// SQLite's planner looks at the value bound to a bare LIMIT ? and to a column
// that a partial index is about, and then compiles the statement anew for every
// other value: write LIMIT ? + 0 and +column.
package sqlite
