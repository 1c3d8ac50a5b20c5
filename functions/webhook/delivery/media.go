package delivery

import (
	"context"
	"io"

	"roost/functions/webhook/format"
	"roost/shared/backlog"
	"roost/shared/blob"
)

// maxMedia is how large a file may be inside a call, in bytes; larger ones are
// linked to.
const maxMedia = 3 << 20

// attach finds the file of a call. Without it the call is made all the same, as
// Evolution does it.
func (h *Handler) attach(ctx context.Context, d backlog.Delivery, c format.Call, t *format.Target) {
	warn := func(err error) {
		h.cfg.Log.WarnContext(ctx, "media cannot be read", "event", d.ID.Event, "err", err)
	}
	stored, info, err := h.cfg.Bucket.Get(ctx, c.Media.Blob, blob.Range{})
	if err != nil {
		warn(err)
		return
	}
	defer stored.Close()
	if info.Size > maxMedia {
		link, _, err := h.cfg.Bucket.SignGet(ctx, c.Media.Blob, blob.MaxExpiry, c.Media.FileName)
		if err != nil {
			warn(err)
			return
		}
		t.FileURL = link
		return
	}
	file, err := io.ReadAll(stored)
	if err != nil {
		warn(err)
		return
	}
	t.File = file
}
