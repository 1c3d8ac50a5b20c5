package handler

import (
	"context"
	"net/http"

	"roost/functions/api/core"
	"roost/shared/archive"
	"roost/shared/deployment"
	"roost/shared/instance"
	"roost/shared/webhook"
)

// Open makes the API of a deployment. adminKey is the SHA-256 of the key that
// may do everything, version this build's.
func Open(ctx context.Context, d deployment.Deployment, adminKey []byte, version string) (http.Handler, error) {
	sealer, err := d.Sealer(ctx)
	if err != nil {
		return nil, err
	}
	events, err := d.Publisher(ctx)
	if err != nil {
		return nil, err
	}
	jobs, err := d.ArchiveJobs(ctx)
	if err != nil {
		return nil, err
	}
	wakeups, err := d.Wakeups(ctx)
	if err != nil {
		return nil, err
	}
	return New(Deps{
		Core: core.Deps{
			Table: d.Table, Instances: instance.NewRepository(d.Table), Commands: d.Commands(), Webhooks: webhook.NewRepository(d.Table, sealer),
			Events: events, Archives: archive.NewRepository(d.Table), ArchiveJobs: jobs, Bucket: d.Bucket, Sealer: sealer, Log: d.Log,
			Backlog: d.Backlog(), Wakeups: wakeups, Networks: d.Networks, HTTP: d.HTTP, Formats: webhook.PostbackFormats(),
		},
		AdminKey: adminKey, ServerURL: d.ServerURL, Version: version, Log: d.Log,
	})
}
