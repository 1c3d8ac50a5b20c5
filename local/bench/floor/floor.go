// Package floor is the least that one can do with the same library: bare
// whatsmeow clients that keep everything in memory, call a webhook for each
// message themselves and send when they are asked over HTTP. Nothing survives
// its process; what Roost takes more is the price of what it promises.
package floor

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types/events"
	waLog "go.mau.fi/whatsmeow/util/log"
	"golang.org/x/sync/errgroup"

	"roost/local/bench/child"
	"roost/local/bench/world"
	"roost/simulator"
	"roost/simulator/companion"
	"roost/simulator/linking"
)

// Command makes this program a floor.
const Command = "bench-floor"

// Args is what the process is told.
type Args struct {
	World   string // URL
	Fleet   world.Fleet
	Count   int    // clients that are linked
	PreKeys uint32 // that each has uploaded
	Rate    int    // logins at the same time
}

// List is the command line.
func (a Args) List() []string {
	return []string{
		Command, "-world", a.World, "-fleet", fmt.Sprint(int(a.Fleet)), "-count", fmt.Sprint(a.Count),
		"-prekeys", fmt.Sprint(a.PreKeys), "-rate", fmt.Sprint(a.Rate),
	}
}

func argsOf(list []string) (Args, error) {
	var a Args
	flags := flag.NewFlagSet(Command, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&a.World, "world", "", "URL")
	flags.IntVar((*int)(&a.Fleet), "fleet", 0, "number")
	flags.IntVar(&a.Count, "count", 0, "of clients")
	preKeys := flags.Uint("prekeys", 0, "of each")
	flags.IntVar(&a.Rate, "rate", 0, "logins at the same time")
	err := flags.Parse(list)
	a.PreKeys = uint32(*preKeys)
	return a, err
}

// bare is the process.
type bare struct {
	args    Args
	http    *http.Client // to WhatsApp
	hook    *http.Client
	mu      sync.Mutex
	clients []*whatsmeow.Client
	pairing []*whatsmeow.Client
}

// Run serves until ctx ends or alive does. It prints its address when its
// clients are linked, and logs them in when it is told to.
func Run(ctx context.Context, list []string, alive io.Reader, out io.Writer) error {
	args, err := argsOf(list)
	if err != nil {
		return err
	}
	ctx, cancel := child.Until(ctx, alive)
	defer cancel()
	if err := trust(ctx, args.World); err != nil {
		return err
	}
	f := &bare{args: args, http: simulator.HTTPClient(args.World), hook: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
	if err := f.enrol(ctx); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: f.routes(), ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	fmt.Fprintf(out, "at http://%s\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// trust makes the library trust the simulated WhatsApp.
func trust(ctx context.Context, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/simulator", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var about struct {
		RootPublicKey string `json:"rootPublicKey"`
	}
	if err := json.NewDecoder(response.Body).Decode(&about); err != nil {
		return err
	}
	_, err = hex.Decode(whatsmeow.WACertPubKey[:], []byte(about.RootPublicKey))
	return err
}

// enrol makes the clients.
func (f *bare) enrol(ctx context.Context) error {
	f.clients = make([]*whatsmeow.Client, f.args.Count)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(16)
	for i := range f.clients {
		group.Go(func() error {
			name := fmt.Sprintf("Person %d", i)
			st := &companion.Store{}
			d := companion.NewDevice(st)
			err := companion.Enrol(ctx, d, name, f.args.PreKeys, func(ctx context.Context, e linking.Enrolment) (linking.Enrolled, error) {
				return world.Enrol(ctx, f.args.World, f.args.Fleet.Phone(i), name, e)
			})
			f.clients[i] = f.client(whatsmeow.NewClient(d, waLog.Noop), i)
			return err
		})
	}
	return group.Wait()
}

func (f *bare) client(c *whatsmeow.Client, i int) *whatsmeow.Client {
	c.SetWebsocketHTTPClient(f.http)
	c.SetPreLoginHTTPClient(f.http)
	c.SetMediaHTTPClient(f.http)
	name := f.args.Fleet.Name(i)
	c.AddEventHandler(func(evt any) {
		if m, ok := evt.(*events.Message); ok {
			f.tell(name, m)
		}
	})
	return c
}

// tell calls the webhook, as a program would that has nothing else to do.
func (f *bare) tell(name string, m *events.Message) {
	body, err := json.Marshal(map[string]any{"event": "messages.upsert", "instance": name, "data": map[string]any{
		"key":     map[string]any{"id": m.Info.ID, "remoteJid": m.Info.Chat.String(), "fromMe": m.Info.IsFromMe},
		"message": m.Message, "messageTimestamp": m.Info.Timestamp.Unix(), "pushName": m.Info.PushName,
	}})
	if err != nil {
		return
	}
	response, err := f.hook.Post(f.args.World+"/hook", "application/json", bytes.NewReader(body)) //nolint:noctx // it ends with the process
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
}
