package webhook_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"roost/shared/fault"
	"roost/shared/seal"
	"roost/shared/sqlite"
	"roost/shared/sqlite/sqlitetest"
	"roost/shared/table"
	tablesqlite "roost/shared/table/sqlite"
	"roost/shared/table/tabletest"
	"roost/shared/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T) (*tablesqlite.Table, *seal.Sealer) {
	t.Helper()
	db := sqlitetest.Open(t, sqlite.Options{})
	tbl := tablesqlite.New(db)
	wrapper, err := seal.FileKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.DataKey(t.Context(), tbl, wrapper, "test")
	if err != nil {
		t.Fatal(err)
	}
	return tbl, sealer
}

func TestPutGetListRemove(t *testing.T) {
	t.Parallel()
	tbl, sealer := open(t)
	r := webhook.NewRepository(tbl, sealer)
	s := webhook.Subscription{
		ID: webhook.Main, URL: "https://example.com/hook?key=1", Enabled: true, Events: []string{"MESSAGES_UPSERT"},
		Headers: map[string]string{"Authorization": "Bearer hush"}, ByEvents: true, Base64: true,
	}
	first, err := r.Put(t.Context(), "i1", s)
	if err != nil {
		t.Fatal(err)
	}
	if first.Format != webhook.FormatEvolution || !strings.HasPrefix(first.Secret, "whsec_") || first.CreatedAt.IsZero() {
		t.Errorf("stored %+v", first)
	}
	got, err := r.Get(t.Context(), "i1", webhook.Main)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, got); diff != "" {
		t.Error(diff)
	}

	s.URL, s.Events, s.Headers = "https://example.com/other", nil, nil
	second, err := r.Put(t.Context(), "i1", s)
	if err != nil {
		t.Fatal(err)
	}
	if second.Secret != first.Secret || !second.CreatedAt.Equal(first.CreatedAt) {
		t.Error("an edit changed secret or creation")
	}
	s.Secret = webhook.NewSecret()
	third, err := r.Put(t.Context(), "i1", s)
	if err != nil || third.Secret != s.Secret {
		t.Errorf("the secret given was not taken: %v", err)
	}

	if _, err := r.Put(t.Context(), "i1", webhook.Subscription{ID: "b"}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Put(t.Context(), "i2", webhook.Subscription{ID: "c"}); err != nil {
		t.Fatal(err)
	}
	list, err := r.List(t.Context(), "i1")
	if err != nil || len(list) != 2 || list[0].ID != "b" || list[1].ID != webhook.Main {
		t.Errorf("%+v, %v", list, err)
	}
	for range 2 {
		if err := r.Remove(t.Context(), "i1", "b"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Get(t.Context(), "i1", "b"); fault.KindOf(err) != fault.NotFound {
		t.Errorf("get after removal: %v", err)
	}
	for _, id := range []string{"", "a#b", "a\x00"} {
		if _, err := r.Put(t.Context(), "i1", webhook.Subscription{ID: id}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("put %q: %v", id, err)
		}
	}
}

func TestSecretsAreNotReadable(t *testing.T) {
	t.Parallel()
	tbl, sealer := open(t)
	r := webhook.NewRepository(tbl, sealer)
	s, err := r.Put(t.Context(), "i1", webhook.Subscription{ID: "a", URL: "https://u:hush@example.com", Headers: map[string]string{"jwt_key": "hush-hush"}})
	if err != nil {
		t.Fatal(err)
	}
	item, err := tbl.Get(t.Context(), table.Key{Partition: "webhook#i1", Sort: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if stored := fmt.Sprintf("%s", item.Attributes); strings.Contains(stored, "hush-hush") || strings.Contains(stored, s.Secret) {
		t.Error("the table shows a secret")
	}
	var logged bytes.Buffer
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("webhook", "subscription", s)
	if strings.Contains(logged.String(), "hush") || strings.Contains(logged.String(), s.Secret) {
		t.Error("the log shows a secret: " + logged.String())
	}
	// One instance's secret does not open in another's place.
	item.Partition = "webhook#i2"
	if _, err := tbl.Put(t.Context(), item, table.None()); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Get(t.Context(), "i2", "a"); err == nil {
		t.Error("a copied subscription opened")
	}
}

func TestWants(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		filter []string
		event  string
		want   bool
	}{
		{nil, "MESSAGES_UPSERT", true},
		{[]string{}, "CALL", true},
		{[]string{"MESSAGES_UPSERT"}, "MESSAGES_UPSERT", true},
		{[]string{"MESSAGES_UPSERT"}, "MESSAGES_UPDATE", false},
		{[]string{"GROUP_UPDATE"}, "GROUPS_UPDATE", true},
		{[]string{"GROUPS_UPDATE"}, "GROUPS_UPDATE", true},
	} {
		if got := (webhook.Subscription{Events: c.filter}).Wants(c.event); got != c.want {
			t.Errorf("%v wants %s: %v", c.filter, c.event, got)
		}
	}
}

func TestRetire(t *testing.T) {
	t.Parallel()
	tbl, sealer := open(t)
	r := webhook.NewRepository(tbl, sealer)
	if _, err := r.Put(t.Context(), "i1", webhook.Subscription{ID: "a", URL: "https://example.com"}); err != nil {
		t.Fatal(err)
	}
	soon := time.Now().Add(time.Hour)
	for _, at := range []time.Time{soon, soon.Add(time.Hour)} { // the first end stays
		if err := r.Retire(t.Context(), "i1", at); err != nil {
			t.Fatal(err)
		}
	}
	item, err := tbl.Get(t.Context(), table.Key{Partition: "webhook#i1", Sort: "a"})
	if err != nil || item.Expires.UnixMilli() != soon.UnixMilli() {
		t.Errorf("expires %v, %v", item.Expires, err)
	}
	if list, err := r.List(t.Context(), "i1"); err != nil || len(list) != 1 {
		t.Errorf("%d subscriptions before the end, %v", len(list), err)
	}
	if err := r.Retire(t.Context(), "none", soon); err != nil {
		t.Error(err)
	}
}

func TestPutSettlesLostAnswers(t *testing.T) {
	t.Parallel()
	for _, fault := range []tabletest.Fault{tabletest.Lost, tabletest.Persisted} {
		tbl, sealer := open(t)
		faulty := &tabletest.Faulty{Inner: tbl, Plan: func(call int, _ string, _ table.Key) tabletest.Fault {
			if call == 1 { // the first write
				return fault
			}
			return tabletest.Works
		}}
		s, err := webhook.NewRepository(faulty, sealer).Put(t.Context(), "i1", webhook.Subscription{ID: "a"})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := webhook.NewRepository(tbl, sealer).Get(t.Context(), "i1", "a"); err != nil || got.Secret != s.Secret {
			t.Errorf("fault %d: another secret is stored than was told, %v", fault, err)
		}
	}
}

func TestDataKeyIsOneForAll(t *testing.T) {
	t.Parallel()
	tbl, _ := open(t)
	wrapper, err := seal.FileKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	sealers := make([]*seal.Sealer, 6)
	var running sync.WaitGroup
	for n := range sealers {
		running.Go(func() {
			s, err := seal.DataKey(t.Context(), tbl, wrapper, "race")
			if err != nil {
				t.Error(err)
			}
			sealers[n] = s
		})
	}
	running.Wait()
	sealed := sealers[0].Seal([]byte("x"), nil)
	for _, s := range sealers {
		if _, err := s.Open(sealed, nil); err != nil {
			t.Fatal("two keys were made")
		}
	}
}
