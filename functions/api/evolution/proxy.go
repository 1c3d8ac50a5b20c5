package evolution

import (
	"strconv"

	"roost/functions/api/core"
	"roost/shared/fault"
	"roost/shared/instance"
)

// proxyRow is a proxy as Evolution's database has it.
type proxyRow struct {
	ID         string `json:"id"`
	Enabled    bool   `json:"enabled"`
	Host       string `json:"host"`
	Port       string `json:"port"`
	Protocol   string `json:"protocol"`
	Username   string `json:"username"`
	Password   string `json:"password"`
	OnlyLogin  bool   `json:"onlyLogin"` // Roost's: all but the login goes directly
	CreatedAt  stamp  `json:"createdAt"`
	UpdatedAt  stamp  `json:"updatedAt"`
	InstanceID string `json:"instanceId"`
}

// rowOfProxy is nil for an instance that never had one.
func (h *Handler) rowOfProxy(i instance.Instance) (*proxyRow, error) {
	p := i.Proxy
	if p.SetAt.IsZero() {
		return nil, nil //nolint:nilnil // null is the answer
	}
	c, err := h.core.ProxyCredentials(i)
	if err != nil {
		return nil, err
	}
	out := &proxyRow{
		ID: derived(i.ID, "proxy"), Enabled: p.Enabled, Host: p.Host, Protocol: p.Protocol, Username: c.Username, Password: c.Password,
		OnlyLogin: p.LoginOnly, CreatedAt: stamp(p.SetAt), UpdatedAt: stamp(p.SetAt), InstanceID: string(i.ID),
	}
	if p.Port != 0 {
		out.Port = strconv.Itoa(p.Port)
	}
	return out, nil
}

type proxyAnswer struct {
	Proxy struct {
		Name  string   `json:"instanceName"`
		Proxy setProxy `json:"proxy"`
	} `json:"proxy"`
}

type setProxy struct {
	Enabled  bool   `json:"enabled"`
	Host     string `json:"host"`
	Port     string `json:"port"`
	Protocol string `json:"protocol"`
	Username string `json:"username"`
	Password string `json:"password"`
}

func (h *Handler) setProxy(r *request) (answer, error) {
	if err := proxyBody.validate(&r.body); err != nil {
		return answer{}, err
	}
	fields := r.body.object()
	var wanted *core.Proxy
	var out proxyAnswer
	out.Proxy.Name = r.instance.Name
	if boolean(fields, "enabled") {
		wanted = proxyOf(fields, "host", "port", "protocol", "username", "password", "onlyLogin")
		out.Proxy.Proxy = setProxy{
			Enabled: true, Host: wanted.Host, Port: str(fields, "port"), Protocol: wanted.Protocol,
			Username: wanted.Username, Password: wanted.Password,
		}
	}
	if _, err := h.core.SetProxy(r.Context(), r.instance, wanted); err != nil {
		return answer{}, proxyProblem(err)
	}
	return created(out)
}

func (h *Handler) findProxy(r *request) (answer, error) {
	row, err := h.rowOfProxy(r.instance)
	if err != nil {
		return answer{}, err
	}
	return ok(row)
}

// proxyOf reads a proxy from the fields of these names. A port that is no
// number is 0, which no proxy has.
func proxyOf(fields map[string]any, host, port, protocol, username, password, onlyLogin string) *core.Proxy {
	number, err := strconv.Atoi(str(fields, port))
	if err != nil {
		number = 0
	}
	return &core.Proxy{
		Protocol: str(fields, protocol), Host: str(fields, host), Port: number,
		Username: str(fields, username), Password: str(fields, password), LoginOnly: boolean(fields, onlyLogin),
	}
}

// proxyProblem is Evolution's word for a proxy that does not work, and why.
func proxyProblem(err error) error {
	if fault.KindOf(err) == fault.Invalid {
		return refuse("Invalid proxy", fault.PublicOf(err))
	}
	return err
}
