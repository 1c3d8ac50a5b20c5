package keys_test

import (
	"fmt"
	"sync"
	"testing"

	"go.mau.fi/whatsmeow/types/events"

	"roost/sessionhost/keys"
	"roost/shared/table"
	"roost/shared/table/tabletest"
	"roost/simulator"
	"roost/simulator/companion"
)

// forever is more calls than any test makes.
const forever = 1 << 30

// A host dies with any of its calls to the table, done or not. Its successor
// gets the message, and can talk to who sent it.
func TestDeathAtAnyCallLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var faults window
	w.table = table.NewCounting(&tabletest.Faulty{Inner: w.inner, Plan: faults.plan})
	var epoch int64
	failures := make(chan error, 1)
	start := func() *companion.Client {
		epoch++
		k, err := keys.Open(w.ctx, w.table, someInstance, epoch, w.wrap, keys.Options{OnFailure: func(err error) {
			select {
			case failures <- err:
			default:
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		w.keys = k
		return w.client(t, k)
	}
	c := start()
	if err := c.Pair(w.ctx, w.scan); err != nil {
		t.Fatal(err)
	}
	for range 5 { // collections
		if _, err := companion.Await[*events.AppStateSyncComplete](w.ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	for _, fault := range []tabletest.Fault{tabletest.Refused, tabletest.Persisted} {
		for calls := range 4 {
			for _, warm := range []bool{true, false} {
				name := fmt.Sprintf("fault %d after %d calls, warm %t", fault, calls, warm)
				if warm {
					w.hear(t, c, "before "+name)
				}
				faults.set(calls, forever, fault)
				var once sync.Once
				c.AddEventHandler(func(evt any) {
					if m, ok := evt.(*events.Message); ok && m.Message.GetConversation() == name {
						once.Do(func() { failures <- nil })
					}
				})
				id, err := w.bob.Send(w.alice.PN(), text(name))
				if err != nil {
					t.Fatal(err)
				}
				select {
				case <-failures: //nolint:errcheck // that it failed is all
				case <-w.ctx.Done():
					t.Fatalf("%s: neither heard nor failed", name)
				}
				c.Close()
				heard := saw(c, id)
				faults.set(0, 0, tabletest.Works)
				for len(failures) > 0 {
					<-failures //nolint:errcheck // told already
				}
				c = start()
				if err := c.Login(w.ctx); err != nil {
					t.Fatal(err)
				}
				if !heard {
					if _, err := companion.Await(w.ctx, c, func(m *events.Message) bool { return m.Info.ID == id }); err != nil {
						t.Fatalf("%s: %v", name, err)
					}
				}
				_, err = w.bob.AwaitReceipt(w.ctx, func(r simulator.Receipt) bool { return r.ID == id })
				if err != nil {
					t.Fatalf("%s: receipt: %v", name, err)
				}
				w.say(t, c, "after "+name)
				for _, evt := range c.Events() {
					if _, bad := evt.(*events.UndecryptableMessage); bad {
						t.Errorf("%s: could not decrypt", name)
					}
				}
			}
		}
	}
	w.verify(t)
}

func saw(c *companion.Client, id string) bool {
	for _, evt := range c.Events() {
		if m, ok := evt.(*events.Message); ok && m.Info.ID == id {
			return true
		}
	}
	return false
}
