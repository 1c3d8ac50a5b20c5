package tenant_test

import (
	"bytes"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/shared/fault"
	"roost/shared/sqlite"
	"roost/shared/table"
	tablesqlite "roost/shared/table/sqlite"
	"roost/shared/tenant"
)

func open(t *testing.T) table.Table {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "roost.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return tablesqlite.New(db)
}

func code(err error) string {
	e, _ := errors.AsType[*fault.Error](err)
	if e == nil {
		return ""
	}
	return e.Code
}

func TestAccount(t *testing.T) {
	t.Parallel()
	on, ctx := open(t), t.Context()
	a := tenant.NewAccounts(on)
	made, secret, err := a.Create(ctx, tenant.Account{Direct: true, MaxInstances: 7})
	if err != nil || made.Tenant == "" || len(secret) != 64 || made.AppKey == "" {
		t.Fatalf("created %+v: %v", made, err)
	}
	if got, err := a.Open(ctx, made.AppKey, secret); err != nil || got.Tenant != made.Tenant || !got.Direct || got.MaxInstances != 7 {
		t.Errorf("opened %+v: %v", got, err)
	}
	for _, wrong := range [][2]string{{made.AppKey, ""}, {made.AppKey, "x"}, {"nobody", string(secret)}, {"", ""}, {"a\x00b", "x"}, {"nobody", ""}} {
		if _, err := a.Open(ctx, wrong[0], tenant.Secret(wrong[1])); fault.KindOf(err) != fault.Unauthorized {
			t.Errorf("%q opens: %v", wrong, err)
		}
	}
	if _, _, err := a.Create(ctx, tenant.Account{Tenant: made.Tenant}); code(err) != "tenant_exists" {
		t.Errorf("made twice: %v", err)
	}
	if _, err := a.Open(ctx, made.AppKey, secret); err != nil {
		t.Errorf("a refused creation has changed the secret: %v", err)
	}
	if _, _, err := a.Create(ctx, tenant.Account{MaxInstances: -1}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a bound of -1: %v", err)
	}
	if _, err := a.Get(ctx, "nobody"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("a tenant without an account: %v", err)
	}
	for item, err := range table.All(ctx, on, table.Query{Partition: "tenant#" + string(made.Tenant)}) {
		if err != nil || strings.Contains(item.Text("secret_hash"), string(secret)) || bytes.Contains(item.Bytes("secret_hash"), []byte(secret)) {
			t.Errorf("the secret is stored: %v", err)
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	ctx, now := t.Context(), time.Now()
	a := tenant.NewAccounts(open(t)).WithClock(func() time.Time { return now })
	tokens, err := a.Issue(ctx, tenant.Account{Tenant: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := a.Tenant(ctx, tokens.Token); err != nil || got != "acme" {
		t.Errorf("the token is %q's: %v", got, err)
	}
	for _, wrong := range []string{"", "x", tokens.Refresh} {
		if _, err := a.Tenant(ctx, wrong); code(err) != tenant.CodeBadToken {
			t.Errorf("token %q: %v", wrong, err)
		}
	}
	if _, err := a.Refresh(ctx, tokens.Token); code(err) != tenant.CodeBadToken {
		t.Errorf("a bearer token refreshes: %v", err)
	}
	now = now.Add(tenant.TokenLife)
	if _, err := a.Tenant(ctx, tokens.Token); code(err) != tenant.CodeExpiredToken {
		t.Errorf("after %v: %v", tenant.TokenLife, err)
	}
	next, err := a.Refresh(ctx, tokens.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := a.Tenant(ctx, next.Token); err != nil || got != "acme" {
		t.Errorf("the next token is %q's: %v", got, err)
	}
	if _, err := a.Refresh(ctx, tokens.Refresh); code(err) != tenant.CodeBadToken {
		t.Errorf("refreshed twice: %v", err)
	}
	now = now.Add(tenant.RefreshLife)
	if _, err := a.Refresh(ctx, next.Refresh); code(err) != tenant.CodeExpiredToken {
		t.Errorf("after %v: %v", tenant.RefreshLife, err)
	}
}

func TestRefreshedOnce(t *testing.T) {
	t.Parallel()
	a := tenant.NewAccounts(open(t))
	tokens, err := a.Issue(t.Context(), tenant.Account{Tenant: "acme"})
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	results := make([]error, 4)
	for n := range results {
		group.Go(func() { _, results[n] = a.Refresh(t.Context(), tokens.Refresh) })
	}
	group.Wait()
	won := 0
	for _, err := range results {
		if err == nil {
			won++
		} else if code(err) != tenant.CodeBadToken {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d calls have refreshed with one token", won)
	}
}

func TestNothingIsLogged(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	a := tenant.NewAccounts(open(t))
	account, secret, err := a.Create(t.Context(), tenant.Account{})
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := a.Issue(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	log.Info("made", "account", account, "secret", secret, "tokens", tokens)
	for _, hidden := range []string{string(secret), tokens.Token, tokens.Refresh} {
		if strings.Contains(out.String(), hidden) {
			t.Errorf("logged: %s", out.String())
		}
	}
}
