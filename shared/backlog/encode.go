package backlog

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"strconv"
	"strings"
	"time"

	"roost/shared/blob"
	"roost/shared/event"
	"roost/shared/instance"
	"roost/shared/table"
	"roost/shared/tenant"
)

const (
	deliveredLife = 24 * time.Hour
	deadLife      = 14 * 24 * time.Hour
	// waitingLife is far longer than any delivery is tried: nothing that was
	// left behind stays for good.
	waitingLife = 30 * 24 * time.Hour
	// maxInline is how large an event may be on the table, in bytes; larger ones
	// are in the bucket.
	maxInline = 200 << 10
	// shards is over how many partitions of the table the times are spread.
	shards = 4
)

func (id ID) key(i instance.ID) table.Key {
	return table.Key{Partition: "delivery#" + string(i) + "#" + id.Event, Sort: id.Subscription}
}

func listPartition(i instance.ID) string { return "deliveries#" + string(i) }

func (d Delivery) listKey() table.Key {
	return table.Key{Partition: listPartition(d.Instance), Sort: string(d.State) + "#" + stamp(d.At) + "#" + d.String()}
}

func (l Lane) partition() string {
	return "lane#" + string(l.Instance) + "#" + l.Subscription + "#" + l.Chat
}

func (l Lane) key() table.Key { return table.Key{Partition: l.partition(), Sort: "lane"} }

func (l Lane) entryKey(number int64) table.Key {
	return table.Key{Partition: l.partition(), Sort: fmt.Sprintf("%016d", number)}
}

// hash spreads lanes.
func (l Lane) hash() uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, l.partition()) // a hash takes everything
	return h.Sum64()
}

func dueKey(l Lane, at time.Time) table.Key {
	return table.Key{Partition: duePartition(l.hash() % shards), Sort: stamp(at) + "#" + l.partition()}
}

func duePartition(shard uint64) string { return "due#" + strconv.FormatUint(shard, 10) }

// stamp writes a time so that text sorts as times do.
func stamp(at time.Time) string { return fmt.Sprintf("%013d", max(at.UnixMilli(), 0)) }

func unstamp(text string) time.Time {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// line is a lane's item.
type line struct {
	head, next int64     // numbers: of the first that waits, and of the next to come
	due        time.Time // whole milliseconds
	since      time.Time // of the oldest failure in it
	revision   int64     // 0 when there is none
}

func (l line) waiting() int64 { return l.next - l.head }

func (l line) encode(lane Lane) table.Item {
	return table.Item{Key: lane.key(), Attributes: map[string]any{
		"head": l.head, "next": l.next, "due": stamp(l.due), "since": stamp(l.since),
		"instance": string(lane.Instance), "subscription": lane.Subscription, "chat": lane.Chat,
	}}
}

func decodeLine(item table.Item) line {
	return line{
		head: item.Number("head"), next: item.Number("next"), due: unstamp(item.Text("due")), since: unstamp(item.Text("since")),
		revision: item.Revision,
	}
}

// encode writes a delivery. The event goes with it until it has been told.
func (r *Repository) encode(ctx context.Context, d Delivery) (table.Item, error) {
	a := map[string]any{
		"tenant": string(d.Tenant), "instance": string(d.Instance), "kind": string(d.Kind), "chat": d.Chat, "at": table.Stamp(d.At),
		"state": string(d.State), "told": int64(d.Told), "attempts": int64(d.Attempts), "status": int64(d.Status),
		"latency_ms": d.Latency.Milliseconds(), "lane": d.lane.Chat, "number": d.number,
	}
	if d.Error != "" {
		a["error"] = d.Error
	}
	if !d.First.IsZero() {
		a["first"], a["last"] = table.Stamp(d.First), table.Stamp(d.Last)
	}
	item := table.Item{Key: d.key(d.Instance), Attributes: a}
	switch d.State {
	case Delivered:
		item.Expires = r.now().Add(deliveredLife)
		return item, nil
	case Dead:
		item.Expires = r.now().Add(deadLife)
	case Waiting:
		item.Expires = r.now().Add(waitingLife)
	}
	body, err := json.Marshal(d.Event)
	if err != nil {
		return table.Item{}, fmt.Errorf("marshal event %s: %w", d.ID.Event, err)
	}
	if len(body) <= maxInline {
		item.Body = body
		return item, nil
	}
	// The same for all subscriptions, and the same each time it is written.
	where := "deliveries/" + string(d.Instance) + "/" + d.ID.Event + ".json"
	if _, err := r.bucket.Put(ctx, where, bytes.NewReader(body), int64(len(body)), "application/json"); err != nil {
		return table.Item{}, fmt.Errorf("store event %s: %w", d.ID.Event, err)
	}
	a["blob"] = where
	return item, nil
}

// decode reads a delivery, without the event.
func decode(item table.Item) Delivery {
	instancePart := strings.TrimPrefix(item.Partition, "delivery#")
	i := instance.ID(item.Text("instance"))
	d := Delivery{
		ID:     ID{Event: strings.TrimPrefix(instancePart, string(i)+"#"), Subscription: item.Sort},
		Tenant: tenant.ID(item.Text("tenant")), Instance: i, Kind: event.Kind(item.Text("kind")), Chat: item.Text("chat"), At: item.Time("at"),
		State: State(item.Text("state")), Told: int(item.Number("told")), Attempts: int(item.Number("attempts")),
		First: item.Time("first"), Last: item.Time("last"), Status: int(item.Number("status")),
		Latency: time.Duration(item.Number("latency_ms")) * time.Millisecond, Error: item.Text("error"),
		number: item.Number("number"), revision: item.Revision,
	}
	d.lane = Lane{Instance: i, Subscription: d.Subscription, Chat: item.Text("lane")}
	return d
}

// withEvent reads the event of a delivery that is not done.
func (r *Repository) withEvent(ctx context.Context, item table.Item) (Delivery, error) {
	d, body := decode(item), item.Body
	if where := item.Text("blob"); where != "" {
		stored, _, err := r.bucket.Get(ctx, where, blob.Range{})
		if err != nil {
			return d, fmt.Errorf("fetch event %s: %w", d.ID.Event, err)
		}
		defer stored.Close()
		if body, err = io.ReadAll(stored); err != nil {
			return d, fmt.Errorf("fetch event %s: %w", d.ID.Event, err)
		}
	}
	if err := json.Unmarshal(body, &d.Event); err != nil {
		return d, fmt.Errorf("read event %s: %w", d.ID.Event, err)
	}
	return d, nil
}
