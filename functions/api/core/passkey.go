package core

import (
	"context"
	"encoding/json"

	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/instance"
)

// Passkey is the WebAuthn step that a pairing waits for, or NotFound.
func (c *Core) Passkey(ctx context.Context, i instance.Instance) (*instance.Passkey, error) {
	offer, err := c.deps.Instances.Offer(ctx, i.ID)
	if err != nil {
		return nil, err
	}
	if offer == nil || offer.Passkey == nil {
		return nil, fault.New(fault.NotFound, "WhatsApp does not ask the %q instance for a passkey", i.Name)
	}
	return offer.Passkey, nil
}

// AnswerPasskey gives WhatsApp the answer of an authenticator, the JSON of a
// WebAuthn AuthenticationResponse.
func (c *Core) AnswerPasskey(ctx context.Context, i instance.Instance, response json.RawMessage) error {
	return c.do(ctx, i, command.AnswerPasskey, command.PasskeyArgs{Response: response}, nil)
}

// ConfirmPasskey says that the owner has compared the codes.
func (c *Core) ConfirmPasskey(ctx context.Context, i instance.Instance) error {
	return c.do(ctx, i, command.ConfirmPasskey, nil, nil)
}
