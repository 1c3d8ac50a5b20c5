package whatsapp

import (
	"context"
	"errors"

	"go.mau.fi/whatsmeow"

	"roost/shared/fault"
)

// answered puts the error of a question to WhatsApp into Roost's words. What
// WhatsApp has refused is never worth another try, but for a rate limit.
func answered(err error) error {
	if err == nil {
		return nil
	}
	var lost *whatsmeow.DisconnectedError
	switch {
	case errors.Is(err, whatsmeow.ErrNotConnected), errors.Is(err, whatsmeow.ErrNotLoggedIn):
		return fault.Coded(fault.Conflict, "connection_closed", "Connection Closed")
	case errors.As(err, &lost), errors.Is(err, whatsmeow.ErrIQTimedOut), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return fault.Wrap(fault.Unavailable, err, "WhatsApp has not answered in time")
	case errors.Is(err, whatsmeow.ErrInvalidImageFormat):
		return fault.Wrap(fault.Invalid, err, "WhatsApp does not take this picture")
	case errors.Is(err, whatsmeow.ErrGroupInviteLinkUnauthorized):
		return fault.Wrap(fault.Forbidden, err, "only admins see the invite code of the group")
	}
	refused, ok := errors.AsType[*whatsmeow.IQError](err)
	if !ok {
		return fault.Wrap(fault.Unavailable, err, "WhatsApp could not be asked: %s", cause(err))
	}
	switch refused.Code {
	case 401:
		return fault.Wrap(fault.Forbidden, err, "the account is no admin")
	case 403:
		return fault.Wrap(fault.Forbidden, err, "WhatsApp does not let the account do that")
	case 404:
		return fault.Wrap(fault.NotFound, err, "WhatsApp does not know it")
	case 410:
		return fault.Wrap(fault.NotFound, err, "it is gone")
	case 409:
		return fault.Wrap(fault.Conflict, err, "it is so already")
	case 419:
		return fault.Wrap(fault.Conflict, err, "there is no more room")
	case 429:
		return fault.Wrap(fault.RateLimited, err, "WhatsApp is asked too often")
	case 500, 503, 530:
		return fault.Wrap(fault.Unavailable, err, "WhatsApp cannot answer now")
	default:
		return fault.Wrap(fault.Invalid, err, "WhatsApp refuses it: %s", refused.Text)
	}
}
