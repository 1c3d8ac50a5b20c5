package instance

import (
	"encoding/json"
	"fmt"
	"time"

	"roost/shared/fault"
	"roost/shared/seal"
)

// Proxy is what an instance reaches WhatsApp through. The zero value is none.
type Proxy struct {
	Enabled   bool
	Protocol  string // socks5, http or https
	Host      string
	Port      int
	LoginOnly bool   // only the WebSocket before the login goes through it
	Sealed    []byte // the credentials, nil for none
	SetAt     time.Time
}

// Credentials are what a proxy asks for.
type Credentials struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

// SetProxy gives the instance its proxy, with its credentials sealed. A proxy
// that nobody can use is Invalid, with the code invalid_proxy.
func (i *Instance) SetProxy(s *seal.Sealer, p Proxy, c Credentials) error {
	if p.Enabled {
		switch p.Protocol {
		case "socks5", "http", "https":
		default:
			return invalidProxy("its protocol is none of socks5, http and https")
		}
		if p.Host == "" || len(p.Host) > 253 || p.Port < 1 || p.Port > 65535 {
			return invalidProxy("its host or its port is none")
		}
		if len(c.Username) > 255 || len(c.Password) > 255 {
			return invalidProxy("its credentials are too long")
		}
	}
	p.Sealed = nil
	if c != (Credentials{}) {
		plain, err := json.Marshal(c) //nolint:gosec // to be sealed
		if err != nil {
			return fmt.Errorf("marshal credentials: %w", err)
		}
		p.Sealed = s.Seal(plain, proxyPlace(i.ID))
	}
	i.Proxy = p
	return nil
}

func invalidProxy(why string) error {
	return fault.Coded(fault.Invalid, "invalid_proxy", "The proxy cannot be used: %s.", why)
}

// ProxyCredentials opens the credentials of the instance's proxy.
func (i Instance) ProxyCredentials(s *seal.Sealer) (Credentials, error) {
	var c Credentials
	if len(i.Proxy.Sealed) == 0 {
		return c, nil
	}
	plain, err := s.Open(i.Proxy.Sealed, proxyPlace(i.ID))
	if err == nil {
		err = json.Unmarshal(plain, &c)
	}
	if err != nil {
		return Credentials{}, fmt.Errorf("open the proxy's credentials of instance %s: %w", i.ID, err)
	}
	return c, nil
}

func proxyPlace(id ID) []byte { return []byte("instance#" + string(id) + "#proxy") }
