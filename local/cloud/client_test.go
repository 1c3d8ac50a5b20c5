package cloud_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"roost/simulator"
)

// client is a program that uses the API.
type client struct {
	t    *testing.T
	ctx  context.Context
	base string
}

// call makes a request and decodes the answer.
func (c *client) call(method, path string, body any) (int, map[string]any) {
	c.t.Helper()
	status, answer, err := c.try(method, path, body)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return status, answer
}

func (c *client) try(method, path string, body any) (int, map[string]any, error) {
	var encoded []byte
	if body != nil {
		var err error
		if encoded, err = json.Marshal(body); err != nil {
			return 0, nil, err
		}
	}
	status, said, err := c.ask(method, path, encoded)
	if err != nil {
		return 0, nil, err
	}
	var answer map[string]any
	return status, answer, json.Unmarshal(said, &answer)
}

func (c *client) ask(method, path string, body []byte) (int, []byte, error) {
	r, err := http.NewRequestWithContext(c.ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("apikey", adminKey)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	return response.StatusCode, said, err
}

func (c *client) state(name string) string {
	_, answer, err := c.try(http.MethodGet, "/instance/connectionState/"+name, nil)
	if err != nil {
		return ""
	}
	i, _ := answer["instance"].(map[string]any)
	s, _ := i["state"].(string)
	return s
}

// link creates an instance with a webhook and links it to a phone.
func (w *world) link(name, number string) *simulator.User {
	w.t.Helper()
	u, err := w.Phone(number, "Phone of "+name)
	must(w.t, err)
	status, answer := w.call(http.MethodPost, "/instance/create", map[string]any{
		"instanceName": name, "integration": "WHATSAPP-BAILEYS", "qrcode": true,
		"webhook": map[string]any{"url": w.hook.URL, "events": []string{}},
	})
	if status != http.StatusCreated {
		w.t.Fatalf("create: %d %v", status, answer)
	}
	scanned := ""
	w.poll(name+" to be linked", func() bool {
		if code := w.qr(name); code != "" && code != scanned {
			scanned = code
			if _, err := u.Scan(w.ctx, code); err != nil && !errors.Is(err, simulator.ErrRefresh) && !errors.Is(err, simulator.ErrStale) {
				w.t.Fatalf("scan: %v", err)
			}
		}
		return len(u.Companions()) > 0
	})
	w.poll(name+" to be open", func() bool { return w.state(name) == "open" })
	return u
}

// qr is the text of the QR code that an instance shows, "" for none.
func (w *world) qr(name string) string {
	status, text, err := w.ask(http.MethodGet, "/instance/qr/"+name+"?format=txt", nil)
	if err != nil || status != http.StatusOK {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// hook is a webhook receiver that remembers what it was told.
type hook struct {
	*httptest.Server
	mu   sync.Mutex
	told []told
}

type told struct {
	Header http.Header
	Body   []byte
	Event  string
	Data   map[string]any
}

func newHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var payload struct {
			Event string          `json:"event"`
			Data  json.RawMessage `json:"data"`
		}
		if err == nil {
			err = json.Unmarshal(body, &payload)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		one := told{Header: r.Header.Clone(), Body: body, Event: payload.Event}
		_ = json.Unmarshal(payload.Data, &one.Data) // null for some
		h.mu.Lock()
		h.told = append(h.told, one)
		h.mu.Unlock()
	}))
	t.Cleanup(h.Close)
	return h
}

// of lists what was told of one kind, in order.
func (h *hook) of(event string) []told {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []told
	for _, e := range h.told {
		if e.Event == event {
			out = append(out, e)
		}
	}
	return out
}

// message is the id of the message that a webhook is about.
func (e told) message() string {
	key, _ := e.Data["key"].(map[string]any)
	id, _ := key["id"].(string)
	return id
}
