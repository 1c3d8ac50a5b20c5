// Package pass makes words that open one thing of an instance for a while: for
// URLs in answers and webhooks, in which the instance's token must not stand.
package pass

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"roost/shared/instance"
	"roost/shared/seal"
)

// Life is for how long URLs with a pass lead somewhere.
const Life = 7 * 24 * time.Hour

// said is what a pass says.
type said struct {
	Instance instance.ID `json:"i"`
	Until    int64       `json:"u"` // Unix s
}

// Make makes a word that opens a thing of an instance until then.
func Make(s *seal.Sealer, id instance.ID, thing string, until time.Time) (string, error) {
	text, err := json.Marshal(said{id, until.Unix()})
	if err != nil {
		return "", fmt.Errorf("make a pass: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(s.Seal(text, place(thing))), nil
}

// Open returns the instance of which a word opens a thing now, and whether it
// opens anything.
func Open(s *seal.Sealer, word, thing string, now time.Time) (instance.ID, bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(word)
	if err != nil {
		return "", false
	}
	text, err := s.Open(sealed, place(thing))
	if err != nil {
		return "", false
	}
	var p said
	if json.Unmarshal(text, &p) != nil || now.Unix() >= p.Until {
		return "", false
	}
	return p.Instance, true
}

func place(thing string) []byte { return []byte("pass for " + thing) }

// The path of a message's file: /static/<WebID>/media/<MessageID>.
const (
	FilesPath = "/static/"
	mediaPath = "/media/"
)

// File is the thing that a message's file is.
func File(message string) string { return "file " + message }

// FileURL is where the API at server answers with the file of a message, for
// Life. webID names the instance in the path. It is fetched from WhatsApp when
// somebody asks, unless it is kept.
func FileURL(s *seal.Sealer, server string, id instance.ID, webID, message string, now time.Time) (string, error) {
	word, err := Make(s, id, File(message), now.Add(Life))
	if err != nil {
		return "", err
	}
	return strings.TrimRight(server, "/") + FilesPath + url.PathEscape(webID) + mediaPath + url.PathEscape(message) + "?wid=" + word, nil
}

// CutFile reads the path of such a URL.
func CutFile(path string) (webID, message string, whole bool) {
	webID, message, whole = strings.Cut(strings.TrimPrefix(path, FilesPath), mediaPath)
	return webID, message, whole && webID != "" && message != ""
}
