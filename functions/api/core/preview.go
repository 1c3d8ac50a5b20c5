package core

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"

	"roost/shared/command"
	"roost/shared/picture"
)

const (
	// previewTime bounds what a preview takes: the message waits for it.
	previewTime = 4 * time.Second
	// maxPage and maxCover bound what is read of a page and of its picture, in
	// bytes.
	maxPage  = 512 << 10
	maxCover = 4 << 20
	// maxTitle and maxDescription are in characters.
	maxTitle       = 200
	maxDescription = 400
)

// link finds the first web address in a text.
var link = regexp.MustCompile(`(?i)\bhttps?://[^\s<>"']+`)

// preview looks behind the first link of a text. Nil when there is none, or when
// nothing can be learned of it in time: the message goes out without.
func (c *Core) preview(ctx context.Context, text string) *command.Preview {
	address := strings.TrimRight(link.FindString(text), ".,;:!?)]}")
	if address == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, previewTime)
	defer cancel()
	page, kind, at, err := c.look(ctx, address, maxPage)
	if err != nil {
		c.deps.Log.DebugContext(ctx, "no preview of a link", "err", err)
		return nil
	}
	out := &command.Preview{URL: address}
	if family, _, _ := strings.Cut(kind, "/"); family == "image" {
		out.Thumbnail = c.cover(ctx, address)
		if out.Title = at.Hostname(); out.Thumbnail == nil {
			return nil
		}
		return out
	}
	about := readPage(page, kind)
	if out.Title = clip(about.title, maxTitle); out.Title == "" {
		return nil
	}
	out.Description = clip(about.description, maxDescription)
	if image, err := at.Parse(about.image); err == nil && about.image != "" {
		out.Thumbnail = c.cover(ctx, image.String())
	}
	return out
}

// look gets the beginning of what is at an address, its type, and where it was
// found after redirects.
func (c *Core) look(ctx context.Context, address string, limit int64) (data []byte, mimetype string, at *url.URL, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, "", nil, err
	}
	// Sites show their previews to those who say that they want one.
	request.Header.Set("User-Agent", "WhatsApp/2 (Roost)")
	request.Header.Set("Accept", "text/html,image/*;q=0.9")
	response, err := c.media.client.Do(request)
	if err != nil {
		return nil, "", nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, "", nil, &url.Error{Op: "Get", URL: address, Err: http.ErrNotSupported}
	}
	data, err = io.ReadAll(io.LimitReader(response.Body, limit))
	return data, response.Header.Get("Content-Type"), response.Request.URL, err
}

// cover is a small version of a picture, nil when that cannot be had.
func (c *Core) cover(ctx context.Context, address string) []byte {
	file, _, _, err := c.look(ctx, address, maxCover)
	if err != nil {
		return nil
	}
	img, _, err := picture.Decode(file)
	if err != nil {
		return nil
	}
	small, err := picture.Thumbnail(img)
	if err != nil {
		return nil
	}
	return small
}

// about is what a page says of itself.
type about struct{ title, description, image string }

// readPage reads a page's head: Open Graph first, then what browsers show.
func readPage(page []byte, mimetype string) about {
	in, err := charset.NewReader(strings.NewReader(string(page)), mimetype)
	if err != nil {
		return about{}
	}
	meta := map[string]string{}
	z := html.NewTokenizer(in)
	for {
		switch z.Next() {
		case html.ErrorToken:
			return aboutOf(meta)
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			switch t.DataAtom {
			case atom.Title:
				if z.Next() == html.TextToken && meta["title"] == "" {
					meta["title"] = string(z.Text())
				}
			case atom.Meta:
				name, content := "", ""
				for _, a := range t.Attr {
					switch a.Key {
					case "property", "name":
						name = strings.ToLower(a.Val)
					case "content":
						content = a.Val
					}
				}
				if meta[name] == "" {
					meta[name] = content
				}
			case atom.Body:
				return aboutOf(meta)
			default:
			}
		default:
		}
	}
}

func aboutOf(meta map[string]string) about {
	first := func(names ...string) string {
		for _, n := range names {
			if text := strings.Join(strings.Fields(meta[n]), " "); text != "" {
				return text
			}
		}
		return ""
	}
	return about{
		title:       first("og:title", "twitter:title", "title"),
		description: first("og:description", "twitter:description", "description"),
		image:       first("og:image:secure_url", "og:image", "og:image:url", "twitter:image"),
	}
}

// clip cuts a text to so many characters.
func clip(text string, characters int) string {
	runes := []rune(strings.ToValidUTF8(text, ""))
	if len(runes) > characters {
		return string(runes[:characters-1]) + "…"
	}
	return string(runes)
}
