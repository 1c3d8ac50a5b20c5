// Package core is what every dialect of the API does: it makes instances, links
// them, sends through them and ends them, over the table, the queues and the
// bucket. It knows no HTTP. Whatever needs a connection is asked of the session
// host that owns the instance; whatever takes longer than a request may last is
// waited for with a bound, and the answer then says how far it has come.
package core

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"roost/shared/archive"
	"roost/shared/backlog"
	"roost/shared/blob"
	"roost/shared/bounded"
	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/queue"
	"roost/shared/seal"
	"roost/shared/table"
	"roost/shared/tenant"
	"roost/shared/transcript"
	"roost/shared/webhook"
)

// Deps are what the API works with. All but Wakeups, Formats,
// Networks, HTTP and Limits must be set.
type Deps struct {
	Table     table.Table // for what numbers are known to be on WhatsApp
	Instances *instance.Repository
	Commands  *command.Client
	Webhooks  *webhook.Repository
	Events    *event.Publisher
	Archives  *archive.Repository
	// ArchiveJobs is the queue called archive.Queue.
	ArchiveJobs queue.Queue
	Bucket      blob.Bucket
	Sealer      *seal.Sealer // of tokens
	Log         *slog.Logger

	Backlog *backlog.Repository
	// Wakeups is the queue called backlog.Queue. Without it replays begin at the
	// next minute.
	Wakeups queue.Queue

	// Formats are those that webhooks may have beside Evolution's: what the
	// deliverer speaks.
	Formats []string

	// Networks are those beside the public internet that files may be fetched
	// from. What listens there is open to every user.
	Networks []netip.Prefix
	// HTTP lets files be fetched, and webhooks be called, over http too.
	HTTP   bool
	Limits Limits
}

// Limits bound what a request waits for. Zero fields get the default. API
// Gateway gives up after 30 s, so nothing is above 25.
type Limits struct {
	QR      time.Duration // for a QR code, default 10 s
	Code    time.Duration // for a pairing code, default 25 s
	Online  time.Duration // for a connection that is being opened again, default 10 s
	Command time.Duration // for a host's answer, default 25 s
	Archive time.Duration // for the archive of a deleted instance, default 10 s
	Fetch   time.Duration // for a file of a message, default 20 s
	File    int64         // bytes of a message's file, default 100 MiB
}

func (l Limits) withDefaults() Limits {
	for field, value := range map[*time.Duration]time.Duration{
		&l.QR: 10 * time.Second, &l.Code: 25 * time.Second, &l.Online: 10 * time.Second,
		&l.Command: 25 * time.Second, &l.Archive: 10 * time.Second, &l.Fetch: 20 * time.Second,
	} {
		if *field == 0 {
			*field = value
		}
	}
	if l.File == 0 {
		l.File = 100 << 20
	}
	return l
}

// Core serves all dialects. It is safe for concurrent use.
type Core struct {
	deps   Deps
	limits Limits
	media  fetcher

	transcripts *transcript.Repository
	tenants     *tenant.Repository
	numbers     *bounded.Map[table.Key, checked]
}

// New makes a core.
func New(deps Deps) *Core {
	limits := deps.Limits.withDefaults()
	return &Core{
		deps: deps, limits: limits, media: newFetcher(limits, deps.Networks, deps.HTTP),
		transcripts: transcript.NewRepository(deps.Table, deps.Bucket), tenants: tenant.NewRepository(deps.Table),
		numbers: bounded.New[table.Key, checked](maxNumbers),
	}
}

// Token opens an instance's token, for answers that show it.
func (c *Core) Token(i instance.Instance) (string, error) { return i.Token(c.deps.Sealer) }

// Find returns the tenant's instance of that name, or NotFound.
func (c *Core) Find(ctx context.Context, t tenant.ID, name string) (instance.Instance, error) {
	return c.deps.Instances.ByName(ctx, t, name)
}

// ByID returns the tenant's instance of that id. Another's, and one that is being
// deleted, is NotFound; Leaving finds that too.
func (c *Core) ByID(ctx context.Context, t tenant.ID, id instance.ID) (instance.Instance, error) {
	i, err := c.Leaving(ctx, t, id)
	if err == nil && leaving(i.State) {
		return instance.Instance{}, fault.New(fault.NotFound, "The %q instance does not exist", id)
	}
	return i, err
}

// Leaving is ByID, also for an instance whose deletion has begun.
func (c *Core) Leaving(ctx context.Context, t tenant.ID, id instance.ID) (instance.Instance, error) {
	i, err := c.deps.Instances.Get(ctx, id)
	if err == nil && (i.Tenant != t || i.State == instance.Deleted) {
		return instance.Instance{}, fault.New(fault.NotFound, "The %q instance does not exist", id)
	}
	return i, err
}

// List returns the tenant's instances in order of their names.
func (c *Core) List(ctx context.Context, t tenant.ID) ([]instance.Instance, error) {
	return c.deps.Instances.List(ctx, t)
}

// Owned returns the instances that a token opens, none when nobody has it.
// Those on their way out are not among them: their name may be another's.
func (c *Core) Owned(ctx context.Context, token string) ([]instance.Instance, error) {
	owned, err := c.deps.Instances.ByToken(ctx, token)
	return slices.DeleteFunc(owned, func(i instance.Instance) bool {
		return !i.HasToken(token) || leaving(i.State)
	}), err
}

// do asks the instance's host and waits for its answer.
func (c *Core) do(ctx context.Context, i instance.Instance, kind command.Kind, args, out any) error {
	ctx, cancel := context.WithTimeout(ctx, c.limits.Command)
	defer cancel()
	return c.deps.Commands.Do(ctx, i, kind, args, out)
}

// Unanswered reports whether a command ended without an answer, so that nobody
// knows yet what became of it.
func Unanswered(err error) bool {
	e, ok := errors.AsType[*fault.Error](err)
	return ok && e.Code == "no_answer" || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// tell publishes that something happened to the instance itself. The event's id
// comes from the instance and the kind, since each of these happens once.
func (c *Core) tell(ctx context.Context, i instance.Instance, kind event.Kind) error {
	return c.publish(ctx, i, kind, event.Lifecycle{Reason: i.Reason})
}

// publish tells something of the instance itself. what makes the event's id.
func (c *Core) publish(ctx context.Context, i instance.Instance, kind event.Kind, about any, what ...string) error {
	body, err := json.Marshal(about)
	if err != nil {
		return fmt.Errorf("marshal event: %w", err)
	}
	return c.deps.Events.Publish(ctx, event.Event{
		ID: event.NewID(append([]string{string(i.ID), string(kind)}, what...)...), Tenant: i.Tenant, Instance: i.ID, Name: i.Name,
		Sender: Account(i.JID), Kind: kind, At: time.Now().UTC(), Body: body,
	})
}
