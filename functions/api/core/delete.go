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

// Archived is the transcript of a deleted instance, or an export.
type Archived struct {
	Record archive.Record
	// URL, PageURL and ManifestURL get the objects until Expires. They are good
	// before the archive is done too, from the moment the objects exist.
	URL, PageURL, ManifestURL string
	Expires                   time.Time
}

// Delete unlinks an instance, gives its name free and has its transcript
// archived, for which it waits with a bound: Record.State tells whether it is
// done. Each step can be done again: when one fails, the instance stays in the
// state deleting and the next call goes on.
func (c *Core) Delete(ctx context.Context, i instance.Instance) (Archived, error) {
	linked, online := i.State != instance.Created || i.Host != "", i.JID != "" && i.State.Connected()
	i, err := c.deps.Instances.Update(ctx, i.ID, func(i *instance.Instance) error {
		i.Wanted = false
		return i.Move(instance.Deleting, i.Reason)
	})
	if err != nil {
		return Archived{}, fmt.Errorf("begin the deletion: %w", err)
	}
	if err := c.publish(ctx, i, event.InstanceDeleted, event.Lifecycle{Reason: i.Reason, Linked: online}); err != nil {
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

// Stored reports whether the transcript of an instance that is being deleted is
// stored already: then there is nothing left to delete.
func (c *Core) Stored(ctx context.Context, i instance.Instance) (bool, error) {
	if !leaving(i.State) {
		return false, nil
	}
	record, err := c.deps.Archives.Get(ctx, i.ID)
	if fault.KindOf(err) == fault.NotFound {
		return false, nil
	}
	return err == nil && record.State == archive.Done, err
}

// Export stores the transcript of an instance that goes on, and waits with a
// bound. One that is under way is not begun again.
func (c *Core) Export(ctx context.Context, i instance.Instance) (Archived, error) {
	job := archive.Job{Tenant: i.Tenant, Instance: i.ID, Name: i.Name, At: time.Now(), Live: true}
	record, err := c.deps.Archives.Begin(ctx, job)
	if err != nil {
		return Archived{}, err
	}
	if err := archive.Continue(ctx, c.deps.ArchiveJobs, record.Job(), time.Now()); err != nil {
		return Archived{}, err
	}
	wait, cancel := context.WithTimeout(ctx, c.limits.Archive)
	defer cancel()
	if seen, err := c.deps.Archives.Await(wait, job.Ref()); err == nil || seen.Instance == i.ID {
		record = seen
	}
	return c.sign(ctx, record)
}

// Archive finds the archive of a deleted instance, or the latest export of one
// that is there, by its id or its name; of several that have had that name the
// newest. With owned, an instance's id, it finds its export only. NotFound when
// there is none.
func (c *Core) Archive(ctx context.Context, t tenant.ID, name, owned string) (Archived, error) {
	found := archive.Record{}
	take := func(r archive.Record, err error) error {
		if err == nil && r.Tenant == t && r.At.After(found.At) {
			found = r
		}
		if fault.KindOf(err) == fault.NotFound {
			return nil
		}
		return err
	}
	id := instance.ID(owned)
	if owned == "" {
		id = instance.ID(name)
		if err := take(c.deps.Archives.Get(ctx, id)); err != nil {
			return Archived{}, err
		}
		i, err := c.deps.Instances.ByName(ctx, t, name)
		if err == nil {
			id = i.ID
		} else if fault.KindOf(err) != fault.NotFound {
			return Archived{}, err
		}
	}
	if found.Instance == "" {
		if err := take(c.deps.Archives.Export(ctx, id)); err != nil {
			return Archived{}, err
		}
	}
	if owned == "" && (found.Instance == "" || found.Live) {
		all, err := c.deps.Archives.List(ctx, t)
		if err != nil {
			return Archived{}, err
		}
		for _, r := range all {
			if r.Name == name {
				_ = take(r, nil)
			}
		}
	}
	if found.Instance == "" {
		return Archived{}, fault.New(fault.NotFound, "There is no archive of an instance %q", name)
	}
	return c.sign(ctx, found)
}

// sign makes the URLs. They expire together: with the first.
func (c *Core) sign(ctx context.Context, r archive.Record) (Archived, error) {
	return c.Links(ctx, r, blob.MaxExpiry)
}

// Links makes URLs of an archive that are good for as long as life, or less where
// the bucket's own credentials end before.
func (c *Core) Links(ctx context.Context, r archive.Record, life time.Duration) (Archived, error) {
	out := Archived{Record: r}
	name := fileName(r.Name)
	for _, object := range []struct {
		url       *string
		key, name string
	}{
		{&out.URL, r.Key, name + ".jsonl.gz"}, {&out.PageURL, r.PageKey, ""}, {&out.ManifestURL, r.ManifestKey, name + ".manifest.json"},
	} {
		if object.key == "" { // of an archive from before there were pages
			continue
		}
		url, expires, err := c.deps.Bucket.SignGet(ctx, object.key, life, object.name)
		if err != nil {
			return Archived{}, fmt.Errorf("sign the archive of instance %s: %w", r.Instance, err)
		}
		*object.url = url
		if out.Expires.IsZero() || expires.Before(out.Expires) {
			out.Expires = expires
		}
	}
	return out, nil
}

// Word keeps of a text what every file name takes.
func Word(text string) string { return fileName(text) }

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
