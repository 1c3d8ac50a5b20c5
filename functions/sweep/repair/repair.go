// Package repair mends, once a minute, what nobody else will: work whose owner
// died between two steps.
//
//	instance deleting, no archive asked for      its host is told again, then the archive is asked for
//	archive begun, instance not removed          its job goes onto the queue again
//	archive whose time is over                   removed with its objects
//	pairing past its end                         closed: the host that would have done it is gone
//	session host that says nothing               ended, as other hosts would do if there were any
//	instance whose host has ended                another one is told, or the record is set right
//	webhook to be tried again                    its lane is woken (package backlog)
//
// Everything here happens rarely, is done under the conditions of the
// repositories, and does no harm when its owner is only slow.
package repair

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"roost/shared/archive"
	"roost/shared/backlog"
	"roost/shared/blob"
	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/fleet"
	"roost/shared/instance"
	"roost/shared/queue"
	"roost/shared/tenant"
)

const (
	// patience is how long an owner may take before its work counts as left
	// alone. The API's own steps take at most 30 s.
	patience = 2 * time.Minute
	// archivePatience is longer than two terms of a worker.
	archivePatience = 5 * time.Minute
	// pairingPatience is how long after the end of an offer its host must have
	// closed the pairing, or before the first offer must have made one.
	pairingPatience = time.Minute
	// maxExpired is how many archives one sweep removes.
	maxExpired = 20
	// askLimit bounds the command to a host.
	askLimit = 10 * time.Second
)

// Config is what a Handler works with. All fields must be set.
type Config struct {
	Tenants   []tenant.ID // whose instances are looked after
	Instances *instance.Repository
	Archives  *archive.Repository
	Jobs      queue.Queue // the archive queue
	Bucket    blob.Bucket
	Commands  *command.Client
	Events    *event.Publisher
	Backlog   *backlog.Repository
	Wakeups   queue.Queue // the one called backlog.Queue
	Hosts     *fleet.Repository
	Log       *slog.Logger
}

// Handler does one sweep at each call.
type Handler struct {
	cfg Config
	now func() time.Time
}

// New makes a handler. It is safe for concurrent use.
func New(cfg Config) *Handler { return &Handler{cfg: cfg, now: time.Now} }

// Report says what a sweep has mended.
type Report struct {
	Deletions int `json:"deletions"` // resumed
	Archives  int `json:"archives"`  // queued again
	Pairings  int `json:"pairings"`  // closed
	Hosts     int `json:"hosts"`     // ended
	Orphans   int `json:"orphans"`   // instances whose host has ended
	Lanes     int `json:"lanes"`     // woken: webhooks and chats where something is to be told again
	// Failing is how many of these there are, due or not, and FailingSeconds for
	// how long the one that fails the longest has been failing.
	Failing        int   `json:"failing"`
	FailingSeconds int64 `json:"failingSeconds"`
	Expired        int   `json:"expired"` // archives removed
}

// Handle is the Lambda handler of the schedule. One fault does not keep it from
// the rest; all are returned.
func (h *Handler) Handle(ctx context.Context) (Report, error) {
	var report Report
	failures := []error{h.lanes(ctx, &report), h.archives(ctx, &report), h.expire(ctx, &report)}
	view, err := h.hosts(ctx, &report)
	failures = append(failures, err)
	known := err == nil
	for _, t := range h.cfg.Tenants {
		all, err := h.cfg.Instances.List(ctx, t)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		for _, i := range all {
			failures = append(failures, h.instance(ctx, i, &report))
			if known && i.State != instance.Deleting && i.State != instance.Deleted {
				failures = append(failures, h.owner(ctx, i, view, &report))
			}
		}
	}
	mended := report
	mended.Failing, mended.FailingSeconds = 0, 0
	if mended != (Report{}) {
		h.cfg.Log.InfoContext(ctx, "sweep has mended", "deletions", report.Deletions, "archives", report.Archives, "pairings", report.Pairings,
			"hosts", report.Hosts, "orphans", report.Orphans, "lanes", report.Lanes, "expired", report.Expired)
	}
	return report, errors.Join(failures...)
}

func (h *Handler) instance(ctx context.Context, i instance.Instance, report *Report) error {
	switch i.State { //nolint:exhaustive // nothing can get stuck in the others
	case instance.Deleting:
		return h.deletion(ctx, i, report)
	case instance.Connecting, instance.Pairing:
		return h.pairing(ctx, i, report)
	}
	return nil
}

// lanes wakes what webhooks are to be told now.
func (h *Handler) lanes(ctx context.Context, report *Report) error {
	woken, err := h.cfg.Backlog.Wake(ctx, h.cfg.Wakeups)
	report.Lanes, report.Failing, report.FailingSeconds = woken.Lanes, woken.Failing, int64(woken.Oldest.Seconds())
	if woken.Failing > 0 { // the metric of an alarm
		h.cfg.Log.WarnContext(ctx, "webhooks fail", "lanes", woken.Failing, "failing_seconds", report.FailingSeconds)
	}
	return err
}

// archives puts jobs that were lost onto the queue again.
func (h *Handler) archives(ctx context.Context, report *Report) error {
	records, err := h.cfg.Archives.Unfinished(ctx)
	if err != nil {
		return err
	}
	var failures []error
	for _, r := range records {
		if h.now().Sub(r.At) < archivePatience {
			continue
		}
		if err := archive.Enqueue(ctx, h.cfg.Jobs, r.Job(), h.now()); err != nil {
			failures = append(failures, err)
			continue
		}
		report.Archives++
	}
	return errors.Join(failures...)
}

// expire removes archives whose time is over.
func (h *Handler) expire(ctx context.Context, report *Report) error {
	records, err := h.cfg.Archives.Expired(ctx, maxExpired)
	if err != nil {
		return err
	}
	for _, r := range records {
		if err := h.cfg.Archives.Expire(ctx, h.cfg.Bucket, r); err != nil {
			return err
		}
		report.Expired++
	}
	return nil
}

// deletion goes on where the API has stopped. A host that does not answer is
// asked again in a minute: the connection must be closed before the transcript
// is.
func (h *Handler) deletion(ctx context.Context, i instance.Instance, report *Report) error {
	if h.now().Sub(i.UpdatedAt) < patience {
		return nil
	}
	_, err := h.cfg.Archives.Get(ctx, i.ID)
	if err == nil || fault.KindOf(err) != fault.NotFound {
		return err // begun: archives looks after it
	}
	ask, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	if err := h.cfg.Commands.Do(ask, i, command.Delete, nil, nil); err != nil {
		return fmt.Errorf("tell the host to delete instance %s: %w", i.ID, err)
	}
	record, err := h.cfg.Archives.Begin(ctx, archive.Job{Tenant: i.Tenant, Instance: i.ID, Name: i.Name, At: h.now()})
	if err != nil {
		return err
	}
	if err := archive.Enqueue(ctx, h.cfg.Jobs, record.Job(), h.now()); err != nil {
		return err
	}
	report.Deletions++
	return h.cfg.Instances.ReleaseName(ctx, i)
}

// pairing closes one that has run out. Its host would have done so at once;
// without an offer it is one that never got to its first code.
func (h *Handler) pairing(ctx context.Context, i instance.Instance, report *Report) error {
	if i.JID != "" {
		return nil // linked: its host is to connect it, however long that takes
	}
	offer, err := h.cfg.Instances.Offer(ctx, i.ID)
	if err != nil {
		return err
	}
	ended := i.UpdatedAt.Add(patience)
	if offer != nil {
		ended = offer.Until
	}
	if h.now().Before(ended.Add(pairingPatience)) {
		return nil
	}
	closed, err := h.cfg.Instances.Update(ctx, i.ID, func(now *instance.Instance) error {
		if now.Revision != i.Revision {
			return errMoved
		}
		now.Wanted, now.Host, now.ClosedAt = false, "", h.now()
		return now.Move(instance.Closed, instance.Reason{
			Code: instance.ReasonPairingTimeout, Status: 408,
			Sentence: "Nobody has scanned the QR code or typed the pairing code in time.", Action: "Connect again for new codes.",
		})
	})
	if errors.Is(err, errMoved) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := h.cfg.Instances.DropOffer(ctx, i.ID); err != nil {
		return err
	}
	report.Pairings++
	return h.tell(ctx, closed)
}

var errMoved = errors.New("somebody has moved it")

func (h *Handler) tell(ctx context.Context, i instance.Instance) error {
	body, err := json.Marshal(event.Connection{State: i.State, Reason: i.Reason, Profile: i.Profile})
	if err != nil {
		return fmt.Errorf("marshal event: %w", err)
	}
	kind := event.ConnectionUpdated
	return h.cfg.Events.Publish(ctx, event.Event{
		ID:     event.NewID(string(i.ID), string(kind), "", strconv.FormatInt(i.Revision, 10)), // as the host's
		Tenant: i.Tenant, Instance: i.ID, Name: i.Name, Kind: kind, At: h.now().UTC(), Body: body,
	})
}
