package folder

import (
	"crypto/hmac"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"roost/shared/blob"
)

// ServeHTTP answers signed URLs, at the path of Options.BaseURL: GET and HEAD
// with ranges and conditions, PUT up to the signed size. Every other answer is a
// sentence of text:
//
//	403  the signature does not fit, or the content type is not the signed one
//	404  there is no such object
//	405  another method
//	410  the link was good and has expired
//	413  the body is above the signed size
func (f *Folder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := r.Method
	switch method {
	case http.MethodHead:
		method = http.MethodGet
	case http.MethodGet, http.MethodPut:
	default:
		w.Header().Set("Allow", "GET, HEAD, PUT")
		refuse(w, http.StatusMethodNotAllowed, "This link takes GET, HEAD or PUT.")
		return
	}
	key, ok := strings.CutPrefix(r.URL.Path, f.base.Path+"/")
	g, signature, err := parse(method, key, r.URL.Query())
	// The comparison takes the same time wherever they differ.
	if !ok || err != nil || blob.ValidateKey(key) != nil || !hmac.Equal(signature, f.signature(g)) {
		refuse(w, http.StatusForbidden, "The signature of this link does not fit. It was changed, or made for another method or server.")
		return
	}
	if f.now().Unix() >= g.expires {
		at := time.Unix(g.expires, 0).UTC().Format(time.RFC3339)
		refuse(w, http.StatusGone, "This link expired at "+at+". Ask for a new one.")
		return
	}
	if method == http.MethodPut {
		f.servePut(w, r, g)
		return
	}
	f.serveGet(w, r, g)
}

func (f *Folder) serveGet(w http.ResponseWriter, r *http.Request, g grant) {
	file, info, err := f.open(r.Context(), g.key)
	switch {
	case errors.Is(err, blob.ErrNotFound):
		refuse(w, http.StatusNotFound, "There is no such object. It was deleted, or not yet uploaded.")
		return
	case err != nil:
		refuse(w, http.StatusInternalServerError, "The object could not be read. Try again.")
		return
	}
	defer file.Close()
	header := w.Header()
	contentType := info.ContentType
	if contentType == "" {
		contentType = "application/octet-stream"
	}
	header.Set("Content-Type", contentType)
	header.Set("ETag", `"`+info.ETag+`"`)
	// The bytes come from strangers: no browser may guess or run them.
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	header.Set("Cache-Control", "private")
	if g.filename != "" {
		header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": g.filename}))
	}
	http.ServeContent(w, r, "", info.Modified, file)
}

func (f *Folder) servePut(w http.ResponseWriter, r *http.Request, g grant) {
	if g.contentType != "" && r.Header.Get("Content-Type") != g.contentType {
		refuse(w, http.StatusForbidden, fmt.Sprintf("This link takes the Content-Type %q.", g.contentType))
		return
	}
	tooLarge := fmt.Sprintf("This link takes at most %d bytes.", g.maxSize)
	if r.ContentLength > g.maxSize {
		refuse(w, http.StatusRequestEntityTooLarge, tooLarge)
		return
	}
	body := http.MaxBytesReader(w, r.Body, g.maxSize)
	info, err := f.Put(r.Context(), g.key, body, r.ContentLength, r.Header.Get("Content-Type"))
	var limit *http.MaxBytesError
	switch {
	case errors.As(err, &limit):
		refuse(w, http.StatusRequestEntityTooLarge, tooLarge)
	case err != nil:
		refuse(w, http.StatusInternalServerError, "The object could not be stored. Try again.")
	default:
		w.Header().Set("ETag", `"`+info.ETag+`"`)
		w.WriteHeader(http.StatusOK)
	}
}

func refuse(w http.ResponseWriter, status int, sentence string) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, sentence, status)
}
