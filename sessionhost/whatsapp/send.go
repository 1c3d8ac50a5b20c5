package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"

	"roost/sessionhost/conversion"
	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/message"
)

// sendTries is how often a message is sent again when the connection was lost
// before WhatsApp took it, or when its receiver's keys could not be fetched.
// The id stays, so that nobody gets it twice.
const sendTries = 3

// reconnectPatience is how long a send waits for a connection that was lost.
const reconnectPatience = 3 * time.Second

// Send sends a message, with the id it was given. file is what a media message
// carries, nil for others. The answer is the message as events tell it.
//
// Errors: Conflict when the client is not logged in, NotFound when the receiver
// is not on WhatsApp, Forbidden when WhatsApp refuses it, Unavailable when the
// outcome is unknown: the same id can then be sent again.
func (c *Client) Send(ctx context.Context, args command.SendArgs, file *conversion.File) (message.Message, error) {
	to, err := types.ParseJID(args.To)
	if err != nil || to.User == "" {
		return message.Message{}, fault.New(fault.Invalid, "%q is no address", args.To)
	}
	if !c.Online() && !c.AwaitLogin(reconnectPatience) {
		return message.Message{}, fault.Coded(fault.Conflict, "connection_closed", "Connection Closed")
	}
	if err := c.narrows(ctx, args.Audience); err != nil {
		return message.Message{}, err
	}
	content, err := c.compose(ctx, to, args, file)
	if err != nil {
		return message.Message{}, err
	}
	sent, err := c.sendUntilTaken(withAudience(ctx, args.Audience), to, content, args.MessageID)
	if err != nil {
		if e, ok := errors.AsType[*fault.Error](err); ok && e.Code == "reach_out_locked" {
			c.askLimit(ctx)
		}
		return message.Message{}, err
	}
	m, _, err := c.translate(ctx, types.MessageInfo{
		MessageSource: types.MessageSource{
			Chat: to, Sender: c.device.GetJID(), SenderAlt: c.device.GetLID(), IsFromMe: true,
			IsGroup: to.Server == types.GroupServer || to.Server == types.BroadcastServer,
		},
		ID: args.MessageID, Timestamp: sent.Timestamp, PushName: c.PushName(),
	}, shown(content))
	if err := c.remember(ctx, to, args.MessageID, content); err != nil {
		c.log.WarnContext(ctx, "votes will not be readable", "err", err) // the poll is sent
	}
	m.ViaAPI, m.Status = true, message.StatusPending
	return m, err
}

func (c *Client) sendUntilTaken(ctx context.Context, to types.JID, content *waE2E.Message, id string) (whatsmeow.SendResponse, error) {
	var last error
	for range sendTries {
		sendCtx, done := c.lock.BeginSend(ctx)
		// The library keeps what it is given, and adds sender keys to it when a
		// receiver asks again.
		own, _ := proto.Clone(content).(*waE2E.Message)
		sent, err := c.wa.SendMessage(sendCtx, to, own, whatsmeow.SendRequestExtra{ID: id})
		done()
		if err == nil {
			if err = c.reached(ctx, to); err == nil {
				return sent, nil
			}
		}
		last = err
		if !worthAnother(err) || ctx.Err() != nil || !c.wa.WaitForConnection(reconnectPatience) {
			break
		}
	}
	return whatsmeow.SendResponse{}, sendFault(last)
}

// again lets the library answer a receiver who could not read a message, and
// keeps the sessions from being used by others meanwhile.
func (c *Client) again(receipt *events.Receipt, id types.MessageID, count int, _ *waE2E.Message) bool {
	if err := c.lock.BeginAnswer(c.context(), receipt.Sender); err != nil {
		c.log.Warn("message cannot be sent again", "err", err)
		return false
	}
	c.log.Info("message is sent again to a receiver who could not read it", "message", id, "count", count)
	return true
}

// errNotReached means that a message was sent to nobody.
var errNotReached = errors.New("the receiver's keys could not be fetched")

// reached checks that a message to a person was encrypted for them: whatsmeow
// leaves out devices whose prekeys it could not fetch, and reports success.
func (c *Client) reached(ctx context.Context, to types.JID) error {
	if to.Server != types.DefaultUserServer && to.Server != types.HiddenUserServer || to.User == c.device.GetJID().User {
		return nil
	}
	devices, err := c.wa.GetUserDevices(ctx, []types.JID{to})
	if err != nil {
		return fmt.Errorf("look up the receiver's devices: %w", err)
	}
	for _, d := range devices {
		if d.Server == types.DefaultUserServer {
			if lid, err := c.device.LIDs.GetLIDForPN(ctx, d); err == nil && !lid.IsEmpty() {
				d = lid
			}
		}
		if has, err := c.device.ContainsSession(ctx, d.SignalAddress()); err == nil && has {
			return nil
		}
	}
	return errNotReached
}

func worthAnother(err error) bool {
	var lost *whatsmeow.DisconnectedError
	return errors.Is(err, errNotReached) || errors.As(err, &lost) || errors.Is(err, whatsmeow.ErrNotConnected) ||
		errors.Is(err, whatsmeow.ErrIQTimedOut) || errors.Is(err, whatsmeow.ErrMessageTimedOut)
}

// sendFault puts the library's error into Roost's words.
func sendFault(err error) error {
	switch {
	case errors.Is(err, whatsmeow.ErrNotConnected), errors.Is(err, whatsmeow.ErrNotLoggedIn):
		return fault.Coded(fault.Conflict, "connection_closed", "Connection Closed")
	case refusedReachOut(err):
		return ReachOutFault(time.Time{})
	case errors.Is(err, whatsmeow.ErrGroupNotFound), errors.Is(err, whatsmeow.ErrNotInGroup):
		return fault.Wrap(fault.Invalid, err, "the group does not exist, or the account is not in it")
	case errors.Is(err, whatsmeow.ErrServerReturnedError):
		return &fault.Error{Kind: fault.Forbidden, Code: "refused", Public: "WhatsApp refuses the message: " + cause(err), Err: err}
	case errors.Is(err, whatsmeow.ErrNoSession), errors.Is(err, errNotReached):
		return fault.Wrap(fault.Unavailable, err, "the receiver's keys could not be fetched")
	case errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(fault.Unavailable, err, "WhatsApp has not taken the message in time")
	default:
		return fault.Wrap(fault.Unavailable, err, "the message could not be sent: %s", cause(err))
	}
}
