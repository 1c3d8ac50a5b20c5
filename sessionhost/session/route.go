package session

import (
	"errors"

	"roost/sessionhost/proxy"
	"roost/shared/fault"
	"roost/shared/instance"
)

// route sends the client's connections the way that the record says.
func (s *Session) route() {
	if s.routed.Equal(s.record.Proxy.SetAt) || s.deps.Route == nil {
		return
	}
	s.client.Route(s.deps.Route(s.record))
	s.routed = s.record.Proxy.SetAt
}

// reroute takes up a proxy that was set while there is a connection, or while
// one is being opened.
func (s *Session) reroute() {
	if s.routed.Equal(s.record.Proxy.SetAt) || s.client == nil || !s.up && s.clock.reopen.IsZero() {
		return
	}
	number := ""
	if s.pairing != nil {
		number = s.pairing.number
	}
	s.attempt = 0
	s.dropPairing()
	s.open(number)
}

// reasonOf is why WhatsApp was not reached.
func reasonOf(err error) instance.Reason {
	const action = "Check the proxy of the instance: nothing is sent beside it."
	switch {
	case errors.Is(err, proxy.ErrCredentials):
		return instance.Reason{Code: instance.ReasonProxyRefused, Sentence: "The proxy refuses its credentials.", Action: "Set the right user name and password."}
	case errors.Is(err, proxy.ErrForbidden):
		return instance.Reason{Code: instance.ReasonProxyDown, Sentence: "The proxy's address is not a public one.", Action: action}
	case errors.Is(err, proxy.ErrTarget):
		return instance.Reason{Code: instance.ReasonProxyDown, Sentence: "The proxy is there, and does not reach WhatsApp.", Action: action}
	case errors.Is(err, proxy.ErrUnreachable), errors.Is(err, proxy.ErrUnknown):
		return instance.Reason{Code: instance.ReasonProxyDown, Sentence: "The proxy cannot be reached.", Action: action}
	default:
		return unreachable(fault.PublicOf(err))
	}
}

func unreachable(sentence string) instance.Reason {
	return instance.Reason{Code: instance.ReasonUnreachable, Sentence: sentence, Action: "Check the network of this host."}
}

// ProxyFault is reasonOf as an answer to who has set a proxy.
func ProxyFault(err error) error {
	r := reasonOf(err)
	return fault.Coded(fault.Invalid, r.Code, "%s", r.Sentence+" "+r.Action)
}
