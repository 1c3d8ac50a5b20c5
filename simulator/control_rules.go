package simulator

import (
	"encoding/json"
	"net/http"
)

func (s *Simulator) readKnobs(*http.Request) (answer, error) { return ok(s.Knobs()) }

func (s *Simulator) turnKnobs(r *http.Request) (answer, error) {
	var body json.RawMessage
	if err := readBody(r, &body); err != nil {
		return answer{}, err
	}
	var failure error
	knobs := s.Turn(func(k *Knobs) {
		changed := *k
		if failure = decode(body, &changed); failure == nil {
			failure = changed.check()
		}
		if failure == nil {
			*k = changed
		}
	})
	if failure != nil {
		return answer{}, failure
	}
	return ok(knobs)
}

// maxKnob is more than any test can want.
const maxKnob = 1_000_000

// check finds values that no knob can have.
func (k Knobs) check() error {
	switch {
	case k.QRCodes < 1 || k.QRCodes > 6:
		return badRequest("qrCodes must be 1 to 6")
	case max(k.PairingCodeSeconds, k.AnswerSeconds, k.HistoryChats, k.HistoryMessages) > maxKnob,
		min(k.PairingCodeSeconds, k.AnswerSeconds, k.HistoryChats, k.HistoryMessages) < 0:
		return badRequest("pairingCodeSeconds, answerSeconds, historyChats and historyMessages must be 0 to %d", maxKnob)
	case k.Noise < 0 || k.Noise > 1 || k.DropRate < 0 || k.DropRate > 1:
		return badRequest("noise and dropRate must be 0 to 1")
	}
	return nil
}

func (s *Simulator) readFaults(*http.Request) (answer, error) { return ok(list(s.Faults())) }

func (s *Simulator) injectFault(r *http.Request) (answer, error) {
	var f Fault
	if err := readBody(r, &f); err != nil {
		return answer{}, err
	}
	if f.Number != "" {
		u, err := s.person(f.Number)
		if err != nil {
			return answer{}, err
		}
		f.Number = u.pn.User
	}
	if err := s.Inject(f); err != nil {
		return answer{}, err
	}
	return ok(f)
}
