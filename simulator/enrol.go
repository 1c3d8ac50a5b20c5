package simulator

import (
	"fmt"
	"net/http"
	"time"

	"roost/simulator/linking"
	"roost/simulator/signal"
)

// Enrol links a client whose keys are given, without a pairing on the wire: the
// account's list of devices has it, and it may log in. It counts as one that
// was linked long ago: its phone sends it no first sync. Measurements make
// thousands of linked clients so.
func (u *User) Enrol(e linking.Enrolment) (linking.Enrolled, error) {
	if err := e.Check(); err != nil {
		return linking.Enrolled{}, fmt.Errorf("enrol a companion: %w", err)
	}
	u.mu.Lock()
	id := u.takeDeviceID()
	u.mu.Unlock()
	signer := linking.Signer{Account: u.home.signal.IdentityKey()}
	identity, err := signer.Sign([32]byte(e.Identity), e.ADVSecret, uint32(id), time.Now())
	if err != nil {
		return linking.Enrolled{}, fmt.Errorf("sign the companion's identity: %w", err)
	}
	d := &device{
		sim: u.sim, user: u, id: id, noise: [32]byte(e.Noise), identity: [32]byte(e.Identity),
		registration: e.Registration, welcomed: true,
	}
	signature := [64]byte(e.Signed.Signature)
	d.signed = signal.PreKey{ID: e.Signed.ID, Public: [32]byte(e.Signed.Public), Signature: &signature}
	d.oneTime.grow(len(e.OneTime))
	for _, k := range e.OneTime {
		d.oneTime.add(signal.PreKey{ID: k.ID, Public: [32]byte(k.Public)})
	}
	u.adopt(d)
	return linking.Enrolled{JID: d.pn(), LID: d.lid(), Identity: identity.Container}, nil
}

func (u *User) controlEnrol(r *http.Request) (answer, error) {
	var e linking.Enrolment
	if err := readBody(r, &e); err != nil {
		return answer{}, err
	}
	if err := e.Check(); err != nil {
		return answer{}, badRequest("%v", err)
	}
	enrolled, err := u.Enrol(e)
	if err != nil {
		return answer{}, err
	}
	return ok(enrolled)
}
