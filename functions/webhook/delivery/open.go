package delivery

import (
	"context"

	"roost/shared/deployment"
	"roost/shared/transcript"
	"roost/shared/webhook"
)

// Open makes the handler of a deployment. It postpones what has failed on the
// events queue itself.
func Open(ctx context.Context, d deployment.Deployment) (*Handler, error) {
	sealer, err := d.Sealer(ctx)
	if err != nil {
		return nil, err
	}
	events, err := d.Events(ctx)
	if err != nil {
		return nil, err
	}
	return New(Config{
		Transcripts: transcript.NewRepository(d.Table, d.Bucket), Webhooks: webhook.NewRepository(d.Table, sealer), Table: d.Table,
		Bucket: d.Bucket, Client: NewClient(d.Networks...), ServerURL: d.ServerURL, Log: d.Log, Postpone: events.ChangeVisibility,
	}), nil
}
