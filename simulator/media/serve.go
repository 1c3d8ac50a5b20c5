package media

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// uploadKinds are the names that clients put into upload paths: whatsmeow
// download.go (mediaTypeToMMSType) and, of Baileys Defaults/index.ts
// (MEDIA_PATH_MAP), those under /mms/. "ptt" is whatsmeow's for Messenger.
var uploadKinds = map[string]bool{
	"image": true, "video": true, "audio": true, "ptt": true, "document": true,
	"md-msg-hist": true, "md-app-state": true, "sticker-pack": true, "thumbnail-link": true,
}

// uploadAnswer is what whatsmeow's UploadResponse and Baileys read.
type uploadAnswer struct {
	URL        string `json:"url"`
	DirectPath string `json:"direct_path"`
	Handle     string `json:"handle,omitempty"`
}

// ServeHTTP answers the requests of the package comment. Uploads with a
// token that is not the hash of their body get 400, with a wrong auth 401, of
// an unknown kind 404 and of more than MaxBytes 413.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
		s.serveUpload(w, r)
	case http.MethodGet, http.MethodHead:
		s.serveDownload(w, r)
	case http.MethodDelete:
		s.serveDelete(w, r)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST, DELETE")
		s.refuse(w, http.StatusMethodNotAllowed, "method not allowed")
	}
}

func (s *Store) serveUpload(w http.ResponseWriter, r *http.Request) {
	// The body first: until it is read net/http does not notice a client that
	// hangs up, and clients that still write do not see an early answer.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.maxBytes))
	s.slow(r)
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			s.refuse(w, http.StatusRequestEntityTooLarge, "body too large")
		} else {
			s.refuse(w, http.StatusBadRequest, "body incomplete")
		}
		return
	}
	target, ok := parseUploadPath(r.URL.Path)
	if !ok {
		s.refuse(w, http.StatusNotFound, "no such upload path")
		return
	}
	if status := s.failUpload(); status != 0 {
		s.refuse(w, status, "fault")
		return
	}
	if !s.authorized(r) {
		s.refuse(w, http.StatusUnauthorized, "wrong auth")
		return
	}
	hash := sha256.Sum256(body)
	if !isToken(target.token, hash) || !isToken(r.URL.Query().Get("token"), hash) {
		s.refuse(w, http.StatusBadRequest, "token is not the hash of the body")
		return
	}

	answer := uploadAnswer{}
	answer.DirectPath, answer.URL = s.add(body)
	if target.newsletter {
		answer.Handle = base64.StdEncoding.EncodeToString(hash[:])
	}
	s.count(func(c *Counts) { c.Uploads++ })
	w.Header().Set("Content-Type", "application/json")
	// A client that went away is not our concern.
	_ = json.NewEncoder(w).Encode(answer)
}

func (s *Store) serveDownload(w http.ResponseWriter, r *http.Request) {
	s.slow(r)
	if status := s.failDownload(r.URL.Path); status != 0 {
		s.refuse(w, status, "fault")
		return
	}
	body, ok := s.Get(r.URL.Path)
	if !ok {
		s.refuse(w, http.StatusNotFound, "no such file")
		return
	}
	if s.Faults().Corrupt && len(body) > 0 {
		body = bytes.Clone(body)
		body[len(body)/2] ^= 1
	}
	s.count(func(c *Counts) { c.Downloads++ })
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// serveDelete forgets the file with the hash in the path. An unknown one is
// as good as deleted.
func (s *Store) serveDelete(w http.ResponseWriter, r *http.Request) {
	s.slow(r)
	target, ok := parseUploadPath(r.URL.Path)
	if !ok {
		s.refuse(w, http.StatusNotFound, "no such path")
		return
	}
	if !s.authorized(r) {
		s.refuse(w, http.StatusUnauthorized, "wrong auth")
		return
	}
	path := pathPrefix + strings.TrimRight(target.token, "=") + pathSuffix
	s.mu.Lock()
	defer s.mu.Unlock()
	if element, ok := s.blobs[path]; ok {
		s.drop(element)
	}
	s.counts.Deletes++
	w.WriteHeader(http.StatusOK)
}

// slow breaks the connection if the client is gone before Faults.Slow is over.
func (s *Store) slow(r *http.Request) {
	if !s.wait(r.Context()) {
		panic(http.ErrAbortHandler)
	}
}

func (s *Store) authorized(r *http.Request) bool {
	return subtle.ConstantTimeCompare([]byte(r.URL.Query().Get("auth")), []byte(s.auth)) == 1
}

func (s *Store) refuse(w http.ResponseWriter, status int, reason string) {
	s.count(func(c *Counts) { c.Refused++ })
	http.Error(w, reason, status)
}

func (s *Store) count(change func(*Counts)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.counts)
}

type uploadTarget struct {
	token      string
	newsletter bool
}

func parseUploadPath(path string) (uploadTarget, bool) {
	parts := strings.Split(path, "/")
	if len(parts) != 4 || parts[0] != "" {
		return uploadTarget{}, false
	}
	kind := parts[2]
	target := uploadTarget{token: parts[3]}
	switch parts[1] {
	case "mms":
	case "newsletter":
		var ok bool
		if kind, ok = strings.CutPrefix(kind, "newsletter-"); !ok {
			return uploadTarget{}, false
		}
		target.newsletter = true
	default:
		return uploadTarget{}, false
	}
	return target, uploadKinds[kind]
}

// isToken accepts both spellings: whatsmeow pads with '=', Baileys does not.
func isToken(token string, hash [sha256.Size]byte) bool {
	return token == base64.URLEncoding.EncodeToString(hash[:]) ||
		token == base64.RawURLEncoding.EncodeToString(hash[:])
}
