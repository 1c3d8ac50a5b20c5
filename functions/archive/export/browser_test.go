package export_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"roost/functions/browsertest"
	"roost/shared/archive"
	"roost/shared/event"
	"roost/shared/message"
	"roost/shared/transcript"
)

// hostile is what others may write: to be read, not run.
const hostile = `</script><script>document.title="owned"</script><img src=x onerror="document.title='owned'"> & "quotes" 'and' {{.}}`

// gossip is a picture, an edit, a reaction and hostile text, in one chat.
func gossip() []message.Message {
	who := message.Address{PN: "4915550009@s.whatsapp.net"}
	say := func(id string, second int, text string) message.Message {
		return message.Message{
			ID: id, Chat: who, Sender: who, PushName: "Mallory <b>" + hostile, Timestamp: start.Add(time.Hour + time.Duration(second)*time.Second),
			Kind: "conversation", Text: text, Content: json.RawMessage(`{}`), Status: message.StatusDelivered,
		}
	}
	picture := say("P", 1, "a picture")
	picture.Kind, picture.Media = "imageMessage", &message.Media{Kind: "image", Mimetype: "image/jpeg", Size: 12345, FileName: "cat.jpg"}
	picture.Content = json.RawMessage(`{"imageMessage":{"jpegThumbnail":"` + base64.StdEncoding.EncodeToString([]byte("no real picture")) + `"}}`)
	edit := say("E", 2, "a picture of a cat")
	edit.Target = &message.Target{ID: "P", Act: "edit"}
	reaction := say("R", 3, "")
	reaction.Target = &message.Target{ID: "P", Act: "reaction", Emoji: "🐈"}
	own := say("O", 4, "seen\nand answered")
	own.FromMe, own.PushName = true, ""
	return []message.Message{picture, edit, reaction, own, say("H", 5, hostile)}
}

// until waits for an expression to be true. (chromedp's own Poll evaluates
// inside the page, which its policy forbids.)
func until(expression string) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		for {
			var done bool
			if err := chromedp.Evaluate(expression, &done).Do(ctx); err != nil || done {
				return err
			}
			timer := time.NewTimer(20 * time.Millisecond)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return fmt.Errorf("%s: %w", expression, ctx.Err())
			}
		}
	})
}

// TestPageInABrowser opens the page as a person would, from the disk, and in it
// the transcript's file, which is of several parts.
func TestPageInABrowser(t *testing.T) { // not parallel: a browser needs a machine of its own
	ctx := browsertest.Open(t)
	h := newHouse(t)
	job := h.furnish("i1", 12)
	job.Name = "shop <b>" + hostile
	for _, m := range gossip() {
		body, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		e := event.Event{ID: "ev-" + m.ID, Instance: "i1", Kind: event.MessageReceived, At: m.Timestamp, Body: body}
		if err := transcript.NewRepository(h.table, h.bucket).Store(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.bulk(600); err != nil { // into one of furnish's chats
		t.Fatal(err)
	}
	if err := h.smallParts(job); err != nil {
		t.Fatal(err)
	}
	record, err := archive.NewRepository(h.table).Get(t.Context(), job.Instance)
	if err != nil || record.Progress.Parts < 3 {
		t.Fatal(record.Progress, err)
	}
	dir := t.TempDir()
	page, lines := filepath.Join(dir, "page.html"), filepath.Join(dir, "transcript.jsonl.gz")
	for path, key := range map[string]string{page: record.PageKey, lines: record.Key} {
		if err := os.WriteFile(path, h.read(key), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var title, text, where, read string
	var outside, pictures int
	err = chromedp.Run(ctx,
		log.Enable(), runtime.Enable(), chromedp.Navigate("file://"+page), until(`!document.getElementById("reader").hidden`),
		chromedp.Evaluate(`document.title`, &title), chromedp.Evaluate(`document.body.textContent`, &text),
		chromedp.Evaluate(`document.querySelectorAll("[src]:not([src^='data:']),[href]").length`, &outside),
		chromedp.Evaluate(`document.querySelectorAll("img").length`, &pictures), browsertest.Shot("archive"),
		chromedp.SetUploadFiles("#file", []string{lines}, chromedp.ByQuery), until(`document.querySelectorAll("#out .line").length > 0`),
		chromedp.Evaluate(`document.getElementById("chat").value = "0"; document.getElementById("chat").onchange()`, nil),
		until(`document.getElementById("where").textContent.startsWith("601 ")`),
		chromedp.Evaluate(`document.getElementById("back").click()`, nil),
		until(`document.getElementById("where").textContent.startsWith("401 ")`),
		chromedp.Evaluate(`document.getElementById("out").textContent`, &read),
		chromedp.Evaluate(`document.getElementById("progress").textContent`, &where), browsertest.Shot("archive-reader"),
	)
	if err != nil {
		t.Fatal(err)
	}
	if title != "Transcript of "+job.Name || outside != 0 || pictures != 1 {
		t.Errorf("title %q, %d outside resources, %d pictures", title, outside, pictures)
	}
	for _, want := range []string{hostile, "reacted to the message P", "edited the message P", "cat.jpg · image/jpeg · 13 KiB", "seen\nand answered", record.SHA256} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if !strings.Contains(read, "long long long") || !strings.Contains(where, "lines in 4 chats") {
		t.Errorf("read: %q, %.200s", where, read)
	}
}
