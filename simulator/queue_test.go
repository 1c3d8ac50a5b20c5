package simulator

import (
	"strconv"
	"testing"

	"go.mau.fi/whatsmeow/types"
)

// A client that was away for long confirms the oldest messages last known.
func TestOwedMessagesAreNotForgotten(t *testing.T) {
	t.Parallel()
	var q queue
	from := types.NewJID("100000000000001", types.HiddenUserServer)
	for i := range maxKnown + 1 {
		q.add(&owed{class: "message", id: strconv.Itoa(i), from: from})
	}
	if got, ok := q.sender("0", from); !ok || got != from {
		t.Errorf("sender of the oldest owed message: %v, %v", got, ok)
	}
	q.settle("message", "0", from)
	if _, ok := q.sender("0", from); ok {
		t.Error("a message beyond the bound is known after it was settled")
	}
	if _, ok := q.sender("never", from); ok {
		t.Error("a message that was never queued is known")
	}
}
