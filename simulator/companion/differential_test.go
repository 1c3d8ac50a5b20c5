package companion

import (
	"testing"

	"roost/simulator/companion/oracle"
)

// The memory store and whatsmeow's own do the same random things and must give
// the same answers.
func TestStoreAgreesWithSQLStore(t *testing.T) {
	t.Parallel()
	st := new(Store)
	p := oracle.New(t, NewDevice(st), "MigratePNToLID")
	for i := range 2000 {
		switch {
		case p.Chance(200):
			st = st.Clone()
			p.Reopen(t, st.Device())
		case p.Chance(20):
			p.Transaction(t)
		default:
			p.Step(t)
		}
		if t.Failed() {
			t.Fatalf("after %d operations", i+1)
		}
	}
	p.CheckAllDone(t)
}
