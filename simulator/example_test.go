package simulator_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types/events"

	"roost/simulator"
	"roost/simulator/companion"
	"roost/simulator/content"
)

// Link an unmodified whatsmeow client to a simulated phone, and talk.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()

	sim := simulator.New(simulator.Config{})
	server := httptest.NewServer(sim)
	defer server.Close()
	defer sim.Close()
	// Clients must trust sim.RootPublicKey(), the same for all simulators of a
	// process: TestMain has said whatsmeow.WACertPubKey = sim.RootPublicKey().

	alice, _ := sim.Phone("491510000001", "Alice") // whose companion the client is
	bob, _ := sim.Contact("491510000002", "Bob")   // whom she talks to

	// companion.New is whatsmeow.NewClient, wired to the simulator and with
	// something to wait for events.
	client := companion.New(sim.HTTPClient(server.URL))
	defer client.Close()
	err := client.Pair(ctx, func(ctx context.Context, qr string) error {
		jid, err := alice.Scan(ctx, qr)
		if errors.Is(err, simulator.ErrRefresh) {
			return nil // the client shows a new code, and we are called again
		}
		fmt.Println("linked", jid)
		return err
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	// From the client to Bob ...
	sent, err := client.SendMessage(ctx, bob.PN(), &waE2E.Message{Conversation: new("hello Bob")})
	if err != nil {
		fmt.Println(err)
		return
	}
	heard, err := bob.Await(ctx, func(e content.Entry) bool { return e.ID == sent.ID })
	fmt.Println("Bob hears", heard.Kind, heard.Text, "from", heard.From, err)

	// ... and back.
	if _, err := bob.Say(simulator.Saying{To: "491510000001", Text: "hello Alice", Reply: &simulator.Reference{ID: sent.ID}}); err != nil {
		fmt.Println(err)
		return
	}
	answer, err := companion.Await(ctx, client, func(m *events.Message) bool { return m.Info.Category != "peer" }) // not what her phone tells the client
	fmt.Println("Alice hears", answer.Message.GetExtendedTextMessage().GetText(), err)

	// At the end: is everything answered, and did the client err?
	fmt.Println(sim.Settle(ctx), len(sim.Violations()))

	// Output:
	// linked 491510000001:1@s.whatsapp.net
	// Bob hears text hello Bob from 491510000001 <nil>
	// Alice hears hello Alice <nil>
	// <nil> 0
}

// The same over HTTP, for tests that are not in Go: see control_doc.go.
func Example_http() {
	sim := simulator.New(simulator.Config{})
	server := httptest.NewServer(sim)
	defer server.Close()
	defer sim.Close()

	post := func(path, body string) {
		response, err := http.Post(server.URL+path, "application/json", strings.NewReader(body))
		if err != nil {
			fmt.Println(err)
			return
		}
		defer response.Body.Close()
		fmt.Println(path, response.StatusCode)
	}
	post("/simulator/phones", `{"number": "491510000001", "name": "Alice"}`)
	post("/simulator/contacts", `{"number": "491510000002", "name": "Bob"}`)
	post("/simulator/contacts/491510000002/send", `{"to": "491510000001", "text": "hello"}`)
	post("/simulator/contacts/491510000002/send", `{"to": "nobody", "text": "hello"}`)

	// Output:
	// /simulator/phones 201
	// /simulator/contacts 201
	// /simulator/contacts/491510000002/send 201
	// /simulator/contacts/491510000002/send 404
}
