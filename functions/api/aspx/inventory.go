package aspx

import (
	"context"
	"sync"
	"time"

	"roost/functions/api/core"
	"roost/shared/instance"
)

const (
	// counted is for how long a count is good: it lists objects and rows.
	counted = time.Minute
	// maxCounted bounds the counts that are kept.
	maxCounted = 4096
)

// count is what an instance has stored, and when that was counted.
type count struct {
	at      time.Time
	stats   stats
	storage storage
}

// inventory counts what instances have stored.
type inventory struct {
	core *core.Core
	now  func() time.Time

	mu   sync.Mutex
	byID map[instance.ID]count
}

func newInventory(c *core.Core, now func() time.Time) *inventory {
	return &inventory{core: c, now: now, byID: map[instance.ID]count{}}
}

func (v *inventory) of(ctx context.Context, i instance.Instance) (count, error) {
	v.mu.Lock()
	known, ok := v.byID[i.ID]
	v.mu.Unlock()
	if ok && v.now().Sub(known.at) < counted {
		return known, nil
	}
	held, err := v.core.Holdings(ctx, i)
	if err != nil {
		return count{}, err
	}
	media := storage{Name: "media", Bytes: held.MediaBytes, Files: held.MediaFiles}
	fresh := count{
		at:    v.now(),
		stats: stats{Contacts: held.Contacts, Chats: held.Chats},
		storage: storage{
			Name: string(i.ID), Bytes: media.Bytes, Files: media.Files,
			Subs: []storage{media, {Name: "profile"}, {Name: "thumb"}}, // pictures are not kept
		},
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.byID) >= maxCounted {
		clear(v.byID)
	}
	v.byID[i.ID] = fresh
	return fresh, nil
}

func (v *inventory) forget(id instance.ID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.byID, id)
}
