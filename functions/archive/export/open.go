package export

import (
	"context"

	"roost/shared/archive"
	"roost/shared/deployment"
	"roost/shared/instance"
	"roost/shared/transcript"
	"roost/shared/webhook"
)

// Open makes the handler of a deployment. It opens nothing that is sealed, and
// needs no key.
func Open(ctx context.Context, d deployment.Deployment) (*Handler, error) {
	events, err := d.Publisher(ctx)
	if err != nil {
		return nil, err
	}
	jobs, err := d.ArchiveJobs(ctx)
	if err != nil {
		return nil, err
	}
	return New(Config{
		Archives: archive.NewRepository(d.Table), Transcripts: transcript.NewRepository(d.Table, d.Bucket),
		Instances: instance.NewRepository(d.Table), Webhooks: webhook.NewRepository(d.Table, nil), Events: events, Jobs: jobs,
		Bucket: d.Bucket, Log: d.Log, Keep: d.KeepArchives,
	}), nil
}
