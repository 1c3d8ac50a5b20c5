package media

import (
	"bytes"
	"container/list"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"sync"
)

// The defaults of Config.
const (
	DefaultMaxBytes = 1 << 30
	DefaultHost     = "mmg.whatsapp.net"
)

// The frame of a direct path. The '?' must be there: whatsmeow appends
// "&hash=…" to the direct path without looking, Baileys appends nothing.
const (
	pathPrefix = "/v/t62.7118-24/"
	pathSuffix = ".enc"
	pathQuery  = "?ccb=1"
)

// Config is what a Store is made with. Its zero value is good for use.
type Config struct {
	// MaxBytes bounds the sum of the stored bodies, in bytes. The oldest
	// bodies go first; a body that is larger than MaxBytes is never kept.
	// 0 means DefaultMaxBytes.
	MaxBytes int64
	// Host stands in the URLs that uploads are answered with and may contain
	// a port. Empty means DefaultHost. Baileys ignores every URL that does not
	// begin with https://mmg.whatsapp.net/ and uses the direct path instead.
	Host string
	// Auth is the value that the server hands out in media_conn and that
	// uploads must repeat. Empty means a random one.
	Auth string
}

// Store is the media servers: bodies by their hash, in memory. It is safe for
// concurrent use.
type Store struct {
	maxBytes int64
	host     string
	auth     string

	// mu guards everything below.
	mu     sync.Mutex
	blobs  map[string]*list.Element // of *blob, by path without query
	age    list.List                // oldest first
	bytes  int64
	gone   map[string]int // HTTP status by path without query
	faults Faults
	left   int // requests that the failing faults still hit, if Times is set
	counts Counts
}

type blob struct {
	path string
	body []byte
}

// Counts says what a store was asked since it was made.
type Counts struct {
	// Uploads, Downloads and Deletes count the requests that were served.
	Uploads   int `json:"uploads"`
	Downloads int `json:"downloads"`
	Deletes   int `json:"deletes"`
	// Refused counts the requests answered with a status of 400 or more,
	// by a fault or by the rules.
	Refused int `json:"refused"`
	// Files and Bytes are what is stored now.
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

// Uploaded is a file that lies on the media servers, as messages point to it.
type Uploaded struct {
	Encrypted
	DirectPath string
	URL        string
}

// NewStore returns an empty store.
func NewStore(config Config) *Store {
	s := &Store{
		maxBytes: config.MaxBytes,
		host:     config.Host,
		auth:     config.Auth,
		blobs:    map[string]*list.Element{},
		gone:     map[string]int{},
	}
	if s.maxBytes == 0 {
		s.maxBytes = DefaultMaxBytes
	}
	if s.host == "" {
		s.host = DefaultHost
	}
	if s.auth == "" {
		s.auth = rand.Text()
	}
	return s
}

// Auth returns the value for the auth attribute of media_conn.
func (s *Store) Auth() string { return s.auth }

// Host returns the host name for media_conn.
func (s *Store) Host() string { return s.host }

// Upload encrypts plain and stores it, as a phone does before it sends a file.
// The returned Body is nil, for the store has it. The only error is ErrKind.
func (s *Store) Upload(kind Kind, plain []byte) (Uploaded, error) {
	encrypted, err := Encrypt(kind, plain)
	if err != nil {
		return Uploaded{}, err
	}
	directPath, url := s.add(encrypted.Body)
	encrypted.Body = nil
	return Uploaded{Encrypted: encrypted, DirectPath: directPath, URL: url}, nil
}

// Put stores a copy of body and returns where clients find it. The same body
// always gets the same direct path; putting it again makes it the youngest
// and ends its Gone.
func (s *Store) Put(body []byte) (directPath, url string) {
	return s.add(bytes.Clone(body))
}

// Get returns the body at directPath, whose query is ignored, no matter which
// faults are set and also if it is Gone. The caller must not change it.
func (s *Store) Get(directPath string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	element, ok := s.blobs[withoutQuery(directPath)]
	if !ok {
		return nil, false
	}
	return element.Value.(*blob).body, true
}

// Counts returns the counters as they are now.
func (s *Store) Counts() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := s.counts
	counts.Files, counts.Bytes = len(s.blobs), s.bytes
	return counts
}

// add owns body from here on.
func (s *Store) add(body []byte) (directPath, url string) {
	path := pathOf(sha256.Sum256(body))
	directPath = path + pathQuery
	url = "https://" + s.host + directPath

	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.gone, path)
	if element, ok := s.blobs[path]; ok {
		s.age.MoveToBack(element)
		return directPath, url
	}
	if int64(len(body)) > s.maxBytes {
		return directPath, url
	}
	s.blobs[path] = s.age.PushBack(&blob{path: path, body: body})
	s.bytes += int64(len(body))
	for s.bytes > s.maxBytes {
		s.drop(s.age.Front())
	}
	return directPath, url
}

// drop needs mu.
func (s *Store) drop(element *list.Element) {
	dropped := s.age.Remove(element).(*blob)
	delete(s.blobs, dropped.path)
	s.bytes -= int64(len(dropped.body))
}

func pathOf(hash [sha256.Size]byte) string {
	return pathPrefix + base64.RawURLEncoding.EncodeToString(hash[:]) + pathSuffix
}

func withoutQuery(directPath string) string {
	path, _, _ := strings.Cut(directPath, "?")
	return path
}
