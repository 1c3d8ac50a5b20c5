package signal_test

import (
	"testing"

	"roost/simulator/signal"
)

func settled(b *testing.B) (x, y party) {
	b.Helper()
	x, y = newParty("1"), newParty("2")
	x.begin(b, y, true)
	x.tell(b, y, "hello", signal.PreKeyMessage)
	y.tell(b, x, "hello", signal.Message)
	return x, y
}

var text = string(make([]byte, 200))

func BenchmarkEncrypt(b *testing.B) {
	x, y := settled(b)
	b.ReportAllocs()
	for b.Loop() {
		x.seal(b, y, text)
	}
}

// A one-way stream; an answer to each message adds a turn of the ratchet.
func BenchmarkDecrypt(b *testing.B) {
	x, y := settled(b)
	var sent []signal.Ciphertext
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i == len(sent) {
			b.StopTimer()
			for range 1000 {
				sent = append(sent, x.seal(b, y, text))
			}
			b.StartTimer()
		}
		y.mustOpen(b, x, sent[i], text)
	}
}

func BenchmarkRoundTrip(b *testing.B) {
	x, y := settled(b)
	b.ReportAllocs()
	for b.Loop() {
		y.mustOpen(b, x, x.seal(b, y, text), text)
		x.mustOpen(b, y, y.seal(b, x, text), text)
	}
}

func BenchmarkBegin(b *testing.B) {
	x, y := newParty("1"), newParty("2")
	bundle := y.bundle(true)
	b.ReportAllocs()
	for b.Loop() {
		if err := x.Begin(y.addr, bundle); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGroup(b *testing.B) {
	x, y := newParty("1"), newParty("2")
	y.learn(b, x, x.senderKey(b))
	b.ReportAllocs()
	for b.Loop() {
		y.mustRead(b, x, x.post(b, text), text)
	}
}

func BenchmarkNewPreKeys(b *testing.B) {
	d := signal.New()
	b.ReportAllocs()
	for b.Loop() {
		d.NewPreKeys(1)
	}
}
