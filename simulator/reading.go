package simulator

import (
	"context"
	"fmt"
	"slices"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator/content"
	"roost/simulator/wire"
)

// InboxAfter lists what others have said after the message with this id, or
// everything if id is empty. While there is nothing it waits until ctx ends,
// and then returns nothing. ErrNoMessage when no such message is in the inbox.
func (u *User) InboxAfter(ctx context.Context, id types.MessageID) ([]content.Entry, error) {
	for {
		u.mu.Lock()
		start := 0
		if id != "" {
			start = lastIndex(u.inbox.heard, id) + 1
			if start == 0 {
				u.mu.Unlock()
				return nil, unknownMessage(id)
			}
		}
		found := slices.Clone(u.inbox.heard[start:])
		if u.inbox.changed == nil {
			u.inbox.changed = make(chan struct{})
		}
		changed := u.inbox.changed
		u.mu.Unlock()
		if len(found) > 0 {
			return found, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, nil
		}
	}
}

// Read tells the author of a message in the inbox that the person has read it.
// ErrNoMessage when it is not there.
func (u *User) Read(id types.MessageID) error { return u.tellAuthor(id, "read") }

// Played is Read for a voice message that was listened to or a view-once
// message that was opened.
func (u *User) Played(id types.MessageID) error { return u.tellAuthor(id, "played") }

func (u *User) tellAuthor(id types.MessageID, kind string) error {
	u.mu.Lock()
	e := latest(u.inbox.heard, id)
	u.mu.Unlock()
	if e == nil {
		return unknownMessage(id)
	}
	author, err := u.sim.person(e.From)
	if err != nil {
		return err
	}
	chat, err := u.sim.chat(e.Chat)
	if err != nil {
		return err
	}
	u.home.receipt(received{node: &wire.Node{}, id: id, chat: chat, sender: author.lid}, author, kind)
	return nil
}

func lastIndex(list []content.Entry, id string) int {
	for i, l := range slices.Backward(list) {
		if l.ID == id {
			return i
		}
	}
	return -1
}

func unknownMessage(id types.MessageID) error {
	return fmt.Errorf("message %s: %w", id, ErrNoMessage)
}

func noFile(id types.MessageID) error {
	return fmt.Errorf("message %s has no file: %w", id, ErrNoMessage)
}
