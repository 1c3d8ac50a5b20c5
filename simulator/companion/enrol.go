package companion

import (
	"context"
	"fmt"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/util/keys"

	"roost/simulator/linking"
)

// Enrol makes a device that nobody has paired a linked one, as a pairing on the
// wire would: phone is the side of the phone (User.Enrol of the simulator). The
// device stores itself, with so many one-time prekeys, and calls itself name.
// With fewer than five a client uploads more at its first login.
func Enrol(ctx context.Context, d *store.Device, name string, preKeys uint32, phone func(context.Context, linking.Enrolment) (linking.Enrolled, error)) error {
	e := linking.Enrolment{
		Noise: d.NoiseKey.Pub[:], Identity: d.IdentityKey.Pub[:], ADVSecret: d.AdvSecretKey, Registration: d.RegistrationID,
		Signed: enrolledKey(d.SignedPreKey),
	}
	if st, ours := d.Container.(*Store); ours {
		st.attach(d) // which a pairing does when it stores the device
	}
	made, err := d.PreKeys.GetOrGenPreKeys(ctx, preKeys)
	if err != nil {
		return fmt.Errorf("make prekeys: %w", err)
	}
	for _, k := range made {
		e.OneTime = append(e.OneTime, enrolledKey(k))
	}
	answer, err := phone(ctx, e)
	if err != nil {
		return fmt.Errorf("enrol a device: %w", err)
	}
	account, main, err := answer.Confirm(d.IdentityKey, d.AdvSecretKey)
	if err != nil {
		return fmt.Errorf("enrol a device: %w", err)
	}
	jid := answer.JID
	d.ID, d.LID, d.Account, d.Platform, d.PushName = &jid, answer.LID, account, "android", name
	if err := d.Save(ctx); err != nil {
		return fmt.Errorf("enrol %s: %w", jid, err)
	}
	if n := len(made); n > 0 {
		if err := d.PreKeys.MarkPreKeysAsUploaded(ctx, made[n-1].KeyID); err != nil {
			return fmt.Errorf("enrol %s: %w", jid, err)
		}
	}
	if err := d.LIDs.PutLIDMapping(ctx, answer.LID.ToNonAD(), jid.ToNonAD()); err != nil {
		return fmt.Errorf("enrol %s: %w", jid, err)
	}
	if err := d.Identities.PutIdentity(ctx, answer.LID.ToNonAD().SignalAddress().String(), main); err != nil {
		return fmt.Errorf("enrol %s: %w", jid, err)
	}
	return nil
}

func enrolledKey(k *keys.PreKey) linking.EnrolledKey {
	e := linking.EnrolledKey{ID: k.KeyID, Public: k.Pub[:]}
	if k.Signature != nil {
		e.Signature = k.Signature[:]
	}
	return e
}
