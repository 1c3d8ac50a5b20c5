package keys_test

import (
	"errors"
	"testing"

	"go.mau.fi/util/random"
	"go.mau.fi/whatsmeow/store"

	"roost/sessionhost/keys"
	"roost/shared/seal"
	"roost/shared/table"
	"roost/simulator/companion/oracle"
)

// The keys and whatsmeow's own store do the same random things and must give the
// same answers: also after a crash, and when next to nothing fits into memory.
func TestKeysAgreeWithSQLStore(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]keys.Options{
		"all in memory":   {},
		"next to nothing": keys.Options{Sessions: 3}.WithFacts(2),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &owner{table: newTable(t), wrapper: newWrapper(t), options: options}
			// What was sent, and tokens, expire by the table.
			p := oracle.New(t, o.open(t), "DeleteOldOutgoingEvents", "DeleteExpiredPrivacyTokens",
				"MigratePNToLID, once in its life")
			for i := range 1000 {
				switch {
				case p.Chance(400):
					o.close(t)
					p.Reopen(t, o.open(t))
				case p.Chance(133):
					crash(t, p)
					o.epoch += int64(i % 2)
					p.Reopen(t, o.open(t))
				case p.Chance(16):
					p.Transaction(t)
				default:
					p.Step(t)
				}
				if t.Failed() {
					t.Fatalf("after %d operations", i+1)
				}
			}
			p.CheckAllDone(t)
		})
	}
}

// owner opens the keys of one instance again and again.
type owner struct {
	table   table.Table
	wrapper seal.Wrapper
	options keys.Options
	keys    *keys.Keys
	epoch   int64
}

func (o *owner) open(t *testing.T) *store.Device {
	t.Helper()
	var err error
	if o.keys, err = keys.Open(t.Context(), o.table, someInstance, o.epoch, o.wrapper, o.options); err != nil {
		t.Fatal(err)
	}
	device, err := o.keys.Device(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return device
}

func (o *owner) close(t *testing.T) {
	t.Helper()
	if err := o.keys.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := o.keys.GetNCTSalt(t.Context()); !errors.Is(err, keys.ErrClosed) {
		t.Fatalf("read after Close: %v", err)
	}
}

// crash is a transaction, with which all that waited for one must have been
// written, and then the loss of everything in memory.
func crash(t *testing.T, p *oracle.Pair) {
	t.Helper()
	salt := random.Bytes(16)
	p.Both(t, func(d *store.Device) error { return d.NCTSalt.PutNCTSalt(t.Context(), salt) })
}
