package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/seal"
	"roost/shared/table"
)

// maxRaces is how often Put starts over when others write the same subscription.
const maxRaces = 10

// Repository keeps subscriptions on the table.
//
//	webhook#<instance>   <subscription>   the subscription
type Repository struct {
	table  table.Table
	sealer *seal.Sealer
	now    func() time.Time
}

// NewRepository keeps subscriptions on t and seals their headers and secrets
// with s.
func NewRepository(t table.Table, s *seal.Sealer) *Repository {
	return &Repository{table: t, sealer: s, now: time.Now}
}

func partition(i instance.ID) string { return "webhook#" + string(i) }

func key(i instance.ID, id string) table.Key {
	return table.Key{Partition: partition(i), Sort: id}
}

// Put creates or replaces a subscription, and returns it as stored. The time of
// creation stays; so does the secret, unless s brings one.
func (r *Repository) Put(ctx context.Context, i instance.ID, s Subscription) (Subscription, error) {
	if s.ID == "" || strings.Contains(s.ID, "#") || key(i, s.ID).Validate() != nil {
		return Subscription{}, fault.New(fault.Invalid, "%q is no id of a webhook", s.ID)
	}
	if s.Format == "" {
		s.Format = FormatEvolution
	}
	given := s.Secret
	for range maxRaces {
		condition := table.Absent()
		s.CreatedAt, s.Secret = r.now().UTC().Truncate(time.Millisecond), given
		s.UpdatedAt = s.CreatedAt
		before, revision, err := r.read(ctx, i, s.ID)
		switch {
		case err == nil:
			condition, s.CreatedAt = table.Revision(revision), before.CreatedAt
			if s.Secret == "" {
				s.Secret = before.Secret
			}
		case fault.KindOf(err) != fault.NotFound:
			return Subscription{}, err
		}
		if s.Secret == "" {
			s.Secret = NewSecret()
		}
		item, err := r.encode(i, s)
		if err != nil {
			return Subscription{}, err
		}
		if _, err = r.table.Put(ctx, item, condition); err == nil {
			return s, nil
		}
		if errors.Is(err, table.ErrTooLarge) || errors.Is(err, table.ErrInvalid) {
			return Subscription{}, fault.Wrap(fault.Invalid, err, "the webhook is too large or holds what is not text")
		}
		if !errors.Is(err, table.ErrConflict) && !errors.Is(err, table.ErrUnknownOutcome) {
			return Subscription{}, fmt.Errorf("write webhook %s of instance %s: %w", s.ID, i, err)
		}
	}
	return Subscription{}, fault.New(fault.Unavailable, "the webhook is being changed by too many at once")
}

// Get returns a subscription, or NotFound.
func (r *Repository) Get(ctx context.Context, i instance.ID, id string) (Subscription, error) {
	s, _, err := r.read(ctx, i, id)
	return s, err
}

func (r *Repository) read(ctx context.Context, i instance.ID, id string) (Subscription, int64, error) {
	missing := fault.New(fault.NotFound, "The %q webhook does not exist", id)
	if key(i, id).Validate() != nil {
		return Subscription{}, 0, missing
	}
	item, err := r.table.Get(ctx, key(i, id))
	if errors.Is(err, table.ErrNotFound) {
		return Subscription{}, 0, missing
	}
	if err != nil {
		return Subscription{}, 0, fmt.Errorf("read webhook %s of instance %s: %w", id, i, err)
	}
	s, err := r.decode(i, item)
	return s, item.Revision, err
}

// List returns the instance's subscriptions in order of their ids.
func (r *Repository) List(ctx context.Context, i instance.ID) ([]Subscription, error) {
	var out []Subscription
	for item, err := range table.All(ctx, r.table, table.Query{Partition: partition(i)}) {
		if err != nil {
			return nil, fmt.Errorf("list webhooks of instance %s: %w", i, err)
		}
		s, err := r.decode(i, item)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// Remove deletes a subscription. What is gone already stays gone.
func (r *Repository) Remove(ctx context.Context, i instance.ID, id string) error {
	if err := r.table.Delete(ctx, key(i, id), table.None()); err != nil {
		return fmt.Errorf("remove webhook %s of instance %s: %w", id, i, err)
	}
	return nil
}

// Retire lets all subscriptions of an instance end at a time: the instance is
// gone, but its last events are still to be delivered.
func (r *Repository) Retire(ctx context.Context, i instance.ID, at time.Time) error {
	for item, err := range table.All(ctx, r.table, table.Query{Partition: partition(i)}) {
		if err != nil {
			return fmt.Errorf("list webhooks of instance %s: %w", i, err)
		}
		if !item.Expires.IsZero() {
			continue
		}
		item.Expires = at
		// One that is changed or removed meanwhile is its owner's business.
		_, err := r.table.Put(ctx, item, table.Revision(item.Revision))
		if err != nil && !errors.Is(err, table.ErrConflict) {
			return fmt.Errorf("retire webhook %s of instance %s: %w", item.Sort, i, err)
		}
	}
	return nil
}

func (r *Repository) encode(i instance.ID, s Subscription) (table.Item, error) {
	headers, err := json.Marshal(s.Headers)
	if err != nil {
		return table.Item{}, fmt.Errorf("marshal headers: %w", err)
	}
	a := map[string]any{
		"url": s.URL, "enabled": s.Enabled, "by_events": s.ByEvents, "base64": s.Base64, "format": s.Format,
		"created_at": table.Stamp(s.CreatedAt), "updated_at": table.Stamp(s.UpdatedAt),
		"headers_sealed": r.sealer.Seal(headers, place(i, s.ID, "headers")),
		"secret_sealed":  r.sealer.Seal([]byte(s.Secret), place(i, s.ID, "secret")),
	}
	if len(s.Events) > 0 {
		a["events"] = s.Events
	}
	return table.Item{Key: key(i, s.ID), Attributes: a}, nil
}

func (r *Repository) decode(i instance.ID, item table.Item) (Subscription, error) {
	s := Subscription{
		ID: item.Sort, URL: item.Text("url"), Enabled: item.Flag("enabled"), Events: item.List("events"),
		ByEvents: item.Flag("by_events"), Base64: item.Flag("base64"), Format: item.Text("format"),
		CreatedAt: item.Time("created_at"), UpdatedAt: item.Time("updated_at"),
	}
	headers, err := r.sealer.Open(item.Bytes("headers_sealed"), place(i, s.ID, "headers"))
	if err != nil {
		return Subscription{}, fmt.Errorf("open headers of webhook %s of instance %s: %w", s.ID, i, err)
	}
	if err := json.Unmarshal(headers, &s.Headers); err != nil {
		return Subscription{}, fmt.Errorf("read headers of webhook %s of instance %s: %w", s.ID, i, err)
	}
	secret, err := r.sealer.Open(item.Bytes("secret_sealed"), place(i, s.ID, "secret"))
	if err != nil {
		return Subscription{}, fmt.Errorf("open secret of webhook %s of instance %s: %w", s.ID, i, err)
	}
	s.Secret = string(secret)
	return s, nil
}

// place binds a sealed value to where it belongs.
func place(i instance.ID, id, what string) []byte {
	return []byte("webhook#" + string(i) + "#" + id + "#" + what)
}
