package export

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"roost/shared/message"
	"roost/shared/transcript"
)

// Bounds of the page, so that it opens in any browser however long the
// transcript: it shows whole what is short, and of the rest the newest messages
// of the chats that were active last. The reader inside it shows everything
// from the transcript's file, which a person opens from their disk: links to
// other objects would have no signature.
const (
	pageMessages  = 5000     // entries, of all chats
	leastMessages = 20       // of a chat that is shown, however many there are
	pageChats     = 250      // chats that are shown
	pageList      = 5000     // chats that are listed
	pageText      = 4000     // bytes of a text
	pagePictures  = 3 << 20  // bytes of all thumbnails, as base64
	onePicture    = 24 << 10 // bytes of a thumbnail, as base64
)

//go:embed page.html
var pageSource string

//go:embed reader.js
var readerSource string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

// pageView is what the template shows.
type pageView struct {
	*Manifest
	Policy   string
	Reader   template.HTML
	Chats    []pageChat
	Unlisted int // chats that are not listed
	File     string
}

type pageChat struct {
	ID      int
	Title   string
	Key     string
	Entries int64
	Last    string
	Shown   []pageLine
	Hidden  bool // there is more of it than Shown
}

type pageLine struct {
	At, Who, Text, Note string
	Own                 bool
	Picture             template.URL
	Status              message.Status
}

// page makes the page. It is the same for a transcript that is sealed.
func (w *work) page(ctx context.Context, m *Manifest, chats []planned) ([]byte, error) {
	chats = slices.Clone(chats)
	slices.SortFunc(chats, func(a, b planned) int {
		return cmp.Or(b.LastAt.Compare(a.LastAt), cmp.Compare(a.Key, b.Key))
	})
	sum := sha256.Sum256([]byte(readerSource))
	view := pageView{
		Manifest: m, Unlisted: max(len(chats)-pageList, 0), File: m.Transcript.Key[strings.LastIndexByte(m.Transcript.Key, '/')+1:],
		Policy: "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'",
		Reader: template.HTML("<script>" + readerSource + "</script>"), //nolint:gosec // a constant of this package
	}
	each, pictures := max(pageMessages/max(min(len(chats), pageChats), 1), leastMessages), 0
	if m.Lines <= pageMessages {
		each = pageMessages
	}
	for n, c := range chats[:min(len(chats), pageList)] {
		shown := pageChat{ID: n, Title: c.Title, Key: c.Key, Entries: m.Chats[c.Key], Last: stamp(c.LastAt), Hidden: true}
		if n < pageChats {
			if err := w.renew(ctx); err != nil {
				return nil, err
			}
			var err error
			if shown.Shown, shown.Hidden, err = w.newest(ctx, c, each, &pictures); err != nil {
				return nil, err
			}
		}
		view.Chats = append(view.Chats, shown)
	}
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, view); err != nil {
		return nil, fmt.Errorf("write the page: %w", err)
	}
	return out.Bytes(), nil
}

// newest are a chat's last lines in the order of time. It reports whether there
// are more.
func (w *work) newest(ctx context.Context, c planned, limit int, pictures *int) ([]pageLine, bool, error) {
	var out []pageLine
	record := w.claim.Record
	for e, err := range w.cfg.Transcripts.Newest(ctx, record.Instance, c.chat()) {
		if err != nil {
			return nil, false, err
		}
		if e.Kind == transcript.KindStatus || record.Live && e.Arrival().After(record.At) {
			continue
		}
		if len(out) == limit {
			slices.Reverse(out)
			return out, true, nil
		}
		m, err := e.Message()
		if err != nil {
			return nil, false, err
		}
		out = append(out, lineOf(e, m, pictures))
	}
	slices.Reverse(out)
	return out, false, nil
}

func lineOf(e transcript.Entry, m message.Message, pictures *int) pageLine {
	line := pageLine{At: stamp(e.At), Who: m.PushName, Text: clip(m.Text), Own: m.FromMe, Status: e.Status}
	if line.Who == "" {
		line.Who = m.Sender.String()
	}
	var notes []string
	switch e.Kind {
	case transcript.KindEdit:
		notes = append(notes, "edited the message "+m.Target.ID)
	case transcript.KindRevoke:
		notes = append(notes, "deleted the message "+m.Target.ID)
	case transcript.KindVote:
		notes = append(notes, "voted in the poll "+m.Target.ID)
	case transcript.KindReaction:
		notes = append(notes, "reacted to the message "+m.Target.ID)
		line.Text = m.Target.Emoji
	default:
		if m.Kind != "conversation" {
			notes = append(notes, m.Kind)
		}
	}
	if media := m.Media; media != nil {
		notes = append(notes, media.FileName, media.Mimetype, sizeOf(media.Size), media.Blob)
	}
	line.Note = strings.Join(slices.DeleteFunc(notes, func(s string) bool { return s == "" }), " · ")
	if picture := thumbnail(m.Content); picture != "" && *pictures+len(picture) <= pagePictures {
		*pictures += len(picture)
		line.Picture = template.URL("data:image/jpeg;base64," + picture) //nolint:gosec // checked to be base64
	}
	return line
}

// thumbnail is the small picture that a message carries, as base64, "" for
// none.
func thumbnail(content json.RawMessage) string {
	if !bytes.Contains(content, []byte("jpegThumbnail")) {
		return ""
	}
	var parts map[string]json.RawMessage
	if json.Unmarshal(content, &parts) != nil {
		return ""
	}
	for _, part := range parts {
		var with struct {
			Thumbnail string `json:"jpegThumbnail"`
		}
		if json.Unmarshal(part, &with) != nil || with.Thumbnail == "" || len(with.Thumbnail) > onePicture {
			continue
		}
		if _, err := base64.StdEncoding.DecodeString(with.Thumbnail); err == nil {
			return with.Thumbnail
		}
	}
	return ""
}

func stamp(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02 15:04:05")
}

func clip(text string) string {
	if len(text) <= pageText {
		return text
	}
	cut := pageText
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + " …"
}

func sizeOf(n int64) string {
	switch {
	case n <= 0:
		return ""
	case n < 1<<20:
		return fmt.Sprintf("%d KiB", (n+1023)>>10)
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}
