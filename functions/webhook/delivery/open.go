package delivery

import (
	"context"
	"maps"

	"roost/functions/webhook/guid"
	"roost/functions/webhook/postback"
	"roost/shared/deployment"
	"roost/shared/event"
	"roost/shared/transcript"
	"roost/shared/webhook"
)

// Open makes the handler of a deployment. It hides what has failed on either
// queue itself.
func Open(ctx context.Context, d deployment.Deployment) (*Handler, error) {
	sealer, err := d.Sealer(ctx)
	if err != nil {
		return nil, err
	}
	events, err := d.Events(ctx)
	if err != nil {
		return nil, err
	}
	wakeups, err := d.Wakeups(ctx)
	if err != nil {
		return nil, err
	}
	formats := postback.Formats(d.Table, sealer)
	maps.Copy(formats, guid.Formats(d.Table, d.Bucket, sealer))
	return New(Config{
		Table: d.Table, Transcripts: transcript.NewRepository(d.Table, d.Bucket), Webhooks: webhook.NewRepository(d.Table, sealer), Backlog: d.Backlog(),
		Wakeups: wakeups, Events: event.NewPublisher(events, d.Bucket), Bucket: d.Bucket, Client: NewClient(d.Outside()), ServerURL: d.ServerURL,
		Log: d.Log, Formats: formats, Postpone: events.ChangeVisibility, Hold: wakeups.ChangeVisibility,
	}), nil
}
