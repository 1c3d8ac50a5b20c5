package oracle

import (
	"maps"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// accountOperations are about people, chats and messages.
var accountOperations = []operation{
	{"PutPushName", false, func(p *Pair) call {
		u, n := person(p.r), name(p.r)
		return func(c ctx, d device) (any, error) {
			changed, old, err := d.Contacts.PutPushName(c, u, n)
			return []any{changed, old}, err
		}
	}},
	{"PutBusinessName", false, func(p *Pair) call {
		u, n := person(p.r), name(p.r)
		return func(c ctx, d device) (any, error) {
			changed, old, err := d.Contacts.PutBusinessName(c, u, n)
			return []any{changed, old}, err
		}
	}},
	{"PutContactName", false, func(p *Pair) call {
		u, full, first := person(p.r), name(p.r), name(p.r)
		return nothing(func(c ctx, d device) error { return d.Contacts.PutContactName(c, u, full, first) })
	}},
	{"PutAllContactNames", false, func(p *Pair) call {
		var es []store.ContactEntry
		for range p.r.IntN(4) {
			es = append(es, store.ContactEntry{JID: person(p.r), FirstName: name(p.r), FullName: name(p.r)})
		}
		return nothing(func(c ctx, d device) error { return d.Contacts.PutAllContactNames(c, append(es[:0:0], es...)) })
	}},
	{"PutManyRedactedPhones", false, func(p *Pair) call {
		var es []store.RedactedPhoneEntry
		for range p.r.IntN(4) {
			es = append(es, store.RedactedPhoneEntry{JID: person(p.r), RedactedPhone: "+49" + name(p.r)})
		}
		return nothing(func(c ctx, d device) error { return d.Contacts.PutManyRedactedPhones(c, append(es[:0:0], es...)) })
	}},
	{"GetContact", false, func(p *Pair) call {
		u := person(p.r)
		return one1(func(c ctx, d device) (types.ContactInfo, error) { return d.Contacts.GetContact(c, u) })
	}},
	{"GetAllContacts", false, func(*Pair) call {
		return one1(func(c ctx, d device) (map[types.JID]types.ContactInfo, error) { return d.Contacts.GetAllContacts(c) })
	}},

	{"PutMutedUntil", true, func(p *Pair) call {
		j, t := chat(p.r), []time.Time{{}, store.MutedForever, unix(p.r)}[p.r.IntN(3)]
		return nothing(func(c ctx, d device) error { return d.ChatSettings.PutMutedUntil(c, j, t) })
	}},
	{"PutPinned", true, func(p *Pair) call {
		j, b := chat(p.r), p.r.IntN(2) == 0
		return nothing(func(c ctx, d device) error { return d.ChatSettings.PutPinned(c, j, b) })
	}},
	{"PutArchived", true, func(p *Pair) call {
		j, b := chat(p.r), p.r.IntN(2) == 0
		return nothing(func(c ctx, d device) error { return d.ChatSettings.PutArchived(c, j, b) })
	}},
	{"GetChatSettings", true, func(p *Pair) call {
		j := chat(p.r)
		return one1(func(c ctx, d device) (types.LocalChatSettings, error) { return d.ChatSettings.GetChatSettings(c, j) })
	}},

	{"PutMessageSecrets", true, func(p *Pair) call {
		ins := []store.MessageSecretInsert{{Chat: chat(p.r), ID: "incomplete"}}
		for range p.r.IntN(3) {
			ins = append(ins, secretOf(p.r))
		}
		return nothing(func(c ctx, d device) error { return d.MsgSecrets.PutMessageSecrets(c, ins) })
	}},
	{"PutMessageSecret", true, func(p *Pair) call {
		in := secretOf(p.r)
		return nothing(func(c ctx, d device) error {
			return d.MsgSecrets.PutMessageSecret(c, in.Chat, in.Sender, in.ID, in.Secret)
		})
	}},
	{"GetMessageSecret", true, func(p *Pair) call {
		in := secretOf(p.r)
		in.Chat, in.Sender = renamed(p.r, in.Chat), renamed(p.r, in.Sender)
		return func(c ctx, d device) (any, error) {
			secret, sender, err := d.MsgSecrets.GetMessageSecret(c, in.Chat, in.Sender, in.ID)
			return []any{secret, sender}, err
		}
	}},

	{"PutPrivacyTokens", true, func(p *Pair) call {
		tokens := []store.PrivacyToken{{User: person(p.r), Token: blob(p.r, 8), Timestamp: unix(p.r)}}
		if p.r.IntN(2) == 0 {
			tokens[0].SenderTimestamp = unix(p.r)
			tokens = append(tokens, store.PrivacyToken{User: person(p.r), Token: blob(p.r, 8), Timestamp: unix(p.r)})
		}
		return nothing(func(c ctx, d device) error { return d.PrivacyTokens.PutPrivacyTokens(c, tokens...) })
	}},
	{"GetPrivacyToken", true, func(p *Pair) call {
		u := person(p.r)
		return one1(func(c ctx, d device) (*store.PrivacyToken, error) { return d.PrivacyTokens.GetPrivacyToken(c, u) })
	}},
	{"DeleteExpiredPrivacyTokens", true, func(p *Pair) call {
		cutoff := time.Unix(p.r.Int64N(5e8), 0)
		return one1(func(c ctx, d device) (int64, error) { return d.PrivacyTokens.DeleteExpiredPrivacyTokens(c, cutoff) })
	}},
	{"PutNCTSalt", true, func(p *Pair) call {
		b := blob(p.r, 16)
		return nothing(func(c ctx, d device) error { return d.NCTSalt.PutNCTSalt(c, b) })
	}},
	{"GetNCTSalt", true, func(*Pair) call {
		return one1(func(c ctx, d device) ([]byte, error) { return d.NCTSalt.GetNCTSalt(c) })
	}},
	{"DeleteNCTSalt", true, func(*Pair) call {
		return nothing(func(c ctx, d device) error { return d.NCTSalt.DeleteNCTSalt(c) })
	}},

	{"GetBufferedEvent", true, func(p *Pair) call {
		h := p.event()
		return func(c ctx, d device) (any, error) {
			e, err := d.EventBuffer.GetBufferedEvent(c, h)
			if e == nil {
				return "none", err
			}
			if e.Plaintext == nil {
				return "handled", err // nobody needs the times
			}
			return []any{e.Plaintext, e.ServerTime}, err
		}
	}},
	{"PutBufferedEvent", true, func(p *Pair) call {
		p.events++
		h, b, t := p.event(), blob(p.r, 20), unix(p.r)
		h[2], h[3] = byte(p.events), byte(p.events>>8)
		return nothing(func(c ctx, d device) error { return d.EventBuffer.PutBufferedEvent(c, h, b, t) })
	}},
	{"ClearBufferedEventPlaintext", false, func(p *Pair) call {
		h := p.event()
		return nothing(func(c ctx, d device) error { return d.EventBuffer.ClearBufferedEventPlaintext(c, h) })
	}},
	{"DeleteOldBufferedHashes", true, func(*Pair) call {
		return nothing(func(c ctx, d device) error { return d.EventBuffer.DeleteOldBufferedHashes(c) })
	}},

	{"AddOutgoingEvent", true, func(p *Pair) call {
		j, id, b := chat(p.r), name(p.r), blob(p.r, 20)
		return nothing(func(c ctx, d device) error { return d.EventBuffer.AddOutgoingEvent(c, j, id, "wa", b) })
	}},
	{"GetOutgoingEvent", true, func(p *Pair) call {
		j, id := chat(p.r), name(p.r)
		return func(c ctx, d device) (any, error) {
			format, b, err := d.EventBuffer.GetOutgoingEvent(c, types.EmptyJID, j, id)
			return []any{format, b}, err
		}
	}},
	{"DeleteOldOutgoingEvents", true, func(*Pair) call {
		return nothing(func(c ctx, d device) error { return d.EventBuffer.DeleteOldOutgoingEvents(c) })
	}},

	{"PutLIDMapping", false, func(p *Pair) call {
		l, n := lid(p.r), pn(p.r)
		if p.r.IntN(10) == 0 {
			l, n = n, l
		}
		return nothing(func(c ctx, d device) error { return d.LIDs.PutLIDMapping(c, l, n) })
	}},
	{"PutManyLIDMappings", false, func(p *Pair) call {
		unique := map[string]store.LIDMapping{"": {PN: pn(p.r)}, "group": {LID: lid(p.r), PN: chat(p.r).ToNonAD()}}
		if unique["group"].PN.Server == types.DefaultUserServer {
			delete(unique, "group")
		}
		m := store.LIDMapping{LID: lid(p.r), PN: pn(p.r)}
		unique[m.PN.User] = m
		return nothing(func(c ctx, d device) error {
			var ms []store.LIDMapping
			for m := range maps.Values(unique) {
				ms = append(ms, m)
			}
			return d.LIDs.PutManyLIDMappings(c, ms)
		})
	}},
	{"GetPNForLID", false, func(p *Pair) call {
		j := person(p.r)
		return one1(func(c ctx, d device) (types.JID, error) { return d.LIDs.GetPNForLID(c, j) })
	}},
	{"GetLIDForPN", false, func(p *Pair) call {
		j := person(p.r)
		return one1(func(c ctx, d device) (types.JID, error) { return d.LIDs.GetLIDForPN(c, j) })
	}},
	{"GetManyLIDsForPNs", false, func(p *Pair) call {
		var js []types.JID
		for range p.r.IntN(4) {
			js = append(js, person(p.r))
		}
		return one1(func(c ctx, d device) (map[types.JID]types.JID, error) { return d.LIDs.GetManyLIDsForPNs(c, js) })
	}},
}

// event is the hash of one of the last events, or of none.
func (p *Pair) event() [32]byte {
	n := max(0, p.events-p.r.IntN(50))
	return [32]byte{2: byte(n), 3: byte(n >> 8), 31: 1}
}
