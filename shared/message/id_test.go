package message_test

import (
	"regexp"
	"testing"

	"roost/shared/message"
)

func TestNewID(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^3EB0[0-9A-F]{18}$`)
	seen := map[string]bool{}
	for range 1000 {
		id := message.NewID()
		if !form.MatchString(id) || !message.ValidID(id) || seen[id] {
			t.Fatalf("id %q is of another form, or came twice", id)
		}
		seen[id] = true
	}
}

func TestValidID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"3EB0C767D26A3D1B5F8E21": true, "3A5F1C9E2B7D4F6081A3": true, "": false, "short": false,
		"3eb0c767d26a3d1b5f8e21": false, "3EB0C767D26A3D1B5F8E21 ": false, "3EB0C767D26A3D1B5F8E21\n": false,
	} {
		if got := message.ValidID(id); got != want {
			t.Errorf("ValidID(%q) = %v, want %v", id, got, want)
		}
	}
}
