package main

import (
	"context"
	"fmt"
	"io"

	"roost/shared/fault"
	"roost/shared/table"
	"roost/shared/tenant"
)

// account is what opens the default tenant to guid clients. The secret is known
// at the first start only.
type account struct {
	appKey string
	secret tenant.Secret
}

// defaultAccount gives the default tenant an account, once. Its instances need
// no proxy: this machine's own address is its owner's to use.
func defaultAccount(ctx context.Context, t table.Table) (account, error) {
	accounts := tenant.NewAccounts(t)
	made, secret, err := accounts.Create(ctx, tenant.Account{Tenant: tenant.Default, Direct: true})
	if fault.KindOf(err) == fault.Conflict {
		made, err = accounts.Get(ctx, tenant.Default)
	}
	if err != nil {
		return account{}, fmt.Errorf("open the account of the default tenant: %w", err)
	}
	return account{made.AppKey, secret}, nil
}

func (a account) greet(out io.Writer) {
	fmt.Fprintf(out, "  appKey    %s\n", a.appKey)
	if a.secret != "" {
		fmt.Fprintf(out, "  appSecret %s, which is not shown again\n", string(a.secret))
	}
}
