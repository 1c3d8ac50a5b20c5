package sqlite

import "time"

// Waiting is how many requests stand before the writer.
func (db *DB) Waiting() int { return len(db.jobs) }

// Foreign commits a statement as a program would that knows nothing of us.
func (db *DB) Foreign(query string) error {
	conn, err := connect(db.dsn)
	if err != nil {
		return err
	}
	if _, err := conn.Exec(query); err != nil {
		return err
	}
	return conn.close()
}

// Group runs requests in one transaction, in order, and returns their errors: it
// holds the file's gate until all stand before the writer. Nobody else may be
// writing.
func (db *DB) Group(path string, requests ...func(*Tx) error) ([]error, error) {
	gate, err := openGate(path + "-lock")
	if err != nil {
		return nil, err
	}
	if err := gate.lock(); err != nil {
		return nil, err
	}
	db.hold = time.Hour // however slow the machine is
	jobs := make([]*job, len(requests))
	for i, request := range requests {
		jobs[i] = &job{run: request, done: make(chan struct{}, 1)}
		db.jobs <- jobs[i]
	}
	gate.unlock()
	errs := make([]error, len(jobs))
	for i, j := range jobs {
		<-j.done
		errs[i] = j.err
	}
	return errs, gate.close()
}

// OnSync puts fn around the syncs of the log. Nobody may be writing.
func (db *DB) OnSync(fn func(sync func() error) error) {
	sync := db.syncer.sync
	db.syncer.sync = func() error { return fn(sync) }
}
