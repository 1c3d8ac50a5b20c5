package whatsapp

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"go.mau.fi/whatsmeow/proto/waE2E"

	"roost/sessionhost/conversion"
	"roost/shared/command"
)

// Lists and buttons are what businesses send. WhatsApp takes them from everybody
// and many phones do not show them.

func listMessage(l command.ListArgs) *waE2E.Message {
	out := &waE2E.ListMessage{
		Title: &l.Title, Description: optional(l.Description), FooterText: optional(l.Footer), ButtonText: &l.Button,
		ListType: waE2E.ListMessage_SINGLE_SELECT.Enum(),
	}
	for _, s := range l.Sections {
		section := &waE2E.ListMessage_Section{Title: &s.Title}
		for _, r := range s.Rows {
			section.Rows = append(section.Rows, &waE2E.ListMessage_Row{Title: &r.Title, Description: optional(r.Description), RowID: &r.ID})
		}
		out.Sections = append(out.Sections, section)
	}
	return &waE2E.Message{ListMessage: out}
}

// buttonsMessage is a native flow inside a view-once wrapper, as Evolution 2.3
// sends it.
func (c *Client) buttonsMessage(ctx context.Context, args command.SendArgs, file *conversion.File) (*waE2E.Message, error) {
	flow := &waE2E.InteractiveMessage_NativeFlowMessage{}
	for _, b := range args.Buttons.Buttons {
		flow.Buttons = append(flow.Buttons, &waE2E.InteractiveMessage_NativeFlowMessage_NativeFlowButton{
			Name: &b.Name, ButtonParamsJSON: new(string(b.Params)),
		})
	}
	params, err := json.Marshal(map[string]string{"from": "api", "templateId": uuid.NewString()})
	if err != nil {
		return nil, err
	}
	flow.MessageParamsJSON = new(string(params))
	message := &waE2E.InteractiveMessage{InteractiveMessage: &waE2E.InteractiveMessage_NativeFlowMessage_{NativeFlowMessage: flow}}
	if args.Buttons.Text != "" {
		message.Body = &waE2E.InteractiveMessage_Body{Text: &args.Buttons.Text}
	}
	if args.Buttons.Footer != "" {
		message.Footer = &waE2E.InteractiveMessage_Footer{Text: &args.Buttons.Footer}
	}
	if args.Media != nil {
		picture, err := c.mediaMessage(ctx, args.Media, file)
		if err != nil {
			return nil, err
		}
		message.Header = &waE2E.InteractiveMessage_Header{
			HasMediaAttachment: new(true), Media: &waE2E.InteractiveMessage_Header_ImageMessage{ImageMessage: picture.GetImageMessage()},
		}
	}
	return &waE2E.Message{ViewOnceMessage: &waE2E.FutureProofMessage{Message: &waE2E.Message{InteractiveMessage: message}}}, nil
}
