package instance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"roost/shared/table"
)

// offerLinger is how long an offer outlives its pairing on the table, so that
// the last reader still sees how it ended.
const offerLinger = time.Minute

// PutOffer shows what a pairing offers now. Only the instance's host calls it.
func (r *Repository) PutOffer(ctx context.Context, o Offer) error {
	body, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("marshal offer: %w", err)
	}
	item := table.Item{Key: offerKey(o.Instance), Body: body, Expires: o.Until.Add(offerLinger)}
	if _, err := r.table.Put(ctx, item, table.None()); err != nil {
		return fmt.Errorf("write offer of instance %s: %w", o.Instance, err)
	}
	return nil
}

// Offer returns what a pairing shows now, nil when there is none.
func (r *Repository) Offer(ctx context.Context, id ID) (*Offer, error) {
	item, err := r.table.Get(ctx, offerKey(id))
	if errors.Is(err, table.ErrNotFound) {
		return nil, nil //nolint:nilnil // no offer is an answer
	}
	if err != nil {
		return nil, fmt.Errorf("read offer of instance %s: %w", id, err)
	}
	o := &Offer{}
	if err := json.Unmarshal(item.Body, o); err != nil {
		return nil, fmt.Errorf("read offer of instance %s: %w", id, err)
	}
	return o, nil
}

// DropOffer ends what a pairing offered.
func (r *Repository) DropOffer(ctx context.Context, id ID) error {
	if err := r.table.Delete(ctx, offerKey(id), table.None()); err != nil {
		return fmt.Errorf("drop offer of instance %s: %w", id, err)
	}
	return nil
}

// linkPrefix makes a camera open WhatsApp at a QR code. Phones take the code
// with and without it.
const linkPrefix = "https://wa.me/settings/linked_devices#"

// BareQR is a QR code's text as clients of Baileys know it: "2@...", without
// the web address that newer codes begin with.
func BareQR(text string) string { return strings.TrimPrefix(text, linkPrefix) }
