package core

import (
	"context"
	"fmt"
	"time"

	"roost/shared/command"
	"roost/shared/instance"
)

// Proxy is what a user wants an instance to reach WhatsApp through.
type Proxy struct {
	Protocol           string // socks5, http or https
	Host               string
	Port               int
	Username, Password string // empty for none
	// LoginOnly leaves all but the WebSocket before the login direct.
	LoginOnly bool
}

// sealProxy gives an instance its proxy, nil for none.
func (c *Core) sealProxy(i *instance.Instance, p *Proxy) error {
	if p == nil {
		return i.SetProxy(c.deps.Sealer, instance.Proxy{SetAt: now()}, instance.Credentials{})
	}
	return i.SetProxy(c.deps.Sealer, instance.Proxy{
		Enabled: true, Protocol: p.Protocol, Host: p.Host, Port: p.Port, LoginOnly: p.LoginOnly, SetAt: now(),
	}, instance.Credentials{Username: p.Username, Password: p.Password})
}

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// testProxy lets a host reach WhatsApp through the instance's proxy. Errors:
// Invalid with the code proxy_unreachable or proxy_refused, Unavailable when no
// host has tried.
func (c *Core) testProxy(ctx context.Context, i instance.Instance) error {
	if !i.Proxy.Enabled {
		return nil
	}
	return c.do(ctx, i, command.TestProxy, command.TestProxyArgs{Instance: i.ID, Proxy: i.Proxy}, nil)
}

// SetProxy makes an instance reach WhatsApp through a proxy that works, or
// directly for nil. A connection that is open is closed and opened again that
// way. Errors are Invalid with the codes invalid_proxy, proxy_unreachable and
// proxy_refused; the instance is then as it was.
func (c *Core) SetProxy(ctx context.Context, i instance.Instance, p *Proxy) (instance.Instance, error) {
	if err := c.sealProxy(&i, p); err != nil {
		return instance.Instance{}, err
	}
	if err := c.testProxy(ctx, i); err != nil {
		return instance.Instance{}, err
	}
	changed, err := c.deps.Instances.Update(ctx, i.ID, func(stored *instance.Instance) error {
		stored.Proxy = i.Proxy
		return nil
	})
	if err != nil {
		return instance.Instance{}, fmt.Errorf("store proxy: %w", err)
	}
	c.apply(ctx, changed)
	return changed, nil
}

// ProxyCredentials opens those of an instance's proxy, for answers that show
// them.
func (c *Core) ProxyCredentials(i instance.Instance) (instance.Credentials, error) {
	return i.ProxyCredentials(c.deps.Sealer)
}
