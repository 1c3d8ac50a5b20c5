package sqlite

import "time"

// SweepLimit is how many rows a [Sweeper] may remove in one call.
const SweepLimit = 256

const sweepEvery = 10 * time.Second

// Sweeper removes rows that expired before now, at most [SweepLimit] of them,
// and returns how many it removed.
type Sweeper func(tx *Tx, now time.Time) (int64, error)

// Sweep registers a sweeper. It runs inside the transactions of whoever writes,
// so an idle database is left alone.
func (db *DB) Sweep(sweeper Sweeper) {
	db.sweepMu.Lock()
	defer db.sweepMu.Unlock()
	db.sweepers = append(db.sweepers, sweeper)
}

// sweep gives every sweeper its turn when one is due. It fails for itself only:
// what it could not remove is invisible anyway and is tried again.
func (w *writer) sweep() {
	now := w.db.now()
	if since := now.Sub(w.swept); since >= 0 && since < sweepEvery {
		return
	}
	w.db.sweepMu.Lock()
	sweepers := w.db.sweepers
	w.db.sweepMu.Unlock()
	more := false
	for _, sweeper := range sweepers {
		j := &job{run: func(tx *Tx) error {
			n, err := sweeper(tx, now)
			more = more || n >= SweepLimit
			return err
		}}
		if err := w.run(j); err != nil {
			return
		}
	}
	if !more {
		w.swept = now
	}
}
