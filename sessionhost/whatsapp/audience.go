package whatsapp

import (
	"context"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// audienceKey is where a context says who sees a status.
type audienceKey struct{}

func withAudience(ctx context.Context, jids []string) context.Context {
	if len(jids) == 0 {
		return ctx
	}
	return context.WithValue(ctx, audienceKey{}, jids)
}

// audience is a device's address book. The library publishes a status to all who
// are in it and whom the account's privacy admits; where a context names an
// audience, it finds those there instead.
type audience struct{ store.ContactStore }

// GetAllContacts implements [store.ContactStore].
func (a audience) GetAllContacts(ctx context.Context) (map[types.JID]types.ContactInfo, error) {
	jids, chosen := ctx.Value(audienceKey{}).([]string)
	if !chosen {
		return a.ContactStore.GetAllContacts(ctx)
	}
	out := make(map[types.JID]types.ContactInfo, len(jids))
	for _, text := range jids {
		jid, err := parseJID(text)
		if err != nil {
			return nil, err
		}
		out[jid] = types.ContactInfo{Found: true, FullName: jid.User} // the library leaves out who has none
	}
	return out, nil
}
