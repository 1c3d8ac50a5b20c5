package guid

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"roost/functions/api/core"
	"roost/shared/archive"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/table"
)

const (
	// onceFor is how long an Idempotency-Key is remembered.
	onceFor = 24 * time.Hour
	maxKey  = 255
	// linkFor is how long the URL of a transcript is good.
	linkFor = time.Hour
)

type made struct {
	GUID instance.ID `json:"guid"`
}

func (h *Handler) create(ctx context.Context, q request) (any, error) {
	account, err := h.accounts.Get(ctx, q.tenant)
	if err != nil {
		return nil, fault.Wrap(fault.Unauthorized, err, "token invalid")
	}
	wanted := core.NewInstance{
		Tenant: q.tenant, Label: q.text("deviceName"), Param: q.text("customerParam"), Client: "guid", Releases: true,
	}
	switch proxy := q.text("proxyUrl"); {
	case proxy != "":
		if wanted.Proxy, err = proxyOf(proxy); err != nil {
			return nil, err
		}
		wanted.Proxy.LoginOnly = q.number("onlyProxyLogin") == 1
	case !account.Direct:
		return nil, fault.New(fault.Invalid, "proxyUrl: is missing")
	}
	id, existing, err := h.reserve(ctx, q)
	if err != nil || existing {
		return made{id}, err
	}
	wait, err := h.creates.Take(ctx, sourceIP(q.Request))
	if err != nil {
		return nil, err
	}
	if wait > 0 {
		return nil, &problem{
			status: http.StatusTooManyRequests, Code: http.StatusTooManyRequests, Message: "more than 10 creations a minute from one address", wait: wait,
		}
	}
	if account.MaxInstances > 0 {
		all, err := h.core.List(ctx, q.tenant)
		if err != nil {
			return nil, err
		}
		if len(all) >= account.MaxInstances {
			return nil, business(codeQuota, "tenant client quota reached", nil)
		}
	}
	wanted.ID, wanted.Name = id, string(id)
	_, _, err = h.core.Create(ctx, wanted)
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Code == "name_taken" { // by a call with the same key
		_, err = h.core.ByID(ctx, q.tenant, id)
	}
	if err != nil {
		return nil, err
	}
	return made{id}, nil
}

// reserve chooses the guid of a creation: with an Idempotency-Key the one that
// was chosen before, and existing when that has come to be.
//
//	once#guid#<tenant>   <sha-256 of the key>   guid, hash of the body; a day
func (h *Handler) reserve(ctx context.Context, q request) (id instance.ID, existing bool, err error) {
	chosen, err := uuid.NewV7()
	if err != nil {
		return "", false, fmt.Errorf("make a guid: %w", err)
	}
	id = instance.ID(chosen.String())
	key := q.Header.Get("Idempotency-Key")
	if key == "" {
		return id, false, nil
	}
	if len(key) > maxKey {
		return "", false, fault.New(fault.Invalid, "Idempotency-Key: longer than %d bytes", maxKey)
	}
	asked := digest(q.raw)
	at := table.Key{Partition: "once#guid#" + string(q.tenant), Sort: digest([]byte(key))}
	_, err = h.table.Put(ctx, table.Item{
		Key: at, Attributes: map[string]any{"guid": string(id), "asked": asked}, Expires: h.now().Add(onceFor),
	}, table.Absent())
	if err == nil {
		return id, false, nil
	}
	if !errors.Is(err, table.ErrConflict) && !errors.Is(err, table.ErrUnknownOutcome) {
		return "", false, fmt.Errorf("reserve a guid: %w", err)
	}
	item, err := h.table.Get(ctx, at)
	if err != nil {
		return "", false, fmt.Errorf("read a reserved guid: %w", err)
	}
	if item.Text("asked") != asked {
		return "", false, fault.New(fault.Invalid, "Idempotency-Key: was used with another body")
	}
	id = instance.ID(item.Text("guid"))
	switch _, err = h.core.ByID(ctx, q.tenant, id); {
	case err == nil:
		return id, true, nil
	case fault.KindOf(err) != fault.NotFound:
		return "", false, err
	}
	return id, false, nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// sourceIP is who calls, as the gateway or the socket says: headers can be made
// up.
func sourceIP(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr // API Gateway's has no port
}

// proxyOf reads socks5://[user:pass@]host:port. Errors tell nothing of it.
func proxyOf(text string) (*core.Proxy, error) {
	wrong := fault.New(fault.Invalid, "proxyUrl: is not socks5://[user:pass@]host:port")
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "socks5" || u.Opaque != "" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return nil, wrong
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 {
		return nil, wrong
	}
	password, _ := u.User.Password()
	return &core.Proxy{Protocol: "socks5", Host: u.Hostname(), Port: int(port), Username: u.User.Username(), Password: password}, nil
}

type recovered struct {
	GUID      instance.ID `json:"guid"`
	Reused    bool        `json:"reused"`
	Status    string      `json:"status"`
	WxID      string      `json:"wxId"`
	ElapsedMS int64       `json:"elapsedMs"`
}

func (h *Handler) recover(ctx context.Context, q request) (any, error) {
	i, err := h.find(ctx, q)
	if err != nil {
		return nil, err
	}
	got, err := h.core.Recover(ctx, i, q.text("wxId"))
	if err == nil {
		i.State, i.JID = got.State, got.JID
		return recovered{i.ID, got.Reused, statusOf(i), wxID(got.JID), got.Elapsed.Milliseconds()}, nil
	}
	p := problemOf(err)
	if p.Code != codeBanned && p.Code != codePending {
		return nil, err
	}
	if i, err = h.find(ctx, q); err != nil {
		return nil, err
	}
	if p.Code == codeBanned {
		p.Data = map[string]any{"until": optional(i.Reason.Until)}
	} else {
		p.Data = map[string]any{"status": statusOf(i)}
	}
	return nil, p
}

func (h *Handler) stop(ctx context.Context, q request) (any, error) {
	i, err := h.find(ctx, q)
	if err != nil {
		return nil, err
	}
	return nil, h.core.Close(ctx, i)
}

// removed is null but for the ids when it takes longer.
type removed struct {
	GUID      instance.ID `json:"guid"`
	SignedURL *string     `json:"signedURL"` // the transcript's, or the manifest's when files were kept
	ExpiresAt *time.Time  `json:"expiresAt"` // of all URLs
	Objects   *int64      `json:"objects"`   // transcript, page, manifest and files
	Bytes     *int64      `json:"bytes"`     // of the transcript

	TranscriptURL *string `json:"transcriptURL"`
	ManifestURL   *string `json:"manifestURL"`
	PageURL       *string `json:"pageURL"`
	JobID         string  `json:"jobId,omitempty"`
}

// remove ends a client. Until its transcript is stored it can be asked again.
func (h *Handler) remove(ctx context.Context, q request) (any, error) {
	i, err := h.core.Leaving(ctx, q.tenant, instance.ID(q.guid))
	if err != nil {
		return nil, err
	}
	if stored, err := h.core.Stored(ctx, i); err != nil || stored {
		return nil, cmp.Or(err, error(unknownClient()))
	}
	gone, err := h.core.Delete(ctx, i)
	if err != nil {
		return nil, err
	}
	if gone.Record.State != archive.Done {
		return removed{GUID: i.ID, JobID: string(i.ID)}, nil
	}
	if gone, err = h.core.Links(ctx, gone.Record, linkFor); err != nil {
		return nil, err
	}
	r, signed := gone.Record, gone.URL
	if r.Files > 0 {
		signed = gone.ManifestURL
	}
	objects := 3 + r.Files
	return removed{
		GUID: i.ID, SignedURL: &signed, ExpiresAt: optional(gone.Expires), Objects: &objects, Bytes: &r.Bytes,
		TranscriptURL: &gone.URL, ManifestURL: &gone.ManifestURL, PageURL: &gone.PageURL,
	}, nil
}
