package aspx

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
	"time"

	"roost/functions/api/core"
	"roost/shared/fault"
	"roost/shared/instance"
	"roost/shared/pass"
)

// passPicture is what the pass in a picture's URL opens.
const passPicture = "pictures"

// pictures returns how the pictures of an instance's contacts are called: the
// original has its key in there, here a pass stands in its place.
func (h *Handler) pictures(r *request) (func(jid string) string, error) {
	key, err := h.core.Pass(r.instance, passPicture, time.Now().Add(pass.Life))
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
	webID, err := h.core.WebID(r.Context(), r.instance)
	if err != nil {
		return "", err
	}
	return h.core.FilePass(r.instance, h.serverURL(r.Request), webID, message)
}

// serveFile answers with the file of a message: the one that is kept, or as
// WhatsApp has it.
func (h *Handler) serveFile(r *http.Request) (answer, error) {
	webID, message, whole := pass.CutFile(r.URL.Path)
	if r.Method != http.MethodGet || !whole {
		return answer{}, &problem{status: http.StatusNotFound, sentence: "there is no such file"}
	}
	i, err := h.fileOwner(r, webID, message)
	if err != nil {
		return answer{}, err
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

// fileOwner is whose file a URL with a pass names. Without a pass it is the
// original's, where the instance is called by its key.
func (h *Handler) fileOwner(r *http.Request, webID, message string) (instance.Instance, error) {
	key, found := keyOf(r)
	if !found {
		return h.holder(r.Context(), webID)
	}
	i, err := h.core.Passed(r.Context(), key, pass.File(message))
	if fault.KindOf(err) == fault.Unauthorized && err != nil {
		return i, errKey
	}
	if err != nil {
		return i, err
	}
	if string(i.ID) == webID {
		return i, nil
	}
	if called, err := h.core.WebID(r.Context(), i); err != nil || called != webID {
		return i, cmp.Or(err, error(errKey))
	}
	return i, nil
}
