package instance_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/seal"
	"roost/shared/sqlite"
	"roost/shared/sqlite/sqlitetest"
	"roost/shared/table"
	tablesqlite "roost/shared/table/sqlite"
	"roost/shared/tenant"
)

// blind hides that a table can be watched.
type blind struct{ table.Table }

func openTable(t *testing.T) table.Table {
	t.Helper()
	db := sqlitetest.Open(t, sqlite.Options{})
	return tablesqlite.New(db)
}

func newInstance(t *testing.T, r *instance.Repository) instance.Instance {
	t.Helper()
	i := instance.Instance{ID: "i-1", Tenant: tenant.Default, Name: "one", State: instance.Created}
	i.TokenHash = instance.HashToken("token")
	i, err := r.Create(t.Context(), i)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestAwaitSeesOfferAndRecord(t *testing.T) {
	t.Parallel()
	for name, wrap := range map[string]func(table.Table) table.Table{
		"watching": func(t table.Table) table.Table { return t },
		"polling":  func(t table.Table) table.Table { return blind{t} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := instance.NewRepository(wrap(openTable(t)))
			i := newInstance(t, r)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			looked := make(chan struct{}, 1)
			written := make(chan error, 1)
			go func() {
				<-looked
				err := r.PutOffer(ctx, instance.Offer{Instance: i.ID, QR: "2@abc", QRCount: 1, Until: time.Now().Add(time.Minute)})
				<-looked
				_, moveErr := r.Update(ctx, i.ID, func(i *instance.Instance) error { return i.Move(instance.Connecting, instance.Reason{}) })
				written <- errors.Join(err, moveErr)
			}()
			tell := func() {
				select {
				case looked <- struct{}{}:
				default:
				}
			}
			seen, err := r.Await(ctx, i.ID, func(s instance.Seen) bool { tell(); return s.Offer != nil })
			if err != nil || seen.Offer == nil || seen.Offer.QR != "2@abc" {
				t.Fatalf("waiting for the offer: %+v, %v", seen, err)
			}
			seen, err = r.Await(ctx, i.ID, func(s instance.Seen) bool { tell(); return s.Instance.State == instance.Connecting })
			if err != nil || seen.Instance.State != instance.Connecting {
				t.Fatalf("waiting for the state: %+v, %v", seen.Instance.State, err)
			}
			if err := <-written; err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	r := instance.NewRepository(openTable(t))
	i := newInstance(t, r)
	ctx, cancel := context.WithCancel(t.Context())
	seen, err := r.Await(ctx, i.ID, func(instance.Seen) bool { cancel(); return false })
	if err != nil || seen.Instance.Name != "one" {
		t.Fatalf("got %+v and %v, want what was seen last", seen.Instance, err)
	}
	if _, err := r.Await(ctx, i.ID, func(instance.Seen) bool { return true }); !errors.Is(err, context.Canceled) {
		t.Fatalf("a context that has ended before gives %v", err)
	}
	if _, err := r.Await(t.Context(), "nobody", func(instance.Seen) bool { return true }); fault.KindOf(err) != fault.NotFound {
		t.Fatalf("an unknown instance gives %v, want NotFound", err)
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	sealer, err := seal.New(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	i := instance.Instance{ID: "i-1"}
	if i.HasToken("") {
		t.Error("an instance without token has the empty one")
	}
	i.SetToken(sealer, "SECRET")
	if !i.HasToken("SECRET") || i.HasToken("secret") || i.HasToken("") {
		t.Error("the token is not told from others")
	}
	if got, err := i.Token(sealer); err != nil || got != "SECRET" {
		t.Errorf("opened %q, %v", got, err)
	}
	i.ID = "i-2"
	if _, err := i.Token(sealer); !errors.Is(err, seal.ErrSealed) {
		t.Errorf("a token of another instance opens: %v", err)
	}
}
