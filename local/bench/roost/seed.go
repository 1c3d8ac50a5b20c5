package roost

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"roost/local/bench/world"
	"roost/sessionhost/keys"
	"roost/shared/deployment"
	"roost/shared/instance"
	"roost/shared/tenant"
	"roost/shared/webhook"
	"roost/simulator/companion"
	"roost/simulator/linking"
)

// Seeds are instances that were linked long ago.
type Seeds struct {
	World   string // URL
	Hook    string // URL that is told of their messages
	First   int    // number of the first one
	Count   int
	PreKeys uint32 // that each has uploaded
}

// Seed writes linked instances as the API and a session host write them, while
// none of both runs: to link thousands over the wire would take longer than to
// measure them.
func Seed(ctx context.Context, d deployment.Deployment, s Seeds) error {
	sealer, err := d.Sealer(ctx)
	if err != nil {
		return err
	}
	instances, hooks := instance.NewRepository(d.Table), webhook.NewRepository(d.Table, sealer)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(32)
	for n := range s.Count {
		group.Go(func() error {
			i := instance.Instance{
				ID: instance.ID(uuid.Must(uuid.NewV7()).String()), Tenant: tenant.Default, Name: world.Roost.Name(s.First + n),
				State: instance.Created, Client: "evolution",
			}
			i.SetToken(sealer, uuid.NewString())
			if err := s.link(ctx, d, &i, s.First+n); err != nil {
				return err
			}
			if _, err := hooks.Put(ctx, i.ID, webhook.Subscription{
				ID: webhook.Main, URL: s.Hook, Enabled: true, Events: []string{"MESSAGES_UPSERT"}, Format: webhook.FormatEvolution,
			}); err != nil {
				return fmt.Errorf("seed a webhook: %w", err)
			}
			created, err := instances.Create(ctx, i)
			if err != nil {
				return err
			}
			_, err = instances.UpdateFrom(ctx, created, func(i *instance.Instance) error {
				i.Wanted, i.LinkedAt = true, time.Now()
				return i.Move(instance.Connecting, instance.Reason{})
			})
			return err
		})
	}
	return group.Wait()
}

// link makes the keys of an instance, and the phone that knows them.
func (s Seeds) link(ctx context.Context, d deployment.Deployment, i *instance.Instance, n int) error {
	k, err := keys.Open(ctx, d.Table, i.ID, 0, d.Wrapper, keys.Options{})
	if err != nil {
		return err
	}
	device, err := k.Device(ctx)
	if err != nil {
		return err
	}
	name := "Person " + world.Roost.Phone(n)
	err = companion.Enrol(ctx, device, name, s.PreKeys, func(ctx context.Context, e linking.Enrolment) (linking.Enrolled, error) {
		answer, err := world.Enrol(ctx, s.World, world.Roost.Phone(n), name, e)
		i.JID, i.LID = answer.JID.String(), answer.LID.String()
		return answer, err
	})
	if err != nil {
		return err
	}
	return k.Close(ctx)
}
