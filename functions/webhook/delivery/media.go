package delivery

import (
	"context"
	"errors"
	"io"
	"time"

	"roost/functions/webhook/format"
	"roost/shared/backlog"
	"roost/shared/blob"
	"roost/shared/event"
)

// maxMedia is how large a file may be inside a call, in bytes; larger ones are
// linked to.
const maxMedia = 3 << 20

const (
	// filePatience is how long after its event a file may come that the session
	// host is still fetching; the call waits, and looks every filePause.
	filePatience = time.Minute
	filePause    = 5 * time.Second
)

// errEarly is no failure of the endpoint.
var errEarly = errors.New("the file is not there yet")

// attach finds the file of a call. One that does not come in time is left out,
// as Evolution does it; until then it returns errEarly.
func (h *Handler) attach(ctx context.Context, d backlog.Delivery, c format.Call, t *format.Target) error {
	where := c.Media.Blob
	if where == "" {
		where = d.Event.File
	}
	if where == "" {
		return nil
	}
	err := h.find(ctx, where, c.Media.FileName, t)
	if err == nil {
		return nil
	}
	if h.now().Sub(d.At) < filePatience {
		return errEarly
	}
	h.cfg.Log.WarnContext(ctx, "event is told without its file", "event", d.ID.Event, "instance", string(d.Instance), "err", err)
	return nil
}

func (h *Handler) find(ctx context.Context, where, name string, t *format.Target) error {
	stored, info, err := h.cfg.Bucket.Get(ctx, where, blob.Range{})
	if err != nil {
		return err
	}
	defer stored.Close()
	if info.Size > maxMedia {
		t.FileURL, _, err = h.cfg.Bucket.SignGet(ctx, where, blob.MaxExpiry, name)
		return err
	}
	t.File, err = io.ReadAll(stored)
	return err
}

// dispose removes the file of an event that nobody keeps, once all have been
// told. One that they were given a link to stays for as long as that is good,
// and one of a dead letter for a replay: the bucket forgets it by itself.
func (h *Handler) dispose(ctx context.Context, e event.Event) {
	if e.File == "" {
		return
	}
	err := h.disposeOf(ctx, e)
	if err != nil && !errors.Is(err, blob.ErrNotFound) {
		h.cfg.Log.WarnContext(ctx, "file of an event cannot be removed", "event", e.ID, "err", err)
	}
}

func (h *Handler) disposeOf(ctx context.Context, e event.Event) error {
	owed, err := h.cfg.Backlog.Owed(ctx, e.Instance, e.ID)
	if err != nil || owed {
		return err
	}
	stored, info, err := h.cfg.Bucket.Get(ctx, e.File, blob.Range{})
	if err != nil {
		return err
	}
	if err := stored.Close(); err != nil || info.Size > maxMedia {
		return err
	}
	return h.cfg.Bucket.Delete(ctx, e.File)
}
