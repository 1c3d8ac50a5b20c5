package tenant

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"roost/shared/fault"
	"roost/shared/table"
)

// Account is what the operator has granted a tenant.
type Account struct {
	Tenant ID
	AppKey string // names the account to its program; no secret

	// Direct lets instances be made without a proxy: the hosts' own address is
	// good enough for this tenant.
	Direct bool
	// MaxInstances bounds how many instances the tenant may have, 0 for no bound.
	MaxInstances int
	CreatedAt    time.Time

	secretHash []byte
	generation int64 // of the secret: counts its renewals
	revision   int64
}

// Secret is what opens an account. It is shown when it is made and never again.
type Secret string

// LogValue keeps secrets out of logs.
func (Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// maxInstances keeps the bound within what a tenant can be listed with.
const maxInstances = 1_000_000

// Accounts keeps tenants and who may act for them. Secrets and tokens are stored
// as SHA-256: they are 32 random bytes, which no list of guesses reaches.
//
//	tenant#<tenant>      account   what is granted, the secret's hash and generation
//	appkey#<app key>     account   tenant
//	bearer#<sha-256>     token     tenant, kind, the secret's generation, until; stays a day longer, to say "expired"
type Accounts struct {
	table table.Table
	now   func() time.Time
}

// NewAccounts keeps accounts on t.
func NewAccounts(t table.Table) *Accounts { return &Accounts{table: t, now: time.Now} }

// WithClock makes accounts whose time is now's.
func (a *Accounts) WithClock(now func() time.Time) *Accounts {
	return &Accounts{table: a.table, now: now}
}

func accountKey(t ID) table.Key {
	return table.Key{Partition: "tenant#" + string(t), Sort: "account"}
}

func appKeyKey(appKey string) table.Key {
	return table.Key{Partition: "appkey#" + appKey, Sort: "account"}
}

// Create makes an account, and a tenant's id when it brings none. A tenant that
// has an account is a Conflict.
func (a *Accounts) Create(ctx context.Context, account Account) (Account, Secret, error) {
	if account.MaxInstances < 0 || account.MaxInstances > maxInstances {
		return Account{}, "", fault.New(fault.Invalid, "a tenant may have 0 to %d instances", maxInstances)
	}
	if account.Tenant == "" {
		account.Tenant = ID(random(16))
	}
	secret := Secret(random(32))
	account.AppKey, account.CreatedAt = random(12), a.now().UTC().Truncate(time.Millisecond)
	account.secretHash = hash(string(secret))
	err := a.table.Write(ctx,
		table.PutOp(encode(account), table.Absent()),
		table.PutOp(table.Item{Key: appKeyKey(account.AppKey), Attributes: map[string]any{"tenant": string(account.Tenant)}}, table.Absent()),
	)
	if errors.Is(err, table.ErrUnknownOutcome) || errors.Is(err, table.ErrConflict) { // settled by whose secret is stored
		stored, lookErr := a.Get(ctx, account.Tenant)
		if lookErr == nil && stored.AppKey == account.AppKey {
			return stored, secret, nil
		}
	}
	if errors.Is(err, table.ErrConflict) {
		return Account{}, "", fault.Coded(fault.Conflict, "tenant_exists", "The tenant has an account already.")
	}
	if err != nil {
		return Account{}, "", fmt.Errorf("create the account of tenant %s: %w", account.Tenant, err)
	}
	return account, secret, nil
}

func encode(account Account) table.Item {
	return table.Item{Key: accountKey(account.Tenant), Attributes: map[string]any{
		"app_key": account.AppKey, "secret_hash": account.secretHash, "generation": account.generation, "direct": account.Direct,
		"max_instances": int64(account.MaxInstances), "created_at": table.Stamp(account.CreatedAt),
	}}
}

// Renew gives an account another secret, and returns it: the one before opens
// nothing any more. Refresh tokens end with it; bearer tokens are good until
// their time is over. NotFound when the tenant has no account, Unavailable
// when another call renews it at the same time.
func (a *Accounts) Renew(ctx context.Context, t ID) (Account, Secret, error) {
	account, err := a.Get(ctx, t)
	if err != nil {
		return Account{}, "", err
	}
	secret := Secret(random(32))
	account.secretHash = hash(string(secret))
	account.generation++
	_, err = a.table.Put(ctx, encode(account), table.Revision(account.revision))
	if errors.Is(err, table.ErrUnknownOutcome) || errors.Is(err, table.ErrConflict) { // settled by whose secret is stored
		stored, lookErr := a.Get(ctx, t)
		if lookErr == nil && subtle.ConstantTimeCompare(stored.secretHash, account.secretHash) == 1 {
			return stored, secret, nil
		}
	}
	if errors.Is(err, table.ErrConflict) {
		return Account{}, "", fault.New(fault.Unavailable, "another call renews the secret at the same time")
	}
	if err != nil {
		return Account{}, "", fmt.Errorf("renew the secret of tenant %s: %w", t, err)
	}
	return account, secret, nil
}

// Get returns a tenant's account, or NotFound.
func (a *Accounts) Get(ctx context.Context, t ID) (Account, error) {
	item, err := a.table.Get(ctx, accountKey(t))
	if errors.Is(err, table.ErrNotFound) {
		return Account{}, fault.New(fault.NotFound, "The tenant has no account.")
	}
	if err != nil {
		return Account{}, fmt.Errorf("read the account of tenant %s: %w", t, err)
	}
	return Account{
		Tenant: t, AppKey: item.Text("app_key"), Direct: item.Flag("direct"), MaxInstances: int(item.Number("max_instances")),
		CreatedAt: item.Time("created_at"), secretHash: item.Bytes("secret_hash"), generation: item.Number("generation"), revision: item.Revision,
	}, nil
}

// Open returns the account that key and secret open, or Unauthorized, which does
// not say which of them is wrong.
func (a *Accounts) Open(ctx context.Context, appKey string, secret Secret) (Account, error) {
	refused := fault.New(fault.Unauthorized, "appKey or appSecret is wrong")
	key := appKeyKey(appKey)
	if appKey == "" || key.Validate() != nil {
		return Account{}, refused
	}
	item, err := a.table.Get(ctx, key)
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		return Account{}, fmt.Errorf("read an app key: %w", err)
	}
	account := Account{secretHash: hash("")}
	if err == nil {
		if account, err = a.Get(ctx, ID(item.Text("tenant"))); err != nil {
			return Account{}, err
		}
	}
	if subtle.ConstantTimeCompare(account.secretHash, hash(string(secret))) != 1 || account.AppKey != appKey {
		return Account{}, refused
	}
	return account, nil
}

// LogValue tells nothing but whose account it is.
func (a Account) LogValue() slog.Value {
	return slog.GroupValue(slog.String("tenant", string(a.Tenant)), slog.String("max_instances", strconv.Itoa(a.MaxInstances)))
}

func hash(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

func random(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails (crypto/rand since Go 1.24)
	return hex.EncodeToString(b)
}
