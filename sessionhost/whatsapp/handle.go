package whatsapp

import (
	"encoding/json"
	"runtime/debug"
	"time"

	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/types/events"

	"roost/shared/instance"
)

// handle is the one event handler. Its result decides whether WhatsApp is told
// that something has arrived.
func (c *Client) handle(evt any) (handled bool) {
	defer func() {
		if r := recover(); r != nil {
			c.log.Error("event handler panicked", "panic", r, "stack", string(debug.Stack()))
			handled = false
			c.reset()
		}
	}()
	switch e := evt.(type) {
	case *events.Message:
		return c.keep(c.receive(c.context(), e))
	case *events.Receipt:
		return c.keep(c.receipt(c.context(), e))
	case *events.JoinedGroup, *events.GroupInfo: // not acknowledged before they are stored
		if h, ok := c.happening(c.context(), evt); ok {
			return c.keep(c.sink.Happened(c.context(), h))
		}
	case *events.CallOffer:
		c.signals(Called{From: e.From, ID: e.CallID, Group: !e.GroupJID.IsEmpty(), At: e.Timestamp})
		c.tell(evt)
	case *events.CallOfferNotice:
		c.signals(Called{From: e.From, ID: e.CallID, Group: true, At: e.Timestamp})
		c.tell(evt)
	case *events.NotifyAccountReachoutTimelock:
		c.signals(limited(e))
	case *events.Disconnected, *events.ManualLoginReconnect:
		c.signals(Offline{})
	case *events.Connected:
		c.signals(Online{})
	case *events.OfflineSyncCompleted:
		c.signals(Synced{Count: e.Count})
	case *events.PushNameSetting:
		c.named(e.Action.GetName())
	case *events.Contact:
		return c.keep(c.contact(c.context(), e))
	case *events.PushName: // told beside its message, which is what must not be lost
		if err := c.renamed(c.context(), e); err != nil {
			c.log.Warn("name could not be told", "err", err)
		}
		if e.OldPushName == "" {
			c.signals(Portrayed{Who: e.JID})
		}
	case *events.Picture:
		c.signals(Portrayed{Who: e.JID, At: e.Timestamp, Removed: e.Remove})
	case *events.AppStateSyncComplete: // the first sync tells of no single setting
		if e.Name == appstate.WAPatchCriticalUnblockLow {
			if err := c.addressBook(c.context(), e.Version); err != nil {
				c.log.Error("address book cannot be told", "err", err)
			}
		}
		if e.Name == appstate.WAPatchCriticalBlock && c.PushName() == "" {
			if name := c.device.PushName; name != "" { // which the library writes without a lock
				c.named(name)
			}
		}
	case *events.PairSuccess:
		c.book.await()
		c.handlePairing(evt)
	default:
		c.tell(evt)
		c.handlePairing(evt)
		c.handleEnd(evt)
	}
	return true
}

// tell hands on what happens beside messages. WhatsApp does not say it again.
func (c *Client) tell(evt any) {
	h, ok := c.happening(c.context(), evt)
	if !ok {
		return
	}
	if err := c.sink.Happened(c.context(), h); err != nil {
		c.log.Warn("event could not be told", "kind", string(h.Kind), "err", err)
	}
}

func (c *Client) named(name string) {
	c.pushName.Store(&name)
	c.signals(Named{PushName: name})
}

// keep turns the Sink's answer into the handler's, and sees to it that what was
// not stored comes again.
func (c *Client) keep(err error) bool {
	if err == nil {
		return true
	}
	c.log.Warn("event could not be stored", "err", err)
	c.reset()
	return false
}

func (c *Client) handlePairing(evt any) {
	switch e := evt.(type) {
	case *events.QR:
		c.signals(QRCodes{Codes: e.Codes})
	case *events.RotateADVSecret:
		c.signals(SecretRotated{Old: e.OldSecret, New: e.NewSecret})
	case *events.PairPasskeyRequest:
		request, err := json.Marshal(e.PublicKey)
		if err != nil {
			c.signals(PairingFailed{Err: err})
			return
		}
		c.signals(PasskeyAsked{Request: request})
	case *events.PairPasskeyConfirmation:
		c.signals(PasskeyAccepted{Code: e.Code, Skip: e.SkipHandoffUX})
	case *events.PairPasskeyError:
		c.signals(PairingFailed{Err: e.Error})
	case *events.PairError:
		c.signals(PairingFailed{Err: e.Error})
	case *events.PairSuccess:
		c.signals(Linked{JID: e.ID.String(), LID: e.LID.String()})
	}
}

// handleEnd names what no reconnect can mend.
func (c *Client) handleEnd(evt any) {
	switch e := evt.(type) {
	case *events.LoggedOut:
		reason := instance.Reason{
			Code: instance.ReasonLoggedOut, Status: 401,
			Sentence: "The phone has unlinked this instance.", Action: "Link it again with a QR code or a pairing code.",
		}
		if e.OnConnect && e.Reason != 0 {
			reason.Status = int(e.Reason)
		}
		if reason.Status == 403 {
			reason.Code, reason.Sentence = instance.ReasonAccountLocked, "WhatsApp has locked the account."
			reason.Action = "Open WhatsApp on the phone and follow what it says."
		}
		c.signals(Ended{Reason: reason, LoggedOut: true})
	case *events.StreamReplaced:
		c.signals(Ended{Reason: instance.Reason{
			Code: instance.ReasonReplaced, Status: 440,
			Sentence: "Another connection uses the keys of this instance.", Action: "Stop the other one, then connect again.",
		}})
	case *events.TemporaryBan:
		reason := instance.Reason{
			Code: instance.ReasonBanned, Status: 402,
			Sentence: "WhatsApp has banned the account for a while: " + e.Code.String() + ".", Action: "Wait until the ban ends.",
		}
		if e.Expire > 0 {
			reason.Until = time.Now().Add(e.Expire)
		}
		c.signals(Ended{Reason: reason})
	case *events.ClientOutdated:
		c.signals(Ended{Reason: instance.Reason{
			Code: instance.ReasonOutdated, Status: 405,
			Sentence: "WhatsApp demands a newer client.", Action: "Update Roost.",
		}})
	case *events.ConnectFailure:
		c.signals(Ended{Reason: instance.Reason{
			Code: instance.ReasonRefused, Status: int(e.Reason),
			Sentence: "WhatsApp refuses the connection (" + e.Reason.String() + ").",
		}})
	case *events.StreamError:
		c.log.Warn("stream error", "code", e.Code)
	}
}
