package whatsapp

import (
	"context"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"roost/shared/fault"
)

// narrows refuses an audience that the library would not keep to: an account
// which publishes to chosen people only does so whoever else is named.
func (c *Client) narrows(ctx context.Context, audience []string) error {
	if len(audience) == 0 {
		return nil
	}
	privacy, err := c.wa.GetStatusPrivacy(ctx)
	if err != nil {
		return fault.Wrap(fault.Unavailable, err, "the account's privacy could not be asked for: %s", cause(err))
	}
	if privacy[0].Type == types.StatusPrivacyTypeWhitelist {
		return fault.New(fault.Conflict, "the account shares its status only with people chosen on the phone: publish it for all of them")
	}
	return nil
}

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
