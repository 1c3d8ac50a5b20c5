package session

import (
	"sync/atomic"
	"time"
)

// Metrics counts what the sessions of a host do. Names in the exposition end in
// their unit; times are sums of microseconds.
type Metrics struct {
	Received        atomic.Int64
	ReceiveFailures atomic.Int64
	ReceiveMicros   atomic.Int64
	Sent            atomic.Int64
	SendFailures    atomic.Int64
	SendMicros      atomic.Int64
	PairingsStarted atomic.Int64
	PairingsDone    atomic.Int64
	PairingsFailed  atomic.Int64 // those refused among them
	PairingsRefused atomic.Int64 // since the host's clock was off
	CodesRefused    atomic.Int64
	BeatsMissed     atomic.Int64
	BecameIdle      atomic.Int64
	Released        atomic.Int64
	AccountsLimited atomic.Int64
	HistoriesRead   atomic.Int64 // pieces
}

func (m *Metrics) publishing(start time.Time, err error) {
	m.ReceiveMicros.Add(time.Since(start).Microseconds())
	if err != nil {
		m.ReceiveFailures.Add(1)
		return
	}
	m.Received.Add(1)
}

func (m *Metrics) sending(start time.Time, err error) {
	m.SendMicros.Add(time.Since(start).Microseconds())
	if err != nil {
		m.SendFailures.Add(1)
		return
	}
	m.Sent.Add(1)
}
