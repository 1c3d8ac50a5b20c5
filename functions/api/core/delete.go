package core

import (
	"context"
	"fmt"
	"strings"
	"time"

	"roost/shared/archive"
	"roost/shared/blob"
	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/tenant"
)

// Archived is the transcript of a deleted instance.
type Archived struct {
	Record archive.Record
	// URL gets the object until Expires. It is good before the archive is done
	// too, from the moment the object exists.
	URL     string
	Expires time.Time
}

// Delete unlinks an instance, gives its name free and has its transcript
// archived, for which it waits with a bound: Record.State tells whether it is
// done. Each step can be done again: when one fails, the instance stays in the
// state deleting and the next call goes on.
func (c *Core) Delete(ctx context.Context, i instance.Instance) (Archived, error) {
	linked := i.State != instance.Created || i.Host != ""
	i, err := c.deps.Instances.Update(ctx, i.ID, func(i *instance.Instance) error {
		i.Wanted = false
		return i.Move(instance.Deleting, i.Reason)
	})
	if err != nil {
		return Archived{}, fmt.Errorf("begin the deletion: %w", err)
	}
	if err := c.tell(ctx, i, event.InstanceDeleted); err != nil {
		return Archived{}, fmt.Errorf("tell the deletion: %w", err)
	}
	if linked { // else no host has ever had it, and there are no keys
		if err := c.do(ctx, i, command.Delete, nil, nil); err != nil {
			return Archived{}, err
		}
	}
	job := archive.Job{Tenant: i.Tenant, Instance: i.ID, Name: i.Name, At: time.Now()}
	record, err := c.deps.Archives.Begin(ctx, job)
	if err != nil {
		return Archived{}, err
	}
	if err := archive.Enqueue(ctx, c.deps.ArchiveJobs, record.Job(), time.Now()); err != nil {
		return Archived{}, err
	}
	if err := c.deps.Instances.ReleaseName(ctx, i); err != nil {
		return Archived{}, err
	}
	wait, cancel := context.WithTimeout(ctx, c.limits.Archive)
	defer cancel()
	if seen, err := c.deps.Archives.Await(wait, job.Ref()); err == nil || seen.Instance == i.ID {
		record = seen
	}
	return c.sign(ctx, record)
}

// Archive finds the archive of a deleted instance by its id or its last name,
// the newest when several have had that name. NotFound when there is none.
func (c *Core) Archive(ctx context.Context, t tenant.ID, name string) (Archived, error) {
	record, err := c.deps.Archives.Get(ctx, instance.ID(name))
	if err == nil && record.Tenant == t {
		return c.sign(ctx, record)
	}
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return Archived{}, err
	}
	all, err := c.deps.Archives.List(ctx, t)
	if err != nil {
		return Archived{}, err
	}
	record = archive.Record{}
	for _, r := range all {
		if r.Name == name && r.At.After(record.At) {
			record = r
		}
	}
	if record.Instance == "" {
		return Archived{}, fault.New(fault.NotFound, "There is no archive of an instance %q", name)
	}
	return c.sign(ctx, record)
}

func (c *Core) sign(ctx context.Context, r archive.Record) (Archived, error) {
	url, expires, err := c.deps.Bucket.SignGet(ctx, r.Key, blob.MaxExpiry, fileName(r.Name)+".jsonl.gz")
	if err != nil {
		return Archived{}, fmt.Errorf("sign the archive of instance %s: %w", r.Instance, err)
	}
	return Archived{Record: r, URL: url, Expires: expires}, nil
}

// fileName keeps of a name what every file system takes.
func fileName(name string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == '-', r == '_':
			return r
		}
		return '_'
	}, name)
	return clean[:min(len(clean), 100)]
}
