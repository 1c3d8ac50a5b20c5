package docs_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"roost/functions/api/apitest"
	"roost/functions/browsertest"
)

// TestPage reads each document in a browser, and tries a command. Nothing may be
// fetched from elsewhere.
func TestPage(t *testing.T) {
	t.Parallel()
	ctx := browsertest.Open(t)
	w := apitest.New(t, apitest.Options{})
	w.Create(t, "shop", "6D6307C3-2973-4468-85FA-D047CB8E1F2E")
	var mu sync.Mutex
	var elsewhere []string
	chromedp.ListenTarget(ctx, func(event any) {
		e, ok := event.(*network.EventRequestWillBeSent)
		if !ok || strings.HasPrefix(e.Request.URL, w.Server.URL+"/") || strings.HasPrefix(e.Request.URL, "data:") {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		elsewhere = append(elsewhere, e.Request.URL)
	})
	status, state, text := `#operations-Sessions-status`, `#operations-Instances-instanceConnectionState`, `#operations-Messages-messageSendText`
	var answered, title, tabs, told, example string
	for n, step := range []chromedp.Action{
		network.Enable(),
		chromedp.Navigate(w.Server.URL + "/docs#guid"),
		chromedp.WaitVisible(`.opblock-summary-path[data-path="/client/createClient"]`),
		chromedp.Title(&title),
		browsertest.Shot("docs-guid"),
		chromedp.Text(`#dialects`, &tabs),
		chromedp.Click(`#dialects a[href="#aspx"]`),
		chromedp.WaitVisible(`.opblock-summary-path[data-path="/status.aspx"]`),
		browsertest.Shot("docs-aspx"),
		chromedp.Click(`.btn.authorize`, chromedp.NodeVisible),
		chromedp.WaitVisible(`.auth-container input[type="text"]`),
		chromedp.SendKeys(`.auth-container input[type="text"]`, "6D6307C3-2973-4468-85FA-D047CB8E1F2E"),
		chromedp.Click(`.auth-btn-wrapper .authorize`),
		chromedp.Click(`.btn-done`),
		chromedp.Click(status + ` .opblock-summary-control`),
		chromedp.WaitVisible(status + ` .execute`),
		chromedp.Click(status + ` .execute`),
		chromedp.WaitVisible(status + ` .live-responses-table .response-col_status`),
		chromedp.Text(status+` .live-responses-table`, &answered),
		browsertest.Shot("docs-tried"),
		chromedp.Click(`#dialects a[href="#evolution"]`),
		chromedp.WaitVisible(`.opblock-summary-path[data-path="/instance/connectionState/{instance}"]`),
		browsertest.Shot("docs-evolution"),
		chromedp.Click(`.btn.authorize`, chromedp.NodeVisible),
		chromedp.WaitVisible(`.auth-container input[type="text"]`),
		chromedp.SendKeys(`.auth-container input[type="text"]`, apitest.AdminKey),
		chromedp.Click(`.auth-btn-wrapper .authorize`),
		chromedp.Click(`.btn-done`),
		chromedp.Click(state + ` .opblock-summary-control`),
		chromedp.WaitVisible(state + ` tr[data-param-name="instance"] input`),
		chromedp.SendKeys(state+` tr[data-param-name="instance"] input`, "shop"),
		chromedp.Click(state + ` .execute`),
		chromedp.WaitVisible(state + ` .live-responses-table .response-col_status`),
		chromedp.Text(state+` .live-responses-table`, &told),
		chromedp.Click(text + ` .opblock-summary-control`),
		chromedp.WaitVisible(text + ` textarea.body-param__text`),
		chromedp.Value(text+` textarea.body-param__text`, &example),
		browsertest.Shot("docs-evolution-tried"),
	} {
		if err := chromedp.Run(ctx, step); err != nil {
			_ = chromedp.Run(context.WithoutCancel(ctx), browsertest.Shot("docs-failed"))
			t.Fatalf("step %d: %v", n, err)
		}
	}
	if title != "guid clients, Roost" || !strings.Contains(tabs, ".aspx commands") {
		t.Errorf("the page is called %q, its tabs %q", title, tabs)
	}
	if !strings.Contains(answered, "200") || !strings.Contains(answered, "noConnection") {
		t.Errorf("the command answered %q", answered)
	}
	if !strings.Contains(told, "200") || !strings.Contains(told, `"close"`) || !strings.Contains(example, `"Hello"`) {
		t.Errorf("the state is told as %q, a text shown as %q", told, example)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(elsewhere) > 0 {
		t.Errorf("fetched from elsewhere: %v", elsewhere)
	}
}
