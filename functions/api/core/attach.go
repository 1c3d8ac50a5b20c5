package core

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"roost/shared/blob"
	"roost/shared/command"
	"roost/shared/fault"
	"roost/shared/instance"
)

// attach puts a file where the host finds it.
func (c *Core) attach(ctx context.Context, i instance.Instance, m command.MediaArgs, id string, o Outgoing) (*command.MediaArgs, error) {
	if o.Upload != "" {
		info, err := c.uploaded(ctx, i, o.Upload)
		if err != nil {
			return nil, err
		}
		m.Blob = info.Key
		return &m, nil
	}
	file := o.File
	if len(file) <= maxInlineFile {
		m.Bytes = file
		return &m, nil
	}
	m.Blob = "outbox/" + string(i.ID) + "/" + id
	if _, err := c.deps.Bucket.Put(ctx, m.Blob, bytes.NewReader(file), int64(len(file)), m.Mimetype); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the file could not be stored")
	}
	return &m, nil
}

// detach removes the file of a message that the host has answered for. Without
// an answer the host may be sending it still: the bucket's lifecycle removes it.
func (c *Core) detach(ctx context.Context, blob string) {
	if blob == "" {
		return
	}
	if err := c.deps.Bucket.Delete(context.WithoutCancel(ctx), blob); err != nil {
		c.deps.Log.WarnContext(ctx, "file of a sent message stays", "err", err)
	}
}

const (
	// uploadScheme begins the name of an upload.
	uploadScheme = "upload://"
	// uploadLife is how long a file may be uploaded for. A lifecycle rule of the
	// bucket removes it a day after that at the earliest.
	uploadLife = time.Hour
)

// Upload is where a file too large for a request goes.
type Upload struct {
	URL     string    // to PUT the file to
	Expires time.Time // of the URL
	// Media is the file's name, good wherever the same instance may name a file
	// by its URL.
	Media string
}

// NewUpload makes room for a file of an instance. mimetype is what the upload
// must say that it is, "" for anything.
func (c *Core) NewUpload(ctx context.Context, i instance.Instance, mimetype string) (Upload, error) {
	id := uuid.NewString()
	url, expires, err := c.deps.Bucket.SignPut(ctx, uploadKey(i, id), uploadLife, c.limits.File, mimetype)
	if errors.Is(err, blob.ErrInvalid) {
		return Upload{}, fault.Wrap(fault.Invalid, err, "that is no mimetype")
	}
	if err != nil {
		return Upload{}, fault.Wrap(fault.Unavailable, err, "no upload can be made room for now")
	}
	return Upload{URL: url, Expires: expires, Media: uploadScheme + id}, nil
}

// uploadKey is below the instance's own folder: nobody names the uploads of
// another.
func uploadKey(i instance.Instance, id string) string {
	return "outbox/" + string(i.ID) + "/upload-" + id
}

// IsUpload reports whether media is the name of an upload.
func IsUpload(media string) bool { return strings.HasPrefix(media, uploadScheme) }

// uploaded finds an upload. Errors: Invalid when there is none of that name,
// TooLarge.
func (c *Core) uploaded(ctx context.Context, i instance.Instance, media string) (blob.Info, error) {
	id, err := uuid.Parse(strings.TrimPrefix(media, uploadScheme))
	if err != nil {
		return blob.Info{}, fault.New(fault.Invalid, "%q is no upload", media)
	}
	stored, info, err := c.deps.Bucket.Get(ctx, uploadKey(i, id.String()), blob.Range{Length: 1})
	if errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrRange) {
		return blob.Info{}, fault.New(fault.Invalid, "nothing was uploaded as %s, or it was removed", media)
	}
	if err != nil {
		return blob.Info{}, fault.Wrap(fault.Unavailable, err, "the upload cannot be looked for now")
	}
	_ = stored.Close()
	if info.Size > c.limits.File {
		return blob.Info{}, fault.New(fault.TooLarge, "the upload has more than %d bytes", c.limits.File)
	}
	return info, nil
}

// Uploaded says of what type an upload is, "" when that is not known.
func (c *Core) Uploaded(ctx context.Context, i instance.Instance, media string) (mimetype string, err error) {
	info, err := c.uploaded(ctx, i, media)
	return info.ContentType, err
}
