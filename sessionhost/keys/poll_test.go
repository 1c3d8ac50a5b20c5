package keys_test

import (
	"slices"
	"testing"

	"go.mau.fi/whatsmeow/types"

	"roost/sessionhost/keys"
)

// A poll is found under both names of its chat, also by a host that opens the
// keys later.
func TestPoll(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	k := s.open(t, 1, keys.Options{})
	paired(t, k, "49151")
	lid, number := types.NewJID("7", types.HiddenUserServer), types.NewJID("49157", types.DefaultUserServer)
	options := []string{"yes", "no"}
	if err := k.PutLIDMapping(t.Context(), lid, number); err != nil {
		t.Fatal(err)
	}
	if err := k.PutPoll(t.Context(), number, "\x00odd", options); err != nil {
		t.Fatal(err)
	}
	k = s.open(t, 2, keys.Options{})
	for _, chat := range []types.JID{lid, number} {
		if got, err := k.Poll(t.Context(), chat, "\x00odd"); err != nil || !slices.Equal(got, options) {
			t.Errorf("in %s: %q, %v", chat, got, err)
		}
	}
	if got, err := k.Poll(t.Context(), lid, "other"); err != nil || got != nil {
		t.Errorf("another: %q, %v", got, err)
	}
}
