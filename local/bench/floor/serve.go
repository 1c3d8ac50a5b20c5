package floor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	waLog "go.mau.fi/whatsmeow/util/log"
	"golang.org/x/sync/errgroup"

	"roost/simulator/companion"
)

// routes are called as Roost's API is, so that the same load fits both.
func (f *bare) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /start", f.start)
	mux.HandleFunc("POST /message/sendText/{name}", f.send)
	mux.HandleFunc("POST /instance/restart/{name}", f.restart)
	mux.HandleFunc("POST /instance/create", f.pair)
	return mux
}

func (f *bare) start(w http.ResponseWriter, r *http.Request) {
	var group errgroup.Group
	group.SetLimit(max(f.args.Rate, 1))
	for _, c := range f.clients {
		group.Go(c.Connect) // the client's life is the process's
	}
	if err := group.Wait(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write([]byte("{}"))
}

func (f *bare) named(r *http.Request) *whatsmeow.Client {
	_, digits, _ := strings.Cut(r.PathValue("name"), "-")
	if i, err := strconv.Atoi(digits); err == nil && i >= 0 && i < len(f.clients) {
		return f.clients[i]
	}
	return nil
}

func (f *bare) send(w http.ResponseWriter, r *http.Request) {
	var body struct{ Number, Text, MessageID string }
	c := f.named(r)
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || c == nil {
		http.Error(w, "no such client or body", http.StatusBadRequest)
		return
	}
	to := types.NewJID(body.Number, types.DefaultUserServer)
	_, err := c.SendMessage(r.Context(), to, &waE2E.Message{Conversation: &body.Text}, whatsmeow.SendRequestExtra{ID: body.MessageID})
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	_, _ = fmt.Fprintf(w, `{"id":%q}`, body.MessageID)
}

func (f *bare) restart(w http.ResponseWriter, r *http.Request) {
	c := f.named(r)
	if c == nil {
		http.Error(w, "no such client", http.StatusNotFound)
		return
	}
	c.Disconnect()
	if err := c.Connect(); err != nil { // for as long as the process lives
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("{}"))
}

func (f *bare) pair(w http.ResponseWriter, r *http.Request) {
	c := f.client(whatsmeow.NewClient(companion.NewDevice(&companion.Store{}), waLog.Noop), 0)
	codes := make(chan string, 1)
	c.AddEventHandler(func(evt any) {
		if qr, ok := evt.(*events.QR); ok && len(qr.Codes) > 0 {
			select {
			case codes <- qr.Codes[0]:
			default:
			}
		}
	})
	if err := c.Connect(); err != nil { // for as long as the process lives
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	f.mu.Lock()
	f.pairing = append(f.pairing, c)
	f.mu.Unlock()
	select {
	case code := <-codes:
		_ = json.NewEncoder(w).Encode(map[string]string{"code": code})
	case <-r.Context().Done():
		http.Error(w, context.Cause(r.Context()).Error(), http.StatusServiceUnavailable)
	}
}
