package host_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"roost/shared/blob"
	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/seal"
	"roost/shared/webhook"
	"roost/simulator/content"
	"roost/simulator/media"
)

// fileAt waits for an object and reads it.
func (w *world) fileAt(key string) []byte {
	w.t.Helper()
	for {
		stored, _, err := w.bucket.Get(w.ctx, key, blob.Range{})
		if err == nil {
			file, err := io.ReadAll(stored)
			must(w.t, errors.Join(err, stored.Close()))
			return file
		}
		if !errors.Is(err, blob.ErrNotFound) {
			w.t.Fatal(err)
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-w.ctx.Done():
			w.t.Fatalf("%s never came", key)
		}
	}
}

// TestFilesAreKept receives a picture, one that the media servers refuse at
// first, one that nobody asked to keep, and sends one.
func TestFilesAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host()
	i := w.create("keeper")
	alice := w.link(i, "491510000021")
	bob, err := w.Contact("491510000022", "Bob")
	must(t, err)
	picture := func(plain string) string {
		up, err := w.Media().Upload(media.Image, []byte(plain))
		must(t, err)
		id, err := bob.Send(alice.PN(), content.Image(content.Attachment{Uploaded: up}))
		must(t, err)
		return id
	}
	setting := func(on bool) {
		_, err := w.instances.Update(w.ctx, i.ID, func(i *instance.Instance) error {
			i.Settings.StoreMedia = on
			return nil
		})
		must(t, err)
		w.do(i, command.Apply, nil, nil)
	}

	id := picture("nobody asked")
	m := w.said(w.next(event.MessageReceived))
	if m.ID != id || m.Media == nil || m.Media.Blob != "" {
		t.Fatalf("%+v", m)
	}
	// It can be had all the same.
	w.do(i, command.DownloadMedia, command.DownloadArgs{Message: m, Blob: "outbox/x"}, nil)
	if got := w.fileAt("outbox/x"); string(got) != "nobody asked" {
		t.Errorf("downloaded %q", got)
	}

	setting(true)
	picture("kept")
	m = w.said(w.next(event.MessageReceived))
	if m.Media.Blob != "media/default/"+string(i.ID)+"/"+m.Media.SHA256 {
		t.Fatalf("%+v", m.Media)
	}
	if got := w.fileAt(m.Media.Blob); string(got) != "kept" {
		t.Errorf("kept %q", got)
	}

	own := message.NewID()
	w.do(i, command.SendMessage, command.SendArgs{
		MessageID: own, To: bob.PN().String(), Media: &command.MediaArgs{Kind: "image", Mimetype: "image/png", Bytes: []byte("sent")},
	}, nil)
	m = w.said(w.next(event.MessageSent))
	if got := w.fileAt(m.Media.Blob); string(got) != "sent" {
		t.Errorf("of the sent one %q", got)
	}

	w.Media().SetFaults(media.Faults{FailDownload: 500})
	large := bytes.Repeat([]byte("later"), 1000)
	id = picture(string(large))
	m = w.said(w.next(event.MessageReceived))
	if m.ID != id || m.Media.Blob == "" {
		t.Fatalf("%+v", m)
	}
	w.Media().SetFaults(media.Faults{})
	if got := w.fileAt(m.Media.Blob); !bytes.Equal(got, large) {
		t.Errorf("%d bytes", len(got))
	}
}

// TestFilesForWebhooks receives pictures that no instance keeps and a webhook
// wants: one that is there at once, one that is not, one that never is.
func TestFilesForWebhooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host()
	i := w.create("teller")
	alice := w.link(i, "491510000031")
	bob, err := w.Contact("491510000032", "Bob")
	must(t, err)
	s := webhook.Subscription{ID: "a", URL: "https://example.com", Secret: "whsec_", Enabled: true, Base64: true, Events: []string{"MESSAGES_UPSERT"}}
	sealer, err := seal.New(seal.NewKey())
	must(t, err)
	_, err = webhook.NewRepository(w.table, sealer).Put(w.ctx, i.ID, s)
	must(t, err)
	picture := func(plain string) event.Event {
		up, err := w.Media().Upload(media.Image, []byte(plain))
		must(t, err)
		_, err = bob.Send(alice.PN(), content.Image(content.Attachment{Uploaded: up}))
		must(t, err)
		e := w.next(event.MessageReceived)
		if m := w.said(e); m.Media == nil || m.Media.Blob != "" {
			t.Fatalf("%+v", m.Media)
		}
		return e
	}
	e := picture("at once")
	if !strings.HasPrefix(e.File, event.Passing+string(i.ID)+"/") || string(w.fileAt(e.File)) != "at once" {
		t.Errorf("passed on at %q", e.File)
	}
	// What the filter does not let through is not fetched.
	w.do(i, command.SendMessage, command.SendArgs{
		MessageID: message.NewID(), To: bob.PN().String(), Media: &command.MediaArgs{Kind: "image", Mimetype: "image/png", Bytes: []byte("sent")},
	}, nil)
	if e := w.next(event.MessageSent); e.File != "" {
		t.Errorf("a file that nobody wants is at %q", e.File)
	}
	w.Media().SetFaults(media.Faults{FailDownload: 404})
	if e := picture("never"); e.File != "" {
		t.Errorf("a file that is gone is promised at %q", e.File)
	}
	w.Media().SetFaults(media.Faults{FailDownload: 500})
	e = picture("later")
	if e.File == "" {
		t.Fatal("the file is given up")
	}
	w.Media().SetFaults(media.Faults{})
	if got := w.fileAt(e.File); string(got) != "later" {
		t.Errorf("later %q", got)
	}
}
