package webhook_test

import (
	"testing"
	"time"

	"roost/shared/instance"
	"roost/shared/table"
	"roost/shared/table/tabletest"
	"roost/shared/webhook"
)

// TestChangesAreSeenAtOnce changes subscriptions in one process and looks in
// another, which remembers them.
func TestChangesAreSeenAtOnce(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	tbl, sealer := open(t)
	journal := &tabletest.Journal{Inner: tbl}
	api, deliverer := webhook.NewRepository(tbl, sealer), webhook.NewRepository(journal, sealer)
	look := func(requests int) []webhook.Subscription {
		t.Helper()
		journal.Reset()
		all, err := deliverer.For(ctx, "t1", "i1")
		if err != nil {
			t.Fatal(err)
		}
		if got := journal.Requests(); len(got) != requests {
			t.Errorf("asked %v", got)
		}
		return all
	}
	const same, changed, first = 1, 2, 3 // requests
	if all := look(first); len(all) != 0 {
		t.Errorf("in the beginning %v", all)
	}
	put := func(s webhook.Subscription) webhook.Subscription {
		t.Helper()
		s, err := api.Put(ctx, "i1", s)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	look(same)
	s := put(webhook.Subscription{ID: "a", URL: "https://one", Enabled: true})
	if all := look(changed); len(all) != 1 || all[0].URL != "https://one" || all[0].Secret != s.Secret {
		t.Errorf("after a new one %v", all)
	}
	if all := look(same); len(all) != 1 || all[0].Secret != s.Secret {
		t.Errorf("remembered %v", all)
	}
	put(webhook.Subscription{ID: "a", URL: "https://two", Enabled: true})
	if all := look(changed); len(all) != 1 || all[0].URL != "https://two" {
		t.Errorf("after a change %v", all)
	}
	rotated, err := api.Rotate(ctx, "i1", "a", time.Now().Add(time.Hour))
	must(err)
	if all := look(changed); len(all) != 1 || all[0].Secret != rotated.Secret || all[0].Retiring != s.Secret {
		t.Errorf("after a rotation %v", all)
	}
	_, err = api.PutDefault(ctx, "t1", webhook.Subscription{URL: "https://all", Enabled: true})
	must(err)
	if all := look(changed); len(all) != 2 || !all[1].Shared {
		t.Errorf("with the tenant's %v", all)
	}
	if disabled, err := api.Disable(ctx, "t1", "i1", rotated, webhook.Gone); err != nil || !disabled {
		t.Fatal(disabled, err)
	}
	if all := look(changed); len(all) != 2 || all[0].Enabled {
		t.Errorf("turned off %v", all)
	}
	must(api.RemoveDefault(ctx, "t1"))
	if all := look(changed); len(all) != 1 {
		t.Errorf("without the tenant's %v", all)
	}
	must(api.Retire(ctx, "i1", time.Now().Add(200*time.Millisecond)))
	if all := look(changed); len(all) != 1 {
		t.Errorf("retired %v", all)
	}
	look(same)
	<-time.After(250 * time.Millisecond) // it is time that ends them
	if all := look(changed); len(all) != 0 {
		t.Errorf("after their end %v", all)
	}
	must(api.Remove(ctx, "i1", "a"))
	look(changed)
	if len(deliverer.Likely("t1", "i1")) != 0 {
		t.Error("it remembers what was removed")
	}
}

// TestVersionsEnd with what they are about.
func TestVersionsEnd(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	tbl, sealer := open(t)
	r := webhook.NewRepository(tbl, sealer)
	end := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	for i, does := range map[string]func() error{
		"left": func() error { return nil },
		"none": func() error { return r.Remove(ctx, "none", "a") },
		"later": func() error {
			if err := r.Retire(ctx, "later", end); err != nil {
				return err
			}
			_, err := r.Put(ctx, "later", webhook.Subscription{ID: "a", URL: "https://two"})
			return err
		},
	} {
		if _, err := r.Put(ctx, instance.ID(i), webhook.Subscription{ID: "a", URL: "https://one"}); err != nil {
			t.Fatal(err)
		}
		if err := does(); err != nil {
			t.Fatal(err)
		}
		if err := r.Retire(ctx, instance.ID(i), end); err != nil {
			t.Fatal(err)
		}
		item, err := tbl.Get(ctx, table.Key{Partition: "webhooks#" + i, Sort: "version"})
		if err != nil || !item.Expires.Equal(end) {
			t.Errorf("%s: the version ends %v: %v", i, item.Expires, err)
		}
	}
}
