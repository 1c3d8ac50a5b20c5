package host_test

import (
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"

	"roost/sessionhost/host"
	"roost/shared/event"
	"roost/shared/instance"
	"roost/shared/table"
	"roost/shared/table/tabletest"
	"roost/simulator"
)

// A record that could not be written is written as soon as the table takes it,
// though nothing else happens by then; and the events tell what is true at once.
func TestRecordBecomesTrue(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]tabletest.Fault{"failed": tabletest.Refused, "failed but persisted": tabletest.Persisted} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			var armed atomic.Bool
			writes := 0 // of the record, since armed; Plan is called by one at a time
			troubled := &tabletest.Faulty{Inner: w.table, Plan: func(_ int, operation string, key table.Key) tabletest.Fault {
				if operation != "Put" || !strings.HasPrefix(key.Partition, "instance#") || !armed.Load() {
					return tabletest.Works
				}
				if writes++; writes == 1 {
					return tabletest.Works // that the connection was lost
				}
				return fault
			}}
			w.hosted("host-1", func(c *host.Config) { c.Table = troubled })
			i := w.create("truthful")
			alice := w.link(i, "491510000001")
			for told := ""; told != string(instance.Open); told = w.connection() {
			}
			logins := w.Logins()
			armed.Store(true)
			must(t, w.Inject(simulator.Fault{Fault: simulator.Cut, Number: alice.Number()}))
			for told := ""; told != string(instance.Open); told = w.connection() {
			}
			if w.Logins() == logins {
				t.Fatal("it was not connected again")
			}
			armed.Store(false)
			w.until(i, "open", open)
		})
	}
}

// connection is the state that the next connection event tells of.
func (w *world) connection() string {
	w.t.Helper()
	var c event.Connection
	must(w.t, json.Unmarshal(w.next(event.ConnectionUpdated).Body, &c))
	return string(c.State)
}
