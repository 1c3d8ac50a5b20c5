package console_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"roost/functions/api/apitest"
	"roost/functions/browsertest"
	"roost/shared/backlog"
	"roost/shared/event"
	"roost/shared/tenant"
	"roost/shared/webhook"
)

// simulator plays the simulator's control API: the first scan wants another
// code, the second links the instance.
func simulator(t *testing.T, w **apitest.World) map[string]http.Handler {
	t.Helper()
	return map[string]http.Handler{
		"GET /simulator": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) }),
		"POST /simulator/phones": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write([]byte(`{"number":"1","lid":"2"}`))
		}),
		"POST /simulator/phones/{n}/scan": http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			var scan struct{ QR string }
			raw, err := io.ReadAll(r.Body)
			if err != nil || json.Unmarshal(raw, &scan) != nil {
				t.Errorf("scanned %s, %v", raw, err)
			}
			i, err := (*w).Instances.ByName(r.Context(), tenant.Default, "front desk")
			if err != nil {
				t.Errorf("find the instance: %v", err)
				return
			}
			offer, err := (*w).Instances.Offer(r.Context(), i.ID)
			if err != nil || offer == nil || scan.QR != offer.QR {
				t.Errorf("scanned %q, %v", scan.QR, err)
				return
			}
			if scan.QR == apitest.QR { // the first scan asks for another code, as WhatsApp may
				offer.QR += "-refreshed"
				if err := (*w).Instances.PutOffer(r.Context(), *offer); err != nil {
					t.Errorf("show another code: %v", err)
				}
				rw.WriteHeader(http.StatusConflict)
				_, _ = rw.Write([]byte(`{"error":"refresh"}`))
				return
			}
			(*w).Link(t, i)
			_, _ = rw.Write([]byte(`{"jid":"` + apitest.OwnJID + `"}`))
		}),
	}
}

// TestPage goes the way of a person: key, new instance, code, scan, delete,
// archive.
func TestPage(t *testing.T) {
	t.Parallel()
	ctx := browsertest.Open(t)
	var w *apitest.World
	w = apitest.New(t, apitest.Options{Mount: simulator(t, &w)})
	w.Create(t, "<b>odd</b> & \"name\" / x", "t")
	card := `section[data-name="front desk"]`
	var address, code, who, archive, state string
	var natural int
	steps := []chromedp.Action{
		chromedp.Navigate(w.Server.URL + "/console#key=" + apitest.AdminKey),
		chromedp.WaitVisible(`section.card`),
		chromedp.Location(&address),
		chromedp.SendKeys(`#name`, "front desk"),
		chromedp.SendKeys(`#number`, "+49 15112345678"),
		chromedp.Click(`#create button`),
		chromedp.WaitVisible(card + ` .pairing img`),
		chromedp.WaitVisible(card + ` .code`),
		chromedp.Text(card+` .code span`, &code),
		chromedp.Poll(`document.querySelector('section[data-name="front desk"] img').complete`, nil),
		chromedp.Evaluate(`document.querySelector('section[data-name="front desk"] img').naturalWidth`, &natural),
		browsertest.Shot("pairing"),
		chromedp.Click(card+` .scan`, chromedp.NodeVisible),
		chromedp.WaitVisible(`section[data-name="front desk"][data-state="open"]`),
		chromedp.WaitNotVisible(card + ` .pairing`),
		chromedp.Text(card+` .who`, &who),
		browsertest.Shot("open"),
		chromedp.Click(card + ` button.danger`),
		chromedp.Click(card + ` button.danger`),
		chromedp.WaitNotPresent(card),
		chromedp.WaitVisible(`#archives a`),
		chromedp.Text(`#archives`, &archive),
		chromedp.AttributeValue(`#archives a`, "href", &state, nil),
		browsertest.Shot("deleted"),
	}
	for n, step := range steps {
		if err := chromedp.Run(ctx, step); err != nil {
			t.Fatalf("step %d: %v", n, err)
		}
	}
	if strings.Contains(address, apitest.AdminKey) {
		t.Errorf("the key stays in the address: %s", address)
	}
	if code != "ABCD-1234" || natural == 0 {
		t.Errorf("the pairing code is %q and the QR code %d wide", code, natural)
	}
	if who != "+4915550001" {
		t.Errorf("the account is %q", who)
	}
	if !strings.Contains(archive, "3 messages, 14 bytes") || !strings.HasPrefix(state, w.Server.URL+"/blob/") {
		t.Errorf("the archive says %q and leads to %q", archive, state)
	}
}

func TestPageAsksForTheKey(t *testing.T) {
	t.Parallel()
	ctx := browsertest.Open(t)
	w := apitest.New(t, apitest.Options{})
	w.Create(t, "only", "the-token")
	var summary string
	if err := chromedp.Run(ctx,
		chromedp.Navigate(w.Server.URL+"/console"),
		chromedp.WaitVisible(`#key`),
		browsertest.Shot("login"),
		chromedp.SendKeys(`#key`, "wrong\r"),
		chromedp.WaitVisible(`#login`),
		chromedp.Poll(`document.querySelector('#summary').textContent === "This key opens nothing."`, nil),
		chromedp.SendKeys(`#key`, "the-token\r"),
		chromedp.WaitVisible(`section[data-name="only"]`),
		chromedp.Text(`#summary`, &summary),
	); err != nil {
		t.Fatal(err)
	}
	if summary != "1 instance, 0 open" {
		t.Errorf("the summary is %q", summary)
	}
}

// TestPageReplaysDeadLetters lists what a webhook could not be told, and has it
// told again.
func TestPageReplaysDeadLetters(t *testing.T) {
	t.Parallel()
	ctx := browsertest.Open(t)
	w := apitest.New(t, apitest.Options{})
	i := w.Create(t, "shop", "t")
	if _, err := w.Webhooks.Put(t.Context(), i.ID, webhook.Subscription{ID: "orders", URL: "https://example.com/hook", Enabled: true}); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		at := time.Date(2026, 11, 25, 8+n, 0, 0, 0, time.UTC)
		d := backlog.NewDelivery(event.Event{
			ID: fmt.Sprintf("event%d", n), Tenant: tenant.Default, Instance: i.ID, Kind: event.MessageReceived, Chat: "4915550001@s.whatsapp.net", At: at, Body: []byte(`{}`),
		}, "orders").Tried(backlog.Attempt{At: at, Status: 502, Latency: 31 * time.Millisecond, Error: "answered 502 <b>"})
		if err := w.Backlog.Record(t.Context(), backlog.Note{Delivery: d, State: backlog.Dead}); err != nil {
			t.Fatal(err)
		}
	}
	card := `section[data-name="shop"]`
	letters := card + ` .letters`
	var row, said, waiting string
	for n, step := range []chromedp.Action{
		chromedp.Navigate(w.Server.URL + "/console#key=" + apitest.AdminKey),
		chromedp.WaitVisible(card),
		chromedp.Click(card+` button[aria-expanded]`, chromedp.NodeVisible),
		chromedp.WaitVisible(letters + ` tr[data-id="event0.orders"]`),
		chromedp.Text(letters+` tr[data-id="event0.orders"]`, &row),
		browsertest.Shot("letters"),
		chromedp.Click(letters + ` tr[data-id="event0.orders"] button`),
		chromedp.WaitNotPresent(letters + ` tr[data-id="event0.orders"]`),
		chromedp.WaitVisible(letters + ` tr[data-id="event1.orders"]`),
		chromedp.Click(letters + ` .replay-all`),
		chromedp.WaitNotPresent(letters + ` tr[data-id="event1.orders"]`),
		chromedp.Poll(`document.querySelector('#message').textContent.startsWith("shop: ")`, nil),
		chromedp.Text(`#message`, &said),
		chromedp.Click(letters + ` button[data-state="waiting"]`),
		chromedp.WaitVisible(letters + ` tr[data-id="event2.orders"]`),
		chromedp.Text(letters+` tbody`, &waiting),
		browsertest.Shot("letters-waiting"),
	} {
		if err := chromedp.Run(ctx, step); err != nil {
			t.Fatalf("step %d: %v", n, err)
		}
	}
	if !strings.Contains(row, "message.received 4915550001@s.whatsapp.net") || !strings.Contains(row, "answered 502 <b>") {
		t.Errorf("the row says %q", row)
	}
	if !strings.Contains(said, "2 deliveries are tried again") {
		t.Errorf("the page says %q", said)
	}
	if strings.Count(waiting, "orders") != 3 {
		t.Errorf("waiting are %q", waiting)
	}
	page, err := w.Backlog.List(t.Context(), i.ID, backlog.Filter{State: backlog.Waiting})
	if err != nil || len(page.Deliveries) != 3 {
		t.Errorf("%d wait, %v", len(page.Deliveries), err)
	}
}
