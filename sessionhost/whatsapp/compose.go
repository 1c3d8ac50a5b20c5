package whatsapp

import (
	"context"
	"crypto/rand"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"roost/sessionhost/conversion"
	"roost/shared/command"
	"roost/shared/fault"
)

// compose builds the message, and uploads its file.
func (c *Client) compose(ctx context.Context, to types.JID, args command.SendArgs, file *conversion.File) (*waE2E.Message, error) {
	content, err := c.contentOf(ctx, to, args, file)
	if err != nil {
		return nil, err
	}
	about, err := c.contextFor(ctx, to, args)
	if err != nil {
		return nil, err
	}
	if about != nil {
		if content.Conversation != nil { // plain text has no place for it
			content = &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: content.Conversation}}
		}
		setContext(content.ProtoReflect(), about)
	}
	return content, nil
}

func (c *Client) contentOf(ctx context.Context, to types.JID, args command.SendArgs, file *conversion.File) (*waE2E.Message, error) {
	switch {
	case args.Text != nil:
		return textMessage(*args.Text), nil
	case args.Buttons != nil:
		return c.buttonsMessage(ctx, args, file)
	case args.Media != nil:
		return c.mediaMessage(ctx, args.Media, file)
	case args.Location != nil:
		l := args.Location
		return &waE2E.Message{LocationMessage: &waE2E.LocationMessage{
			DegreesLatitude: &l.Latitude, DegreesLongitude: &l.Longitude, Name: optional(l.Name), Address: optional(l.Address),
		}}, nil
	case len(args.Contacts) > 0:
		return contactMessage(args.Contacts), nil
	case args.Poll != nil:
		return pollMessage(*args.Poll), nil
	case args.List != nil:
		return listMessage(*args.List), nil
	case args.Reaction != nil:
		sender, err := senderOf(args.Reaction.Reference)
		if err != nil {
			return nil, err
		}
		return c.wa.BuildReaction(to, sender, args.Reaction.ID, args.Reaction.Emoji), nil
	case args.Edit != nil:
		return c.wa.BuildEdit(to, args.Edit.ID, edited(*args.Edit)), nil
	case args.Revoke != nil:
		sender, err := senderOf(*args.Revoke)
		if err != nil {
			return nil, err
		}
		return c.wa.BuildRevoke(to, sender, args.Revoke.ID), nil
	default:
		return nil, fault.New(fault.Invalid, "the message has no content")
	}
}

// senderOf is who wrote a message, as the library wants it: nobody for the
// account itself.
func senderOf(r command.Reference) (types.JID, error) {
	if r.FromMe || r.Sender == "" {
		return types.EmptyJID, nil
	}
	return parseJID(r.Sender)
}

func textMessage(t command.TextArgs) *waE2E.Message {
	if t.Preview == nil && t.Background == 0 {
		return &waE2E.Message{Conversation: &t.Text}
	}
	text := &waE2E.ExtendedTextMessage{Text: &t.Text}
	if p := t.Preview; p != nil {
		text.MatchedText, text.Title, text.Description = &p.URL, optional(p.Title), optional(p.Description)
		text.JPEGThumbnail, text.PreviewType = p.Thumbnail, waE2E.ExtendedTextMessage_NONE.Enum()
	}
	if t.Background != 0 {
		text.BackgroundArgb, text.Font = &t.Background, waE2E.ExtendedTextMessage_FontType(t.Font).Enum()
	}
	return &waE2E.Message{ExtendedTextMessage: text}
}

// pollMessage is of the form that the library marks as a poll on the wire; it
// does not know the later ones (shown).
func pollMessage(p command.PollArgs) *waE2E.Message {
	options := make([]*waE2E.PollCreationMessage_Option, len(p.Options))
	for n, name := range p.Options {
		options[n] = &waE2E.PollCreationMessage_Option{OptionName: &name}
	}
	secret := make([]byte, 32) // votes are encrypted with it
	_, _ = rand.Read(secret)   // never fails (crypto/rand since Go 1.24)
	return &waE2E.Message{
		PollCreationMessage: &waE2E.PollCreationMessage{
			Name: &p.Question, Options: options, SelectableOptionsCount: new(uint32(p.Selectable)),
		},
		MessageContextInfo: &waE2E.MessageContextInfo{MessageSecret: secret},
	}
}

// edited is what a message says after an edit: its new text, or the file that
// it had with another caption.
func edited(e command.EditArgs) *waE2E.Message {
	said := parseContent(e.Content)
	switch {
	case said.GetImageMessage() != nil:
		said.ImageMessage.Caption = &e.Text
	case said.GetVideoMessage() != nil:
		said.VideoMessage.Caption = &e.Text
	case said.GetDocumentMessage() != nil:
		said.DocumentMessage.Caption = &e.Text
	default:
		return &waE2E.Message{Conversation: &e.Text}
	}
	said.MessageContextInfo = nil
	return said
}

// shown is what is told of a message that was sent: what an edit wraps, and a
// poll in the form that phones give theirs.
func shown(sent *waE2E.Message) *waE2E.Message {
	switch {
	case sent.GetEditedMessage().GetMessage() != nil:
		return sent.EditedMessage.Message
	case sent.PollCreationMessage != nil:
		return &waE2E.Message{PollCreationMessageV3: sent.PollCreationMessage, MessageContextInfo: sent.MessageContextInfo}
	default:
		return sent
	}
}

// contextFor is what a message answers and whom it mentions, nil for nothing.
func (c *Client) contextFor(ctx context.Context, to types.JID, args command.SendArgs) (*waE2E.ContextInfo, error) {
	mentions := args.Mentions
	if args.MentionAll && to.Server == types.GroupServer {
		group, err := c.wa.GetGroupInfo(ctx, to)
		if err != nil {
			return nil, sendFault(err)
		}
		for _, p := range group.Participants {
			mentions = append(mentions, p.JID.ToNonAD().String())
		}
	}
	if args.Quoted == nil && len(mentions) == 0 {
		return nil, nil
	}
	about := &waE2E.ContextInfo{MentionedJID: mentions}
	if q := args.Quoted; q != nil {
		about.StanzaID, about.Participant = &q.ID, optional(q.Sender)
		if q.Chat != "" && q.Chat != args.To { // an answer in another chat
			about.RemoteJID = &q.Chat
		}
		if about.QuotedMessage = parseContent(q.Content); about.QuotedMessage == nil {
			about.QuotedMessage = &waE2E.Message{Conversation: new("")}
		}
	}
	return about, nil
}

// contextField is what the parts of a message call their context.
const contextField protoreflect.Name = "contextInfo"

// setContext puts a context into that part of a message which has a place for
// it, also when that is wrapped.
func setContext(m protoreflect.Message, about *waE2E.ContextInfo) {
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f.Kind() != protoreflect.MessageKind || f.IsList() || f.IsMap() {
			return true
		}
		part := v.Message()
		if place := part.Descriptor().Fields().ByName(contextField); place != nil {
			part.Set(place, protoreflect.ValueOfMessage(about.ProtoReflect()))
			return false
		}
		switch inner := part.Interface().(type) {
		case *waE2E.FutureProofMessage:
			setContext(inner.GetMessage().ProtoReflect(), about)
		default:
		}
		return true
	})
}

// withoutContext is a copy of a message that answers and mentions nobody: quotes
// do not nest.
func withoutContext(m *waE2E.Message) *waE2E.Message {
	out := proto.CloneOf(m)
	out.MessageContextInfo = nil
	out.ProtoReflect().Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if f.Kind() == protoreflect.MessageKind && !f.IsList() && !f.IsMap() {
			if place := v.Message().Descriptor().Fields().ByName(contextField); place != nil {
				v.Message().Clear(place)
			}
		}
		return true
	})
	return out
}
