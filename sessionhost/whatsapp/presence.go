package whatsapp

import (
	"context"
	"errors"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"

	"roost/shared/command"
	"roost/shared/fault"
)

// online refuses what needs a login that is not there and does not come soon.
func (c *Client) online() error {
	if !c.Online() && !c.AwaitLogin(reconnectPatience) {
		return fault.Coded(fault.Conflict, "connection_closed", "Connection Closed")
	}
	return nil
}

func parseJID(text string) (types.JID, error) {
	jid, err := types.ParseJID(text)
	if err != nil || jid.User == "" {
		return types.JID{}, fault.New(fault.Invalid, "%q is no address", text)
	}
	return jid, nil
}

// TellRead tells who wrote messages that they are read, as far as the account
// lets others know. WhatsApp does not answer to that.
func (c *Client) TellRead(ctx context.Context, args command.MarkReadArgs) error {
	if len(args.IDs) == 0 {
		return fault.New(fault.Invalid, "no message is named")
	}
	chat, err := parseJID(args.Chat)
	if err != nil {
		return err
	}
	var sender types.JID
	if args.Sender != "" {
		if sender, err = parseJID(args.Sender); err != nil {
			return err
		}
	}
	if err := c.online(); err != nil {
		return err
	}
	kind := types.ReceiptTypeRead
	if args.Played {
		kind = types.ReceiptTypePlayed
	}
	return told(c.wa.MarkRead(ctx, args.IDs, time.Now(), chat, sender, kind))
}

// ShowPresence tells everybody, or one chat, what the account is doing. WhatsApp
// does not answer to that. An account without a name shows nothing: Conflict.
func (c *Client) ShowPresence(ctx context.Context, args command.PresenceArgs) error {
	var state types.ChatPresence
	var media types.ChatPresenceMedia
	switch args.State {
	case command.PresenceAvailable, command.PresenceUnavailable:
		if err := c.online(); err != nil {
			return err
		}
		return told(c.wa.SendPresence(ctx, types.Presence(args.State)))
	case command.PresenceComposing:
		state = types.ChatPresenceComposing
	case command.PresenceRecording:
		state, media = types.ChatPresenceComposing, types.ChatPresenceMediaAudio
	case command.PresencePaused:
		state = types.ChatPresencePaused
	default:
		return fault.New(fault.Invalid, "there is no presence %q", args.State)
	}
	chat, err := parseJID(args.Chat)
	if err != nil {
		return err
	}
	if err := c.online(); err != nil {
		return err
	}
	return told(c.wa.SendChatPresence(ctx, chat, state, media))
}

// WatchPresence has WhatsApp tell of a person's presence on this connection.
func (c *Client) WatchPresence(ctx context.Context, person string) error {
	jid, err := parseJID(person)
	if err != nil {
		return err
	}
	if err := c.online(); err != nil {
		return err
	}
	return told(c.wa.SubscribePresence(ctx, jid))
}

// told puts the error of what WhatsApp was told into Roost's words.
func told(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, whatsmeow.ErrNoPushName):
		return fault.Wrap(fault.Conflict, err, "the account has no name yet")
	case errors.Is(err, whatsmeow.ErrNotConnected), errors.Is(err, whatsmeow.ErrNotLoggedIn):
		return fault.Coded(fault.Conflict, "connection_closed", "Connection Closed")
	default:
		return fault.Wrap(fault.Unavailable, err, "WhatsApp could not be told: %s", cause(err))
	}
}
