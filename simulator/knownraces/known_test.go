package knownraces_test

import (
	"context"
	"os"
	"sync"
	"testing"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"roost/simulator/knownraces"
)

func TestMain(m *testing.M) {
	knownraces.Suppress()
	os.Exit(m.Run())
}

// container accepts the deletion of a device.
type container struct{ store.DeviceContainer }

func (container) DeleteDevice(context.Context, *store.Device) error { return nil }

// Fails under the race detector when the list is not in force.
func TestKnown(t *testing.T) {
	t.Parallel()
	d := &store.Device{ID: &types.JID{User: "1"}, Container: container{}}
	var group sync.WaitGroup
	group.Go(func() { _ = d.GetJID() })
	group.Go(func() {
		if err := d.Delete(t.Context()); err != nil {
			t.Error(err)
		}
	})
	group.Wait()
}

func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	if v := os.Getenv("GORACE"); v != "" {
		t.Skip("GORACE was set by the caller: ", v)
	}
}
