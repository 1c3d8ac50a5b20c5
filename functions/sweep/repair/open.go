package repair

import (
	"context"

	"roost/shared/archive"
	"roost/shared/deployment"
	"roost/shared/fleet"
	"roost/shared/instance"
	"roost/shared/tenant"
)

// Open makes the handler of a deployment.
func Open(ctx context.Context, d deployment.Deployment) (*Handler, error) {
	jobs, err := d.ArchiveJobs(ctx)
	if err != nil {
		return nil, err
	}
	events, err := d.Publisher(ctx)
	if err != nil {
		return nil, err
	}
	wakeups, err := d.Wakeups(ctx)
	if err != nil {
		return nil, err
	}
	return New(Config{
		Tenants: []tenant.ID{tenant.Default}, Instances: instance.NewRepository(d.Table), Archives: archive.NewRepository(d.Table),
		Backlog: d.Backlog(), Wakeups: wakeups, Hosts: fleet.NewRepository(d.Table),
		Jobs: jobs, Bucket: d.Bucket, Commands: d.Commands(), Events: events, Log: d.Log,
	}), nil
}
