package evolution

import (
	"time"

	"roost/functions/api/core"
	"roost/shared/archive"
	"roost/shared/tenant"
)

// archiveView is the transcript of a deleted instance. The URL is the same
// whether the archive is done or pending; what is not known yet is null.
type archiveView struct {
	State      archive.State `json:"state"` // pending or done
	SignedURL  string        `json:"signedURL"`
	ExpiresAt  time.Time     `json:"expiresAt"`
	Messages   *int64        `json:"messages"`
	Bytes      *int64        `json:"bytes"`
	SHA256     string        `json:"sha256,omitempty"`
	InstanceID string        `json:"instanceId"` // for GET /instance/archive, also after the name was given away
}

func viewArchive(a core.Archived) *archiveView {
	v := &archiveView{
		State: a.Record.State, SignedURL: a.URL, ExpiresAt: a.Expires.UTC(), SHA256: a.Record.SHA256,
		InstanceID: string(a.Record.Instance),
	}
	if a.Record.State == archive.Done {
		v.Messages, v.Bytes = &a.Record.Messages, &a.Record.Bytes
	}
	return v
}

// showArchive finds an archive by the id of its instance or by its last name.
// Only the admin key opens it: the token went with the instance.
func (h *Handler) showArchive(r *request) (answer, error) {
	if !r.admin {
		return answer{}, unauthorized()
	}
	archived, err := h.core.Archive(r.Context(), tenant.Default, r.name)
	if err != nil {
		return answer{}, err
	}
	return ok(struct {
		Archive *archiveView `json:"archive"`
	}{viewArchive(archived)})
}
