package companion

import (
	"bytes"
	"context"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

type secretKey struct {
	chat, sender types.JID
	id           types.MessageID
}

// privacyToken has times in unix seconds; sent is 0 if unknown.
type privacyToken struct {
	token          []byte
	received, sent int64
}

// PutMessageSecrets implements store.MsgSecretStore. What is known is not
// replaced; incomplete entries are ignored.
func (s *Store) PutMessageSecrets(ctx context.Context, inserts []store.MessageSecretInsert) error {
	return s.putSecrets(ctx, "PutMessageSecrets", inserts...)
}

// PutMessageSecret implements store.MsgSecretStore, as PutMessageSecrets does.
func (s *Store) PutMessageSecret(ctx context.Context, chat, sender types.JID, id types.MessageID, secret []byte) error {
	return s.putSecrets(ctx, "PutMessageSecret", store.MessageSecretInsert{Chat: chat, Sender: sender, ID: id, Secret: secret})
}

func (s *Store) putSecrets(ctx context.Context, method string, inserts ...store.MessageSecretInsert) error {
	return s.do(ctx, method, func(st *state) {
		if s.Compact {
			return
		}
		for _, in := range inserts {
			if in.Chat.IsEmpty() || in.Sender.IsEmpty() || in.ID == "" || len(in.Secret) == 0 {
				continue
			}
			key := secretKey{in.Chat.ToNonAD(), in.Sender.ToNonAD(), in.ID}
			if _, known := st.secrets.get(key); !known {
				st.secrets.put(key, bytes.Clone(in.Secret))
			}
		}
	})
}

// GetMessageSecret implements store.MsgSecretStore. Chat and sender are also
// looked for under their other name (phone number or LID); the sender returned
// is the stored one. A missing secret is nil with an empty sender.
func (s *Store) GetMessageSecret(ctx context.Context, chat, sender types.JID, id types.MessageID) ([]byte, types.JID, error) {
	var secret []byte
	var found types.JID
	err := s.do(ctx, "GetMessageSecret", func(st *state) {
		for _, c := range st.names(chat) {
			for _, u := range st.names(sender) {
				if kept, ok := st.secrets.get(secretKey{c, u, id}); ok {
					secret, found = bytes.Clone(kept), u
					return
				}
			}
		}
	})
	return secret, found, err
}

// PutPrivacyTokens implements store.PrivacyTokenStore. An older token is
// ignored; a zero SenderTimestamp keeps the one known. Times are kept to the
// second.
func (s *Store) PutPrivacyTokens(ctx context.Context, tokens ...store.PrivacyToken) error {
	return s.do(ctx, "PutPrivacyTokens", func(st *state) {
		for _, t := range tokens {
			user := t.User.ToNonAD()
			row := privacyToken{token: bytes.Clone(t.Token), received: t.Timestamp.Unix()}
			old, known := st.tokens.get(user)
			if known && row.received < old.received {
				continue
			}
			row.sent = old.sent
			if !t.SenderTimestamp.IsZero() {
				row.sent = t.SenderTimestamp.Unix()
			}
			st.tokens.put(user, row)
		}
	})
}

// GetPrivacyToken implements store.PrivacyTokenStore: the newer of the tokens
// known for the user's phone number and LID, nil if there is none.
func (s *Store) GetPrivacyToken(ctx context.Context, user types.JID) (*store.PrivacyToken, error) {
	var found *store.PrivacyToken
	err := s.do(ctx, "GetPrivacyToken", func(st *state) {
		for _, name := range st.names(user) {
			row, ok := st.tokens.get(name)
			received := time.Unix(row.received, 0)
			if !ok || found != nil && !received.After(found.Timestamp) {
				continue
			}
			found = &store.PrivacyToken{User: user.ToNonAD(), Token: bytes.Clone(row.token), Timestamp: received}
			if row.sent != 0 {
				found.SenderTimestamp = time.Unix(row.sent, 0)
			}
		}
	})
	return found, err
}

// DeleteExpiredPrivacyTokens implements store.PrivacyTokenStore. It returns how
// many were deleted.
func (s *Store) DeleteExpiredPrivacyTokens(ctx context.Context, cutoff time.Time) (int64, error) {
	var deleted int64
	err := s.do(ctx, "DeleteExpiredPrivacyTokens", func(st *state) {
		for user, row := range st.tokens.all() {
			if row.received < cutoff.Unix() {
				st.tokens.remove(user)
				deleted++
			}
		}
	})
	return deleted, err
}

// PutNCTSalt implements store.NCTSaltStore.
func (s *Store) PutNCTSalt(ctx context.Context, salt []byte) error {
	return s.do(ctx, "PutNCTSalt", func(st *state) { st.salt.put(one{}, bytes.Clone(salt)) })
}

// GetNCTSalt implements store.NCTSaltStore. A missing salt is nil.
func (s *Store) GetNCTSalt(ctx context.Context) ([]byte, error) {
	var salt []byte
	err := s.do(ctx, "GetNCTSalt", func(st *state) { salt = bytes.Clone(st.salt.value(one{})) })
	return salt, err
}

// DeleteNCTSalt implements store.NCTSaltStore.
func (s *Store) DeleteNCTSalt(ctx context.Context) error {
	return s.do(ctx, "DeleteNCTSalt", func(st *state) { st.salt.remove(one{}) })
}
