package host

import (
	"context"
	"net/http"
	"time"

	"roost/sessionhost/proxy"
	"roost/sessionhost/session"
	"roost/sessionhost/whatsapp"
	"roost/shared/command"
	"roost/shared/instance"
)

// proxyLimit bounds a test of a proxy.
const proxyLimit = 10 * time.Second

// route is the way of an instance's connections. A proxy that cannot be made
// out stays in the way.
func (h *Host) route(i instance.Instance) *whatsapp.Route {
	if !i.Proxy.Enabled {
		return nil
	}
	dialer, err := h.dialer(i)
	if err != nil {
		h.log.Error("proxy cannot be used", "instance", string(i.ID), "err", err)
		return &whatsapp.Route{Dial: proxy.Broken(proxy.ErrUnknown), LoginOnly: i.Proxy.LoginOnly}
	}
	return &whatsapp.Route{Dial: dialer.DialContext, LoginOnly: i.Proxy.LoginOnly}
}

func (h *Host) dialer(i instance.Instance) (*proxy.Dialer, error) {
	c, err := i.ProxyCredentials(h.sealer)
	if err != nil {
		return nil, err
	}
	return proxy.New(proxy.Config{
		Protocol: i.Proxy.Protocol, Host: i.Proxy.Host, Port: i.Proxy.Port, Username: c.Username, Password: c.Password,
		Networks: h.cfg.Networks,
	})
}

// testProxy fetches WhatsApp's front page through a proxy.
func (h *Host) testProxy(ctx context.Context, args command.TestProxyArgs) error {
	dialer, err := h.dialer(instance.Instance{ID: args.Instance, Proxy: args.Proxy})
	if err != nil {
		return session.ProxyFault(err)
	}
	ctx, cancel := context.WithTimeout(ctx, proxyLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://web.whatsapp.com/", nil)
	if err != nil {
		return err
	}
	client := h.cfg.WhatsApp.Through(dialer.DialContext)
	defer client.CloseIdleConnections()
	response, err := client.Do(request)
	if err != nil {
		return session.ProxyFault(err)
	}
	return response.Body.Close()
}
