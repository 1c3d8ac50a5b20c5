package guid_test

import (
	"strings"
	"testing"
	"time"

	"roost/functions/api/apitest"
	"roost/functions/api/core"
	"roost/shared/instance"
)

// TestDeleteFromAnyState ends clients wherever they stand.
func TestDeleteFromAnyState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, row := range []struct {
		state  instance.State
		linked bool
		status string
	}{
		{instance.Created, false, "created"},
		{instance.Connecting, false, "connecting"},
		{instance.Pairing, false, "qr"},
		{instance.Starting, true, "starting"},
		{instance.Open, true, "online"},
		{instance.Idle, true, "idle"},
		{instance.Closed, true, "released"},
		{instance.LoggedOut, false, "loggedout"},
	} {
		id := w.create(t)
		w.Set(t, instance.Instance{ID: instance.ID(id)}, row.state, func(i *instance.Instance) {
			if row.linked {
				i.JID = apitest.OwnJID
			}
		})
		var s struct{ Status string }
		w.ask(t, w.token, "POST /client/getClientStatus", `{"guid":"`+id+`"}`).into(t, &s)
		var gone struct{ GUID, SignedURL string }
		w.ask(t, w.token, "DELETE /client/"+id, "").into(t, &gone)
		if s.Status != row.status || gone.GUID != id || gone.SignedURL == "" {
			t.Errorf("%s is %q, deleted %+v", row.state, s.Status, gone)
		}
		for _, route := range []string{"POST /client/getClientStatus", "POST /client/recoverClient", "POST /client/stopClient", "DELETE /client/" + id} {
			if r := w.ask(t, w.token, route, `{"guid":"`+id+`"}`); r.Code != 10013 {
				t.Errorf("%s after that: %s", route, r.body)
			}
		}
	}
	var page struct{ Items []any }
	if w.ask(t, w.token, "GET /client/list", "").into(t, &page); len(page.Items) != 0 {
		t.Errorf("still listed: %v", page.Items)
	}
}

// TestDeleteWithFiles ends clients whose files were kept, or not: the manifest
// leads to all of them.
func TestDeleteWithFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, files := range []int64{0, 2} {
		w.Archiver.Files.Store(files)
		var gone struct {
			SignedURL, TranscriptURL, ManifestURL, PageURL string
			Objects, Bytes                                 int64
			JobID                                          *string
		}
		w.ask(t, w.token, "DELETE /client/"+w.create(t), "").into(t, &gone)
		want := gone.TranscriptURL
		if files > 0 {
			want = gone.ManifestURL
		}
		if gone.SignedURL != want || gone.Objects != 3+files || gone.Bytes != int64(len(apitest.Transcript)) || gone.JobID != nil {
			t.Errorf("with %d files: %+v", files, gone)
		}
		for link, object := range map[string]string{gone.TranscriptURL: ".jsonl.gz?", gone.ManifestURL: ".manifest.json?", gone.PageURL: ".index.html?"} {
			if !strings.HasPrefix(link, w.Server.URL+"/blob/transcripts/") || !strings.Contains(link, object) {
				t.Errorf("the object %s is at %s", object, link)
			}
		}
	}
}

func TestDeleteAgain(t *testing.T) {
	t.Parallel()
	w := newWorldWithin(t, core.Limits{Archive: 100 * time.Millisecond})
	id := w.create(t)
	w.Archiver.Idle.Store(true)
	var gone struct {
		SignedURL *string
		JobID     string
	}
	for range 2 { // until the transcript is stored
		w.ask(t, w.token, "DELETE /client/"+id, "").into(t, &gone)
		if gone.SignedURL != nil || gone.JobID != id {
			t.Errorf("deleted %+v", gone)
		}
	}
	if r := w.ask(t, w.token, "POST /client/heartbeat", `{"guid":"`+id+`"}`); r.Code != 10013 {
		t.Errorf("while it is being deleted: %+v", r)
	}
}
