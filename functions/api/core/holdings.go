package core

import (
	"context"
	"fmt"

	"roost/shared/blob"
	"roost/shared/instance"
	"roost/shared/transcript"
)

// Holdings is what Roost keeps of an instance.
type Holdings struct {
	Contacts, Chats        int64
	MediaFiles, MediaBytes int64
}

// mediaPrefix is where the files of an instance's messages are.
func mediaPrefix(i instance.Instance) string {
	return "media/" + string(i.Tenant) + "/" + string(i.ID) + "/"
}

// Holdings counts. It reads every contact and lists every file: keep the answer
// for a while.
func (c *Core) Holdings(ctx context.Context, i instance.Instance) (Holdings, error) {
	var h Holdings
	err := c.transcripts.Contacts(ctx, i.ID, func(transcript.Contact) bool {
		h.Contacts++
		return true
	})
	if err != nil {
		return Holdings{}, err
	}
	chats, err := c.transcripts.Chats(ctx, i.ID)
	if err != nil {
		return Holdings{}, err
	}
	h.Chats = int64(len(chats))
	err = c.eachMedia(ctx, i, func(file blob.Info) error {
		h.MediaFiles++
		h.MediaBytes += file.Size
		return nil
	})
	return h, err
}

// RemoveMedia deletes the files that are kept of an instance's messages. They
// can be had from WhatsApp for as long as that has them.
func (c *Core) RemoveMedia(ctx context.Context, i instance.Instance) error {
	return c.eachMedia(ctx, i, func(file blob.Info) error {
		if err := c.deps.Bucket.Delete(ctx, file.Key); err != nil {
			return fmt.Errorf("remove a file: %w", err)
		}
		return nil
	})
}

// ForgetTraffic begins to count an instance's bytes anew.
func (c *Core) ForgetTraffic(ctx context.Context, i instance.Instance) error {
	_, err := c.deps.Instances.Update(ctx, i.ID, func(i *instance.Instance) error {
		i.SentBytes, i.ReceivedBytes = 0, 0
		return nil
	})
	if err != nil {
		return fmt.Errorf("forget the traffic: %w", err)
	}
	return nil
}

func (c *Core) eachMedia(ctx context.Context, i instance.Instance, do func(blob.Info) error) error {
	for cursor := ""; ; {
		page, err := c.deps.Bucket.List(ctx, mediaPrefix(i), cursor)
		if err != nil {
			return fmt.Errorf("list files: %w", err)
		}
		for _, file := range page.Objects {
			if err := do(file); err != nil {
				return err
			}
		}
		if cursor = page.Cursor; cursor == "" {
			return nil
		}
	}
}
