package whatsapp_test

import (
	"testing"
	"time"

	"roost/simulator"
	"roost/simulator/content"
)

// BenchmarkDecryptToEvent is the way of one message after the other from the
// socket to the sink, with keys on the embedded table: what it takes includes
// the simulated server's part, but for the sender's encryption.
func BenchmarkDecryptToEvent(b *testing.B) {
	w := newWorld(b)
	contact, err := w.Contact("491510000002", "Bob")
	if err != nil {
		b.Fatal(err)
	}
	if err := w.client.Connect(b.Context()); err != nil || !w.client.AwaitLogin(time.Minute) {
		b.Fatalf("no login: %v", err)
	}
	defer w.client.Disconnect()
	prepared := make([]*simulator.Prepared, b.N)
	for i := range prepared {
		if prepared[i], err = contact.Prepare(w.phone.LID(), content.Text("a text of ordinary length, as people write it")); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for _, p := range prepared {
		if id := p.Deliver(); (<-w.sink).ID != id {
			b.Fatal("another message came")
		}
	}
}
