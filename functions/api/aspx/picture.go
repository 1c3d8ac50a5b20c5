package aspx

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"roost/functions/api/core"
)

const (
	// passLife is for how long URLs that an answer has lead somewhere.
	passLife = 7 * 24 * time.Hour
	// What passes open.
	passPicture = "pictures"
	passFile    = "file "
)

// pictures returns how the pictures of an instance's contacts are called: the
// original has its key in there, here a pass stands in its place.
func (h *Handler) pictures(r *request) (func(jid string) string, error) {
	key, err := h.core.Pass(r.instance, passPicture, time.Now().Add(passLife))
	if err != nil {
		return nil, err
	}
	base := h.serverURL(r.Request) + "/get_picture" + Suffix + "?WID=" + key + "&jid="
	return func(jid string) string { return base + url.QueryEscape(jid) }, nil
}

// serverURL is where the client reaches the API.
func (h *Handler) serverURL(r *http.Request) string {
	if h.server != "" {
		return strings.TrimRight(h.server, "/")
	}
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return (&url.URL{Scheme: scheme, Host: r.Host}).String()
}

// getPicture answers with a picture itself.
func (h *Handler) getPicture(r *request) (answer, error) {
	jid := ""
	for name, values := range r.URL.Query() {
		if strings.EqualFold(name, "jid") {
			jid = values[0]
		}
	}
	if jid == "" {
		return answer{}, refuse("jid is missing")
	}
	file, err := h.core.PictureFile(r.Context(), r.instance, core.Address(jid))
	if err != nil {
		return answer{}, err
	}
	if len(file) == 0 {
		return answer{}, &problem{status: http.StatusNotFound, sentence: "there is no picture"}
	}
	return answer{bytes: file, mimetype: http.DetectContentType(file)}, nil
}

// fileURL is where the file of a message can be had.
func (h *Handler) fileURL(r *request, message string) (string, error) {
	key, err := h.core.Pass(r.instance, passFile+message, time.Now().Add(passLife))
	if err != nil {
		return "", err
	}
	return h.serverURL(r.Request) + staticPath + string(r.instance.ID) + mediaPath + url.PathEscape(message) + "?wid=" + key, nil
}

// The path of a message's file: /static/<WebID>/media/<MessageID>.
const (
	staticPath = "/static/"
	mediaPath  = "/media/"
)

// serveFile answers with the file of a message: the one that is kept, or as
// WhatsApp has it.
func (h *Handler) serveFile(r *http.Request) (answer, error) {
	id, message, whole := strings.Cut(strings.TrimPrefix(r.URL.Path, staticPath), mediaPath)
	if r.Method != http.MethodGet || !whole || message == "" {
		return answer{}, &problem{status: http.StatusNotFound, sentence: "there is no such file"}
	}
	key, found := keyOf(r)
	if !found {
		return answer{}, errKey
	}
	i, err := h.core.Passed(r.Context(), key, passFile+message)
	if err != nil || string(i.ID) != id {
		return answer{}, errKey
	}
	if err := h.limits.take(string(i.ID), "file"); err != nil {
		return answer{}, err
	}
	m, file, err := h.core.File(r.Context(), i, message, "")
	if err != nil {
		return answer{}, err
	}
	mimetype := m.Media.Mimetype
	if mimetype == "" {
		mimetype = "application/octet-stream"
	}
	return answer{bytes: file, mimetype: mimetype}, nil
}
