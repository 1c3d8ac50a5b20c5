package keys

import (
	"bytes"
	"context"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// token is a stored privacy token.
type token struct {
	Token    []byte `json:"token"`
	Received int64  `json:"received_seconds"`
	Sent     *int64 `json:"sent_seconds,omitempty"`
}

// prefetchTokens is for how many addresses GetManySessions also loads tokens:
// only a send to one person asks for one.
const prefetchTokens = 8

func tokenSort(user types.JID) string { return prefixToken + user.String() }

// tokenSorts are the sort keys under which the tokens of Signal addresses stand.
func (k *Keys) tokenSorts(addresses []string) []string {
	var sorts []string
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, address := range addresses {
		user, _, _ := strings.Cut(address, ":")
		lid, ok := strings.CutSuffix(user, "_1")
		if !ok {
			continue
		}
		sorts = append(sorts, tokenSort(types.NewJID(lid, types.HiddenUserServer)))
		if p, ok := k.pairs.byLID[lid]; ok {
			sorts = append(sorts, tokenSort(types.NewJID(p.pn, types.DefaultUserServer)))
		}
	}
	return sorts
}

// PutPrivacyTokens implements [store.PrivacyTokenStore]: an older token does not
// replace a newer one, and none forgets when ours was sent.
func (k *Keys) PutPrivacyTokens(ctx context.Context, tokens ...store.PrivacyToken) error {
	expires := k.options.Now().Add(tokenLife)
	sorts := make([]string, len(tokens))
	for i, t := range tokens {
		sorts[i] = tokenSort(t.User.ToNonAD())
	}
	return k.update(ctx, inPieces, func(tx *txn) error {
		values, err := tx.readMany(ctx, sorts)
		if err != nil {
			return err
		}
		for i, t := range tokens {
			old := values[sorts[i]]
			if e, changed := tx.edits[sorts[i]]; changed {
				old = e.value
			}
			var stored token
			found, err := decodeJSON(sorts[i], old, &stored)
			if err != nil {
				return err
			}
			if found && t.Timestamp.Unix() < stored.Received {
				continue
			}
			stored.Token, stored.Received = bytes.Clone(t.Token), t.Timestamp.Unix()
			if !t.SenderTimestamp.IsZero() {
				sent := t.SenderTimestamp.Unix()
				stored.Sent = &sent
			}
			if err := tx.putJSON(sorts[i], nil, stored); err != nil {
				return err
			}
			e := tx.edits[sorts[i]]
			e.expires = expires
			tx.edits[sorts[i]] = e
		}
		return nil
	})
}

// GetPrivacyToken implements [store.PrivacyTokenStore]: the newer of those under
// the user's number and LID; nil if there is none.
func (k *Keys) GetPrivacyToken(ctx context.Context, user types.JID) (*store.PrivacyToken, error) {
	forms, err := k.forms(ctx, user)
	if err != nil {
		return nil, err
	}
	sorts := make([]string, len(forms))
	for i, form := range forms {
		sorts[i] = tokenSort(form)
	}
	values, err := k.readMany(ctx, sorts)
	if err != nil {
		return nil, err
	}
	var newest *token
	for _, sort := range sorts {
		var t token
		found, err := decodeJSON(sort, values[sort], &t)
		if err != nil {
			return nil, err
		}
		if found && (newest == nil || t.Received > newest.Received) {
			newest = &t
		}
	}
	if newest == nil {
		return nil, nil
	}
	found := &store.PrivacyToken{User: user.ToNonAD(), Token: newest.Token, Timestamp: time.Unix(newest.Received, 0)}
	if newest.Sent != nil {
		found.SenderTimestamp = time.Unix(*newest.Sent, 0)
	}
	return found, nil
}

// DeleteExpiredPrivacyTokens implements [store.PrivacyTokenStore]: they expire
// by themselves.
func (k *Keys) DeleteExpiredPrivacyTokens(context.Context, time.Time) (int64, error) { return 0, nil }

// PutNCTSalt implements [store.NCTSaltStore].
func (k *Keys) PutNCTSalt(ctx context.Context, salt []byte) error {
	return k.update(ctx, promptly, func(tx *txn) error { return tx.put(sortSalt, bytes.Clone(salt)) })
}

// GetNCTSalt implements [store.NCTSaltStore]; nil if there is none.
func (k *Keys) GetNCTSalt(ctx context.Context) ([]byte, error) {
	value, err := k.read(ctx, sortSalt)
	return bytes.Clone(value), err
}

// DeleteNCTSalt implements [store.NCTSaltStore].
func (k *Keys) DeleteNCTSalt(ctx context.Context) error {
	return k.update(ctx, promptly, func(tx *txn) error {
		tx.remove(sortSalt)
		return nil
	})
}
