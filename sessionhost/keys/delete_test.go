package keys_test

import (
	"errors"
	"fmt"
	"testing"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"roost/sessionhost/keys"
	"roost/shared/table/tabletest"
)

// Deleting the device survives a death in the middle: whoever opens the keys
// next finds a new device and nothing of the old one.
func TestDeleteDeviceSurvivesDeath(t *testing.T) {
	t.Parallel()
	for calls := 0; ; calls++ {
		s := newShelf(t)
		k := s.open(t, 1, keys.Options{})
		d := paired(t, k, "49151")
		sessions := make(map[string][]byte)
		for i := range 250 {
			sessions[fmt.Sprintf("%d_1:0", 1000+i)] = []byte("old")
		}
		if err := k.PutManySessions(t.Context(), sessions); err != nil {
			t.Fatal(err)
		}
		s.faults.set(calls, forever, tabletest.Refused)
		died := d.Delete(t.Context()) != nil
		s.faults.set(0, 0, tabletest.Works)
		k = s.open(t, 2, keys.Options{})
		fresh, err := k.Device(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		gone := fresh.ID == nil
		if gone == (died && calls == 0) {
			t.Errorf("death after %d calls: device gone %t", calls, gone)
		}
		if session, err := k.GetSession(t.Context(), "1000_1:0"); err != nil || (session == nil) != gone {
			t.Errorf("death after %d calls: session %q, %v", calls, session, err)
		}
		if gone {
			paired(t, k, "49152")
			if items := s.items(t); len(items) != 3 { // fence, data key, device
				t.Errorf("death after %d calls: %d items", calls, len(items))
			}
		}
		if !died {
			if calls < 4 {
				t.Errorf("it took %d calls only", calls)
			}
			return
		}
	}
}

// Deleting the instance leaves the fence, until it expires.
func TestDelete(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	k := s.open(t, 1, keys.Options{})
	paired(t, k, "49151")
	if err := k.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	items := s.items(t)
	if len(items) != 1 || items[0].Sort != "a/fence" || items[0].Expires.IsZero() {
		t.Errorf("left: %v", items)
	}
	if err := k.PutNCTSalt(t.Context(), []byte{1}); !errors.Is(err, keys.ErrClosed) {
		t.Errorf("write after Delete: %v", err)
	}
	if err := k.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// A device of another account finds nothing of the one before.
func TestAnotherAccountStartsAfresh(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	k := s.open(t, 1, keys.Options{})
	paired(t, k, "49151")
	user := types.NewJID("7", types.HiddenUserServer)
	_, _, err := k.PutPushName(t.Context(), user, "still waits to be written")
	if err = errors.Join(err, k.PutSession(t.Context(), "7_1:0", []byte("old"))); err != nil {
		t.Fatal(err)
	}
	if _, _, err := k.PutPushName(t.Context(), user, "waits again"); err != nil {
		t.Fatal(err)
	}
	other := s.openDevice(t, k)
	if err := other.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	if session, err := k.GetSession(t.Context(), "7_1:0"); err != nil || session != nil {
		t.Errorf("session %q, %v", session, err)
	}
	if c, err := k.GetContact(t.Context(), user); err != nil || c.Found {
		t.Errorf("contact %v, %v", c, err)
	}
	stored, err := s.open(t, 2, keys.Options{}).Device(t.Context())
	if err != nil || stored.ID == nil || stored.ID.User != other.ID.User {
		t.Errorf("device %v, %v", stored, err)
	}
}

// openDevice makes a device that shares nothing with the stored one.
func (s *shelf) openDevice(t *testing.T, k *keys.Keys) *store.Device {
	t.Helper()
	empty := newShelf(t).open(t, 1, keys.Options{})
	d := paired(t, empty, "49152")
	d.Container = k
	return d
}
