package simulator

// Knobs are behaviours that the real service shows to some clients and not to
// others, or that it may show at any time. Unlike a [Fault] none of them is an
// error: a correct client copes with every value. They apply from the moment
// they are set; a pairing under way keeps what it began with.
type Knobs struct {
	// RefreshAfterScan makes the first scan of a QR code ask the client for a
	// new ADV secret (notification companion_reg_refresh, seen since July
	// 2026); only the code it shows next pairs.
	RefreshAfterScan bool `json:"refreshAfterScan"`

	// Passkey makes linking stop until the companion has answered a WebAuthn
	// request (seen for some accounts since June 2026).
	Passkey bool `json:"passkey"`

	// QRCodes is how many QR codes a client may show in a row, 1 to 6. whatsmeow
	// shows the first for 60 s when there are 6, each other for 20 s.
	QRCodes int `json:"qrCodes"`

	// PairingCodeSeconds is how long a pairing code can be entered.
	PairingCodeSeconds int `json:"pairingCodeSeconds"`

	// DeliveryReceipts makes contacts confirm each message they decrypt.
	DeliveryReceipts bool `json:"deliveryReceipts"`

	// ReadReceipts makes contacts read each message at once.
	ReadReceipts bool `json:"readReceipts"`

	// HistoryChats and HistoryMessages say how much history a phone sends to a
	// new companion: so many chats of so many messages each. The first sync
	// comes even when both are 0, since some clients wait for it.
	HistoryChats    int `json:"historyChats"`
	HistoryMessages int `json:"historyMessages"`

	// DateSkewSeconds is how far the Date header of the version page is ahead of
	// the simulator's clock: to a client, its own clock seems to be behind.
	DateSkewSeconds int `json:"dateSkewSeconds"`
	// MinRevision is the oldest client revision, the last part of
	// "2.3000.<revision>", that may link or log in; others fail with 405 until
	// they come with what the version page tells. 0 admits all.
	MinRevision uint32 `json:"minRevision"`
	// Compression accepts permessage-deflate when a client offers it.
	Compression bool `json:"compression"`

	// AnswerSeconds is how long a client may take to answer or acknowledge a
	// stanza on a live connection before that is a violation.
	AnswerSeconds int `json:"answerSeconds"`

	// Noise is the probability, 0 to 1, that a stanza is accompanied by
	// something legal and unexpected: an unknown attribute, an unknown child,
	// compression, an unknown ib or notification before it.
	Noise float64 `json:"noise"`

	// DropRate is the probability, 0 to 1, that the connection is cut right
	// after a queued stanza was sent.
	DropRate float64 `json:"dropRate"`
}

// DefaultKnobs is how most accounts see WhatsApp today.
func DefaultKnobs() Knobs {
	return Knobs{
		RefreshAfterScan:   true,
		QRCodes:            6,
		PairingCodeSeconds: 160,
		DeliveryReceipts:   true,
		AnswerSeconds:      30,
	}
}

// Knobs returns the current values.
func (s *Simulator) Knobs() Knobs {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.knobs
}

// Turn changes knobs: change gets the current values and edits them.
func (s *Simulator) Turn(change func(*Knobs)) Knobs {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.knobs)
	return s.knobs
}
