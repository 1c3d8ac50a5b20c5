package whatsapp

import (
	"context"
	"strings"

	"go.mau.fi/whatsmeow/types"

	"roost/shared/command"
	"roost/shared/fault"
)

// Check asks which numbers are on WhatsApp. The answers are in the order of
// the question.
func (c *Client) Check(ctx context.Context, numbers []string) ([]command.CheckedNumber, error) {
	if !c.Online() && !c.AwaitLogin(reconnectPatience) {
		return nil, fault.Coded(fault.Conflict, "connection_closed", "Connection Closed")
	}
	asked := make([]string, len(numbers))
	for i, n := range numbers {
		asked[i] = "+" + strings.TrimPrefix(n, "+")
	}
	found, err := c.wa.IsOnWhatsApp(ctx, asked)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "WhatsApp did not say who is there: %s", cause(err))
	}
	byQuery := map[string]types.IsOnWhatsAppResponse{}
	for _, f := range found {
		byQuery[strings.TrimPrefix(f.Query, "+")] = f
	}
	out := make([]command.CheckedNumber, len(numbers))
	for i, n := range numbers {
		f := byQuery[strings.TrimPrefix(n, "+")]
		out[i] = command.CheckedNumber{Number: n, Exists: f.IsIn}
		if !f.IsIn {
			continue
		}
		for _, j := range []types.JID{f.JID, f.PhoneNumber} {
			switch j.Server {
			case types.DefaultUserServer:
				out[i].PN = j.String()
			case types.HiddenUserServer:
				out[i].LID = j.String()
			}
		}
	}
	return out, nil
}
