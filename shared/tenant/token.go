package tenant

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"roost/shared/fault"
	"roost/shared/table"
)

// How long tokens are good for.
const (
	TokenLife   = 2 * time.Hour
	RefreshLife = 7 * 24 * time.Hour
)

// expiredFor is how long a token that has expired is known as such.
const expiredFor = 24 * time.Hour

// Codes of the faults that a token meets.
const (
	CodeBadToken     = "bad_token"
	CodeExpiredToken = "expired_token"
)

// Tokens act for a tenant: Token for TokenLife, and Refresh gets the next pair
// within RefreshLife, once.
type Tokens struct{ Token, Refresh string }

// LogValue keeps tokens out of logs.
func (Tokens) LogValue() slog.Value { return slog.StringValue("[tokens]") }

type tokenKind string

const (
	bearer  tokenKind = "bearer"
	refresh tokenKind = "refresh"
)

func tokenKey(token string) table.Key {
	return table.Key{Partition: "bearer#" + hex.EncodeToString(hash(token)), Sort: "token"}
}

// Issue makes a pair of tokens for an account as [Accounts.Open] returned it: should
// its secret have been renewed since, the pair is none of the new one's.
func (a *Accounts) Issue(ctx context.Context, account Account) (Tokens, error) {
	tokens := Tokens{Token: random(32), Refresh: random(32)}
	if err := a.table.Write(ctx, a.tokenOps(account.Tenant, account.generation, tokens)...); err != nil {
		return Tokens{}, fmt.Errorf("issue tokens of tenant %s: %w", account.Tenant, err)
	}
	return tokens, nil
}

// Refresh exchanges a refresh token for a new pair. It works once, and not after
// the account's secret was renewed: Unauthorized with one of the codes above.
func (a *Accounts) Refresh(ctx context.Context, token string) (Tokens, error) {
	t, made, err := a.find(ctx, token, refresh)
	if err != nil {
		return Tokens{}, err
	}
	generation, err := a.generation(ctx, t)
	if err != nil {
		return Tokens{}, err
	}
	if made != generation {
		return Tokens{}, badToken()
	}
	tokens := Tokens{Token: random(32), Refresh: random(32)}
	ops := append(a.tokenOps(t, generation, tokens), table.DeleteOp(tokenKey(token), table.Equals("kind", string(refresh))))
	err = a.table.Write(ctx, ops...)
	if errors.Is(err, table.ErrConflict) { // another call was first
		return Tokens{}, badToken()
	}
	if err != nil {
		return Tokens{}, fmt.Errorf("refresh tokens of tenant %s: %w", t, err)
	}
	return tokens, nil
}

// Tenant returns whom a bearer token acts for: Unauthorized with one of the
// codes above when it is for nobody.
func (a *Accounts) Tenant(ctx context.Context, token string) (ID, error) {
	t, _, err := a.find(ctx, token, bearer)
	return t, err
}

// generation is that of a tenant's secret now.
func (a *Accounts) generation(ctx context.Context, t ID) (int64, error) {
	account, err := a.Get(ctx, t)
	if fault.KindOf(err) == fault.NotFound {
		err = nil // it has none
	}
	return account.generation, err
}

func (a *Accounts) tokenOps(t ID, generation int64, tokens Tokens) []table.Op {
	put := func(token string, kind tokenKind, life time.Duration) table.Op {
		until := a.now().UTC().Add(life)
		return table.PutOp(table.Item{
			Key: tokenKey(token), Expires: until.Add(expiredFor),
			Attributes: map[string]any{"hash": hash(token), "tenant": string(t), "kind": string(kind), "generation": generation, "until": table.Stamp(until)},
		}, table.Absent())
	}
	return []table.Op{put(tokens.Token, bearer, TokenLife), put(tokens.Refresh, refresh, RefreshLife)}
}

// find returns whom a token is for, and of which generation of the secret.
func (a *Accounts) find(ctx context.Context, token string, kind tokenKind) (ID, int64, error) {
	item, err := a.table.Get(ctx, tokenKey(token))
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		return "", 0, fmt.Errorf("read a token: %w", err)
	}
	if err != nil || subtle.ConstantTimeCompare(item.Bytes("hash"), hash(token)) != 1 || item.Text("kind") != string(kind) {
		return "", 0, badToken()
	}
	if !a.now().Before(item.Time("until")) {
		return "", 0, fault.Coded(fault.Unauthorized, CodeExpiredToken, "token expired")
	}
	return ID(item.Text("tenant")), item.Number("generation"), nil
}

func badToken() error { return fault.Coded(fault.Unauthorized, CodeBadToken, "token invalid") }
