package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"roost/shared/bounded"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/seal"
	"roost/shared/table"
	"roost/shared/tenant"
)

// maxRaces is how often Put starts over when others write the same subscription.
const maxRaces = 10

// Repository keeps subscriptions on the table.
//
//	webhook#<instance>      <subscription>   the subscription
//	webhook#tenant#<tenant> default          the tenant's, for all of its instances
//	webhooks#<owner>        version          another with each change (known.go)
type Repository struct {
	table  table.Table
	sealer *seal.Sealer
	known  *bounded.Map[owner, reading]
	now    func() time.Time
}

// NewRepository keeps subscriptions on t and seals their headers and secrets
// with s.
func NewRepository(t table.Table, s *seal.Sealer) *Repository {
	return &Repository{table: t, sealer: s, known: bounded.New[owner, reading](maxKnown), now: time.Now}
}

// owner is whose subscriptions are in a partition: an instance or a tenant.
type owner string

func ofInstance(i instance.ID) owner { return owner(i) }

// ofTenant cannot be an instance's: ids of instances hold no "#".
func ofTenant(t tenant.ID) owner { return "tenant#" + owner(t) }

func (o owner) shared() bool { return strings.HasPrefix(string(o), "tenant#") }

func (o owner) partition() string { return "webhook#" + string(o) }

func (o owner) key(id string) table.Key { return table.Key{Partition: o.partition(), Sort: id} }

func validID(id string) bool {
	for n := range len(id) {
		c := id[n]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_' {
			return false
		}
	}
	return id != "" && len(id) <= 64
}

// Put creates or replaces a subscription, and returns it as stored. The time of
// creation stays; so do the secrets, unless s brings one.
func (r *Repository) Put(ctx context.Context, i instance.ID, s Subscription) (Subscription, error) {
	if s.ID == Default {
		return Subscription{}, fault.New(fault.Invalid, "%q is the webhook of all instances", s.ID)
	}
	return r.put(ctx, ofInstance(i), s)
}

// PutDefault is Put for the tenant's subscription, whose id is always Default.
func (r *Repository) PutDefault(ctx context.Context, t tenant.ID, s Subscription) (Subscription, error) {
	s.ID = Default
	return r.put(ctx, ofTenant(t), s)
}

func (r *Repository) put(ctx context.Context, o owner, s Subscription) (Subscription, error) {
	return r.change(ctx, o, s.ID, func(before *Subscription) (Subscription, error) {
		after := s
		if after.Format == "" {
			after.Format = FormatEvolution
		}
		if after.Enabled {
			after.Disabled, after.DisabledAt = "", time.Time{}
		}
		after.CreatedAt = r.now().UTC().Truncate(time.Millisecond)
		if before != nil {
			after.CreatedAt = before.CreatedAt
			if after.Secret == "" {
				after.Secret, after.Retiring, after.RetiringUntil = before.Secret, before.Retiring, before.RetiringUntil
			}
		}
		if after.Secret == "" {
			after.Secret = NewSecret()
		}
		return after, nil
	})
}

// Rotate gives a subscription a new secret and returns it with that. The one
// before signs as well until then.
func (r *Repository) Rotate(ctx context.Context, i instance.ID, id string, until time.Time) (Subscription, error) {
	return r.rotate(ctx, ofInstance(i), id, until)
}

// RotateDefault is Rotate for the tenant's subscription.
func (r *Repository) RotateDefault(ctx context.Context, t tenant.ID, until time.Time) (Subscription, error) {
	return r.rotate(ctx, ofTenant(t), Default, until)
}

func (r *Repository) rotate(ctx context.Context, o owner, id string, until time.Time) (Subscription, error) {
	secret := NewSecret() // once, so that a write whose answer was lost does not retire what nobody knew
	return r.change(ctx, o, id, func(before *Subscription) (Subscription, error) {
		switch {
		case before == nil:
			return Subscription{}, missing(id)
		case before.Secret == secret:
			return *before, nil
		}
		after := *before
		after.Retiring, after.RetiringUntil, after.Secret = before.Secret, until.UTC().Truncate(time.Millisecond), secret
		return after, nil
	})
}

// Disable turns off, for one of the reasons above, the subscription s of an
// instance or of its tenant. It reports whether it did: false when it was off,
// is gone or has been changed since s was read, which may have mended it.
func (r *Repository) Disable(ctx context.Context, t tenant.ID, i instance.ID, s Subscription, why string) (bool, error) {
	o := ofInstance(i)
	if s.Shared {
		o = ofTenant(t)
	}
	at := r.now().UTC().Truncate(time.Millisecond)
	disabled := false
	_, err := r.change(ctx, o, s.ID, func(before *Subscription) (Subscription, error) {
		if before != nil && !before.Enabled && before.Disabled == why && before.DisabledAt.Equal(at) {
			disabled = true // by the write whose answer was lost
			return Subscription{}, errUnchanged
		}
		if before == nil || !before.Enabled || !before.UpdatedAt.Equal(s.UpdatedAt) {
			return Subscription{}, errUnchanged
		}
		disabled = true
		after := *before
		after.Enabled, after.Disabled, after.DisabledAt = false, why, at
		return after, nil
	})
	if errors.Is(err, errUnchanged) {
		err = nil
	}
	return disabled && err == nil, err
}

var errUnchanged = errors.New("nothing to change")

// change writes what how makes of a subscription, nil for none, and returns it.
func (r *Repository) change(ctx context.Context, o owner, id string, how func(before *Subscription) (Subscription, error)) (Subscription, error) {
	if !validID(id) {
		return Subscription{}, fault.New(fault.Invalid, "%q is no id of a webhook", id)
	}
	for range maxRaces {
		condition, expires := table.Absent(), time.Time{}
		var stored *Subscription
		before, item, err := r.read(ctx, o, id)
		switch {
		case err == nil:
			condition, stored, expires = table.Revision(item.Revision), &before, item.Expires
		case fault.KindOf(err) != fault.NotFound:
			return Subscription{}, err
		}
		s, refused := how(stored)
		if refused != nil {
			return Subscription{}, refused
		}
		s.UpdatedAt = r.now().UTC().Truncate(time.Millisecond)
		if item, err = r.encode(o, s); err != nil {
			return Subscription{}, err
		}
		item.Expires = expires // of one that is being retired
		if err = r.table.Write(ctx, table.PutOp(item, condition), o.changed(expires)); err == nil {
			s.Shared = o.shared()
			return s, nil
		}
		if errors.Is(err, table.ErrTooLarge) || errors.Is(err, table.ErrInvalid) {
			return Subscription{}, fault.Wrap(fault.Invalid, err, "the webhook is too large or holds what is not text")
		}
		if !errors.Is(err, table.ErrConflict) && !errors.Is(err, table.ErrUnknownOutcome) {
			return Subscription{}, fmt.Errorf("write webhook %s of %s: %w", s.ID, o, err)
		}
	}
	return Subscription{}, fault.New(fault.Unavailable, "the webhook is being changed by too many at once")
}

// Get returns a subscription, or NotFound.
func (r *Repository) Get(ctx context.Context, i instance.ID, id string) (Subscription, error) {
	s, _, err := r.read(ctx, ofInstance(i), id)
	return s, err
}

// Default returns the tenant's subscription, or NotFound.
func (r *Repository) Default(ctx context.Context, t tenant.ID) (Subscription, error) {
	s, _, err := r.read(ctx, ofTenant(t), Default)
	return s, err
}

func missing(id string) error { return fault.New(fault.NotFound, "The %q webhook does not exist", id) }

func (r *Repository) read(ctx context.Context, o owner, id string) (Subscription, table.Item, error) {
	if !validID(id) {
		return Subscription{}, table.Item{}, missing(id)
	}
	item, err := r.table.Get(ctx, o.key(id))
	if errors.Is(err, table.ErrNotFound) {
		return Subscription{}, table.Item{}, missing(id)
	}
	if err != nil {
		return Subscription{}, table.Item{}, fmt.Errorf("read webhook %s of %s: %w", id, o, err)
	}
	s, err := r.decode(o, item)
	return s, item, err
}

// List returns the instance's subscriptions in order of their ids.
func (r *Repository) List(ctx context.Context, i instance.ID) ([]Subscription, error) {
	o := ofInstance(i)
	var out []Subscription
	for item, err := range table.All(ctx, r.table, table.Query{Partition: o.partition()}) {
		if err != nil {
			return nil, fmt.Errorf("list webhooks of %s: %w", o, err)
		}
		s, err := r.decode(o, item)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// WithFiles returns those who are told of an instance and want files in it, with
// neither headers nor secrets: it works without a sealer.
func (r *Repository) WithFiles(ctx context.Context, t tenant.ID, i instance.ID) ([]Subscription, error) {
	var out []Subscription
	take := func(o owner, item table.Item) {
		if s := decodeOpen(o, item); s.Enabled && s.Base64 {
			out = append(out, s)
		}
	}
	for item, err := range table.All(ctx, r.table, table.Query{Partition: ofInstance(i).partition()}) {
		if err != nil {
			return nil, fmt.Errorf("list webhooks of %s: %w", i, err)
		}
		take(ofInstance(i), item)
	}
	item, err := r.table.Get(ctx, ofTenant(t).key(Default))
	switch {
	case err == nil:
		take(ofTenant(t), item)
	case !errors.Is(err, table.ErrNotFound):
		return nil, fmt.Errorf("read the webhook of tenant %s: %w", t, err)
	}
	return out, nil
}

// Remove deletes a subscription. What is gone already stays gone.
func (r *Repository) Remove(ctx context.Context, i instance.ID, id string) error {
	return r.remove(ctx, ofInstance(i), id)
}

// RemoveDefault is Remove for the tenant's subscription.
func (r *Repository) RemoveDefault(ctx context.Context, t tenant.ID) error {
	return r.remove(ctx, ofTenant(t), Default)
}

func (r *Repository) remove(ctx context.Context, o owner, id string) error {
	if err := r.table.Write(ctx, table.DeleteOp(o.key(id), table.None()), o.changed(time.Time{})); err != nil {
		return fmt.Errorf("remove webhook %s of %s: %w", id, o, err)
	}
	return nil
}

// Retire lets all subscriptions of an instance end at a time: the instance is
// gone, but its last events are still to be delivered.
func (r *Repository) Retire(ctx context.Context, i instance.ID, at time.Time) error {
	o := ofInstance(i)
	version, err := r.table.Get(ctx, o.version())
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		return fmt.Errorf("read the version of the webhooks of instance %s: %w", i, err)
	}
	if err == nil && version.Expires.IsZero() { // it ends with them, also when there are none left
		if err := r.table.Write(ctx, o.changed(at)); err != nil {
			return fmt.Errorf("retire the webhooks of instance %s: %w", i, err)
		}
	}
	for item, err := range table.All(ctx, r.table, table.Query{Partition: o.partition()}) {
		if err != nil {
			return fmt.Errorf("list webhooks of instance %s: %w", i, err)
		}
		if !item.Expires.IsZero() {
			continue
		}
		item.Expires = at
		// One that is changed or removed meanwhile is its owner's business.
		err := r.table.Write(ctx, table.PutOp(item, table.Revision(item.Revision)), o.changed(at))
		if err != nil && !errors.Is(err, table.ErrConflict) {
			return fmt.Errorf("retire webhook %s of instance %s: %w", item.Sort, i, err)
		}
	}
	return nil
}

func (r *Repository) encode(o owner, s Subscription) (table.Item, error) {
	headers, err := json.Marshal(s.Headers)
	if err != nil {
		return table.Item{}, fmt.Errorf("marshal headers: %w", err)
	}
	a := map[string]any{
		"url": s.URL, "enabled": s.Enabled, "by_events": s.ByEvents, "base64": s.Base64, "format": s.Format,
		"created_at": table.Stamp(s.CreatedAt), "updated_at": table.Stamp(s.UpdatedAt),
		"headers_sealed": r.sealer.Seal(headers, place(o, s.ID, "headers")),
		"secret_sealed":  r.sealer.Seal([]byte(s.Secret), place(o, s.ID, "secret")),
	}
	if s.Retiring != "" {
		a["retiring_sealed"], a["retiring_until"] = r.sealer.Seal([]byte(s.Retiring), place(o, s.ID, "secret")), table.Stamp(s.RetiringUntil)
	}
	if s.Disabled != "" {
		a["disabled"], a["disabled_at"] = s.Disabled, table.Stamp(s.DisabledAt)
	}
	if len(s.Events) > 0 {
		a["events"] = s.Events
	}
	return table.Item{Key: o.key(s.ID), Attributes: a}, nil
}

// decodeOpen reads what is not sealed.
func decodeOpen(o owner, item table.Item) Subscription {
	return Subscription{
		ID: item.Sort, URL: item.Text("url"), Enabled: item.Flag("enabled"), Events: item.List("events"),
		ByEvents: item.Flag("by_events"), Base64: item.Flag("base64"), Format: item.Text("format"),
		CreatedAt: item.Time("created_at"), UpdatedAt: item.Time("updated_at"), Shared: o.shared(),
		Disabled: item.Text("disabled"), DisabledAt: item.Time("disabled_at"), RetiringUntil: item.Time("retiring_until"),
	}
}

func (r *Repository) decode(o owner, item table.Item) (Subscription, error) {
	s := decodeOpen(o, item)
	headers, err := r.sealer.Open(item.Bytes("headers_sealed"), place(o, s.ID, "headers"))
	if err != nil {
		return Subscription{}, fmt.Errorf("open headers of webhook %s of %s: %w", s.ID, o, err)
	}
	if err := json.Unmarshal(headers, &s.Headers); err != nil {
		return Subscription{}, fmt.Errorf("read headers of webhook %s of %s: %w", s.ID, o, err)
	}
	secret, err := r.sealer.Open(item.Bytes("secret_sealed"), place(o, s.ID, "secret"))
	if err != nil {
		return Subscription{}, fmt.Errorf("open secret of webhook %s of %s: %w", s.ID, o, err)
	}
	s.Secret = string(secret)
	if sealed := item.Bytes("retiring_sealed"); len(sealed) > 0 {
		retiring, err := r.sealer.Open(sealed, place(o, s.ID, "secret"))
		if err != nil {
			return Subscription{}, fmt.Errorf("open the old secret of webhook %s of %s: %w", s.ID, o, err)
		}
		s.Retiring = string(retiring)
	}
	return s, nil
}

// place binds a sealed value to where it belongs.
func place(o owner, id, what string) []byte {
	return []byte("webhook#" + string(o) + "#" + id + "#" + what)
}
