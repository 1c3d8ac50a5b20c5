package evolution

import (
	"time"

	"roost/functions/api/core"
	"roost/shared/archive"
	"roost/shared/fault"
	"roost/shared/tenant"
)

// archiveView is the transcript of a deleted instance, or an export. The URLs
// are the same whether it is done or pending, and lead somewhere once it is;
// what is not known yet is null.
type archiveView struct {
	State       archive.State `json:"state"` // pending or done
	SignedURL   string        `json:"signedURL"`
	ExpiresAt   time.Time     `json:"expiresAt"` // when all three URLs still work; a new call gives new ones
	Messages    *int64        `json:"messages"`
	Bytes       *int64        `json:"bytes"`
	SHA256      string        `json:"sha256,omitempty"`
	InstanceID  string        `json:"instanceId"` // for GET /instance/archive, also after the name was given away
	PageURL     string        `json:"pageURL"`    // HTML for people
	ManifestURL string        `json:"manifestURL"`
	Live        bool          `json:"live"` // an export of an instance that went on
	At          stamp         `json:"at"`   // when it was asked for
	Done        int64         `json:"done"` // lines stored
	Total       int64         `json:"total"`
	KeptUntil   *stamp        `json:"keptUntil"` // when the objects go, null for never
}

func viewArchive(a core.Archived) *archiveView {
	r := a.Record
	v := &archiveView{
		State: r.State, SignedURL: a.URL, ExpiresAt: a.Expires.UTC(), SHA256: r.SHA256, InstanceID: string(r.Instance),
		PageURL: a.PageURL, ManifestURL: a.ManifestURL, Live: r.Live, At: stamp(r.At), KeptUntil: stampOf(r.Expires), Done: r.Progress.Done, Total: r.Progress.Total,
	}
	if r.State == archive.Done {
		v.Messages, v.Bytes = &r.Messages, &r.Bytes
	}
	return v
}

type archiveAnswer struct {
	Archive *archiveView `json:"archive"`
}

// showArchive finds an archive by the id of its instance or by its last name.
// The admin key opens every archive; a token opens the exports of its own
// instance as long as that is there, and went with it.
func (h *Handler) showArchive(r *request) (answer, error) {
	owned := ""
	if !r.admin {
		i, err := h.core.Find(r.Context(), tenant.Default, r.name)
		if fault.KindOf(err) == fault.NotFound || err == nil && !i.HasToken(r.key) {
			return answer{}, unauthorized()
		}
		if err != nil {
			return answer{}, err
		}
		owned = string(i.ID)
	}
	archived, err := h.core.Archive(r.Context(), tenant.Default, r.name, owned)
	if err != nil {
		return answer{}, err
	}
	return ok(archiveAnswer{viewArchive(archived)})
}

// exportArchive exports the transcript of an instance and leaves the instance
// as it is. While an export is under way it answers that one.
func (h *Handler) exportArchive(r *request) (answer, error) {
	archived, err := h.core.Export(r.Context(), r.instance)
	if err != nil {
		return answer{}, err
	}
	return created(archiveAnswer{viewArchive(archived)})
}
