package session

import (
	"context"
	"strings"
	"time"

	"roost/sessionhost/whatsapp"
	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/instance"
)

const (
	defaultPairing = 160 * time.Second // how long WhatsApp's own codes last
	codeLife       = 160 * time.Second
	codeTries      = 4
	codeTryLimit   = 5 * time.Second
	codePause      = 500 * time.Millisecond
)

// pairing is what a person is offered to link a phone. It outlives the
// connection it began on: when WhatsApp's codes run out before qrTimeout, new
// ones come from a new connection.
type pairing struct {
	until  time.Time
	codes  []string // QR codes still to be shown, the present one first
	six    bool     // the present one is the first of six and is shown longer
	count  int
	number string // for a pairing code, digits, "" for none
	asking bool   // a pairing code is being asked for

	offer instance.Offer
}

func (s *Session) beginPairing(number string) {
	life := defaultPairing
	if t := s.record.Settings.QRTimeout; t > 0 {
		life = time.Duration(t) * time.Second
	}
	if number == "" {
		number = s.record.Number
	}
	until := time.Now().Add(life)
	s.pairing = &pairing{until: until, number: number, offer: instance.Offer{Instance: s.id, Until: until}}
	s.clock.pairing = until
	s.deps.Metrics.PairingsStarted.Add(1)
}

// clockOff refuses a pairing that WhatsApp would: it tells the codes' age by the
// host's clock.
func (s *Session) clockOff(by time.Duration) {
	s.deps.Metrics.PairingsRefused.Add(1)
	s.endPairing(instance.Reason{
		Code:     instance.ReasonClock,
		Sentence: "The clock of the host is off by " + by.Abs().Round(time.Second).String() + ", and a phone would refuse to link.",
		Action:   "Set the host's clock (it must be right to 30 s), then connect again.",
	})
}

// qrCodes are the codes of a fresh connection.
func (s *Session) qrCodes(codes []string) {
	if s.pairing == nil || len(codes) == 0 {
		return
	}
	p := s.pairing
	p.codes, p.six = codes, len(codes) == 6
	p.offer.Code, p.offer.CodeError, p.offer.CodeFault = "", "", "" // a code dies with its connection
	s.clock.connected = time.Time{}
	s.move(instance.Pairing, instance.Reason{})
	s.showQR()
	if p.number != "" {
		s.askForCode()
	}
}

// showQR offers the present code.
func (s *Session) showQR() {
	p := s.pairing
	life := whatsapp.NextCode
	if p.six {
		life = whatsapp.FirstCode
	}
	p.count++
	s.clock.rotate = time.Now().Add(life)
	p.offer.QR, p.offer.QRCount, p.offer.QRAt, p.offer.QRUntil = p.codes[0], p.count, time.Now(), s.clock.rotate
	s.putOffer()
	s.tellQR()
}

// rotate shows the next code. After the last one WhatsApp closes.
func (s *Session) rotate() {
	p := s.pairing
	if p == nil || len(p.codes) == 0 {
		return
	}
	p.codes, p.six = p.codes[1:], false
	if len(p.codes) == 0 { // more come with a new connection
		s.open(p.number)
		return
	}
	s.showQR()
}

// secretRotated replaces a part of the code that is shown and of those to come.
func (s *Session) secretRotated(old, fresh string) {
	p := s.pairing
	if p == nil || len(p.codes) == 0 {
		return
	}
	for i, code := range p.codes {
		p.codes[i] = strings.Replace(code, old, fresh, 1)
	}
	p.count++
	p.offer.QR, p.offer.QRCount, p.offer.QRAt = p.codes[0], p.count, time.Now()
	s.putOffer()
	s.tellQR()
}

// codeResult is what became of asking for a pairing code.
type codeResult struct {
	dial   int
	number string
	code   string
	err    error
}

// wantCode makes sure that a code for number is on offer, or being asked for.
// A code that is on offer stays.
func (s *Session) wantCode(number string) {
	p := s.pairing
	if p == nil || number == "" {
		return
	}
	if p.number == number && (p.asking || p.offer.Code != "" && time.Now().Before(p.offer.CodeUntil)) {
		return
	}
	p.number = number
	p.offer.Code, p.offer.CodeError, p.offer.CodeFault, p.offer.CodeFor = "", "", "", number
	s.putOffer()
	if len(p.codes) > 0 { // else the connection is not there yet, and asks when it is
		s.askForCode()
	}
}

// askForCode asks WhatsApp, up to four times.
func (s *Session) askForCode() {
	p, client, dial := s.pairing, s.client, s.dial
	number := p.number
	p.asking = true
	s.tasks.Go(func() {
		code, err := tryForCode(s.life, client, number)
		s.inbox.put(codeResult{dial, number, code, err})
	})
}

func tryForCode(ctx context.Context, client *whatsapp.Client, number string) (string, error) {
	var last error
	for n := range codeTries {
		try, cancel := context.WithTimeout(ctx, codeTryLimit)
		code, err := client.PairCode(try, number)
		cancel()
		if err == nil {
			return code, nil
		}
		last = err
		if fault.KindOf(err) != fault.Unavailable {
			break
		}
		timer := time.NewTimer(codePause << n)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return "", ctx.Err()
		}
	}
	return "", last
}

func (s *Session) codeArrived(r codeResult) {
	p := s.pairing
	if p == nil {
		return
	}
	p.asking = false
	if p.number != r.number { // another number was asked for meanwhile
		s.askForCode()
		return
	}
	p.offer.CodeFor = r.number
	if r.err != nil {
		s.log.Info("no pairing code", "err", r.err)
		s.deps.Metrics.CodesRefused.Add(1)
		p.offer.Code, p.offer.CodeError, p.offer.CodeFault = "", fault.PublicOf(r.err), fault.KindOf(r.err)
	} else {
		p.offer.Code, p.offer.CodeError, p.offer.CodeFault = r.code, "", ""
		p.offer.CodeAt = time.Now()
		p.offer.CodeUntil = p.offer.CodeAt.Add(codeLife)
	}
	s.putOffer()
	s.tellQR()
}

func (s *Session) passkeyAsked(request []byte) {
	p := s.pairing
	if p == nil {
		return
	}
	p.offer.Passkey = &instance.Passkey{Request: request}
	s.clock.rotate = time.Time{} // the code was taken
	s.putOffer()
	s.move(instance.Pairing, instance.Reason{
		Code: instance.ReasonPasskey, Sentence: "WhatsApp asks for the account's passkey.",
		Action: "Answer the passkey request with the device that holds the passkey.",
	})
}

func (s *Session) passkeyAccepted(code string, skip bool) {
	p := s.pairing
	if p == nil || p.offer.Passkey == nil {
		return
	}
	p.offer.Passkey = &instance.Passkey{Request: p.offer.Passkey.Request, Code: code, Skip: skip}
	s.putOffer()
	if skip {
		client := s.client
		s.tasks.Go(func() {
			if err := client.ConfirmPasskey(s.life); err != nil {
				s.inbox.put(from{client, whatsapp.PairingFailed{Err: err}})
			}
		})
	}
}

// linked is the phone's consent: the login follows by itself, or is made to.
func (s *Session) linked(l whatsapp.Linked) {
	s.dropPairing()
	s.deps.Metrics.PairingsDone.Add(1)
	s.clock.rotate, s.clock.pairing = time.Time{}, time.Time{}
	s.clock.connected = time.Now().Add(loginLimit)
	s.change(instance.Starting, instance.Reason{}, func(i *instance.Instance) {
		i.JID, i.LID, i.Wanted, i.LinkedAt = l.JID, l.LID, true, time.Now()
		i.Profile.PictureURL = "" // of the account before
	})
}

func (s *Session) pairingFailed(err error) {
	s.endPairing(instance.Reason{
		Code: instance.ReasonPairingFailed, Sentence: "The phone could not be linked: " + err.Error() + ".", Action: "Connect again for new codes.",
	})
}

// endPairing closes the connection of an instance that nobody has linked.
func (s *Session) endPairing(reason instance.Reason) {
	if s.pairing != nil {
		s.deps.Metrics.PairingsFailed.Add(1)
	}
	s.drop()
	s.dropPairing()
	s.clock = deadlines{}
	s.change(instance.Closed, reason, func(i *instance.Instance) { i.Wanted, i.ClosedAt = false, time.Now() })
}

func (s *Session) dropPairing() {
	s.clock.pairing = time.Time{}
	if s.pairing == nil {
		return
	}
	s.pairing = nil
	if s.gone {
		return
	}
	if err := s.deps.Instances.DropOffer(s.life, s.id); err != nil {
		s.log.Error("offer cannot be dropped", "err", err)
	}
}

func (s *Session) putOffer() {
	if s.gone {
		return
	}
	if err := s.deps.Instances.PutOffer(s.life, s.pairing.offer); err != nil {
		s.log.Error("offer cannot be stored", "err", err)
	}
}

// tellQR publishes what is shown now.
func (s *Session) tellQR() {
	o := s.pairing.offer
	s.publish(event.QRUpdated, event.QR{Code: o.QR, PairingCode: strings.ReplaceAll(o.Code, "-", ""), Count: o.QRCount},
		o.QR, o.Code)
}
