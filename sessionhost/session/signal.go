package session

import (
	"errors"

	"roost/sessionhost/keys"
	"roost/sessionhost/whatsapp"
	"roost/shared/instance"
)

// failed is a failure of the keys.
type failed struct{ err error }

// keysFailed gets what could not be stored again with a new connection, unless
// the keys belong to another host now: then this one must not touch them.
func (s *Session) keysFailed(err error) {
	if errors.Is(err, keys.ErrFenced) {
		s.lost()
		return
	}
	s.log.Warn("keys could not be stored", "err", err)
	if s.up {
		s.client.Reset()
	}
}

// heard acts on a signal of the present connection.
func (s *Session) heard(signal whatsapp.Signal) {
	switch e := signal.(type) {
	case whatsapp.QRCodes:
		s.qrCodes(e.Codes)
	case whatsapp.SecretRotated:
		s.secretRotated(e.Old, e.New)
	case whatsapp.PasskeyAsked:
		s.passkeyAsked(e.Request)
	case whatsapp.PasskeyAccepted:
		s.passkeyAccepted(e.Code, e.Skip)
	case whatsapp.PairingFailed:
		s.pairingFailed(e.Err)
	case whatsapp.Linked:
		s.linked(e)
	case whatsapp.Online:
		s.online()
	case whatsapp.Offline:
		s.offline()
	case whatsapp.Synced: // the library may tell of it before the login
		s.synced = true
		s.becomeReady()
	case whatsapp.Portrayed:
		s.portrayed(e)
	case whatsapp.Named:
		first := s.record.Profile.PushName == "" // before that WhatsApp could not be greeted
		s.setProfile(func(p *instance.Profile) { p.PushName = e.PushName })
		if first {
			s.greet()
		}
	case whatsapp.HistoryDue:
		s.readHistory()
	case whatsapp.Received:
		s.received(e)
	case whatsapp.Called:
		s.called(e)
	case whatsapp.Limited:
		s.limited(e)
	case whatsapp.Ended:
		s.ended(e)
	}
}
