package webhook_test

import (
	"testing"
	"time"

	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/table"
	"roost/shared/table/tabletest"
	"roost/shared/tenant"
	"roost/shared/webhook"
)

// TestDefault: a tenant's subscription is its own, and told beside those of
// each of its instances.
func TestDefault(t *testing.T) {
	t.Parallel()
	tbl, sealer := open(t)
	r := webhook.NewRepository(tbl, sealer)
	if _, err := r.Default(t.Context(), "t"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("none: %v", err)
	}
	set, err := r.PutDefault(t.Context(), "t", webhook.Subscription{ID: "ignored", URL: "https://all.example", Enabled: true})
	if err != nil || set.ID != webhook.Default || !set.Shared || set.Secret == "" {
		t.Fatalf("%v, %v", set, err)
	}
	if _, err := r.Put(t.Context(), "i", webhook.Subscription{ID: webhook.Default}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an instance takes the tenant's id: %v", err)
	}
	if _, err := r.Put(t.Context(), "i", webhook.Subscription{ID: "own"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		tenant, instance string
		want             int
	}{{"t", "i", 2}, {"t", "other", 1}, {"stranger", "i", 1}, {"stranger", "other", 0}} {
		var shared int
		all, err := r.For(t.Context(), tenant.ID(c.tenant), instance.ID(c.instance))
		for _, s := range all {
			if s.Shared {
				shared++
			}
		}
		if err != nil || len(all) != c.want || (c.tenant == "t") != (shared == 1) {
			t.Errorf("%s of %s: %d subscriptions, %d shared, %v", c.instance, c.tenant, len(all), shared, err)
		}
	}
	if list, err := r.List(t.Context(), "i"); err != nil || len(list) != 1 {
		t.Errorf("%d of its own, %v", len(list), err)
	}
	rotated, err := r.RotateDefault(t.Context(), "t", time.Now().Add(time.Hour))
	if err != nil || rotated.Retiring != set.Secret {
		t.Errorf("rotation: %v", err)
	}
	if err := r.RemoveDefault(t.Context(), "t"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Default(t.Context(), "t"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("removed: %v", err)
	}
}

// TestRotate exchanges a secret, also when the answer to the write is lost: the
// one before then still signs.
func TestRotate(t *testing.T) {
	t.Parallel()
	for _, fault := range []tabletest.Fault{tabletest.Works, tabletest.Lost, tabletest.Persisted} {
		tbl, sealer := open(t)
		r := webhook.NewRepository(tbl, sealer)
		before, err := r.Put(t.Context(), "i", webhook.Subscription{ID: "a", URL: "https://a.example", Enabled: true})
		if err != nil {
			t.Fatal(err)
		}
		faulty := &tabletest.Faulty{Inner: tbl, Plan: func(call int, _ string, _ table.Key) tabletest.Fault {
			if call == 1 { // the write
				return fault
			}
			return tabletest.Works
		}}
		until := time.Now().Add(time.Hour)
		after, err := webhook.NewRepository(faulty, sealer).Rotate(t.Context(), "i", "a", until)
		if err != nil || after.Secret == before.Secret || after.Retiring != before.Secret || after.URL != before.URL || !after.Enabled {
			t.Fatalf("fault %d: %v", fault, err)
		}
		got, err := r.Get(t.Context(), "i", "a")
		if err != nil || got.Secret != after.Secret || got.Retiring != before.Secret {
			t.Errorf("fault %d: another secret is stored than was told, %v", fault, err)
		}
		if n := len(got.Secrets(time.Now())); n != 2 {
			t.Errorf("%d secrets sign", n)
		}
		if s := got.Secrets(until); len(s) != 1 || s[0] != after.Secret {
			t.Errorf("later %d secrets sign", len(s))
		}
		// An edit keeps both.
		got.Secret, got.URL = "", "https://b.example"
		if edited, err := r.Put(t.Context(), "i", got); err != nil || edited.Secret != after.Secret || edited.Retiring != before.Secret {
			t.Errorf("an edit changed secrets, %v", err)
		}
	}
	tbl, sealer := open(t)
	if _, err := webhook.NewRepository(tbl, sealer).Rotate(t.Context(), "i", "nobody", time.Now()); fault.KindOf(err) != fault.NotFound {
		t.Errorf("nobody's secret: %v", err)
	}
}

func TestDisable(t *testing.T) {
	t.Parallel()
	for _, fault := range []tabletest.Fault{tabletest.Works, tabletest.Lost, tabletest.Persisted} {
		tbl, sealer := open(t)
		r := webhook.NewRepository(tbl, sealer)
		s, err := r.Put(t.Context(), "i", webhook.Subscription{ID: "a", URL: "https://a.example", Enabled: true})
		if err != nil {
			t.Fatal(err)
		}
		faulty := &tabletest.Faulty{Inner: tbl, Plan: func(call int, _ string, _ table.Key) tabletest.Fault {
			if call == 1 {
				return fault
			}
			return tabletest.Works
		}}
		if done, err := webhook.NewRepository(faulty, sealer).Disable(t.Context(), "t", "i", s, webhook.Gone); err != nil || !done {
			t.Errorf("fault %d: %v, %v", fault, done, err)
		}
		got, err := r.Get(t.Context(), "i", "a")
		if err != nil || got.Enabled || got.Disabled != webhook.Gone || got.DisabledAt.IsZero() || got.Secret != s.Secret {
			t.Errorf("fault %d: %v, %v", fault, got, err)
		}
		if done, err := r.Disable(t.Context(), "t", "i", s, webhook.Failing); err != nil || done {
			t.Errorf("what is off is turned off: %v, %v", done, err)
		}
		got.Enabled = true
		mended, err := r.Put(t.Context(), "i", got)
		if err != nil || mended.Disabled != "" || !mended.DisabledAt.IsZero() {
			t.Errorf("turned on: %v, %v", mended, err)
		}
		if done, err := r.Disable(t.Context(), "t", "i", s, webhook.Gone); err != nil || done {
			t.Errorf("an old failure turns off what its owner has changed: %v, %v", done, err)
		}
	}
}
