package baileys_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"roost/simulator"
	"roost/simulator/companion"
)

// Numbers of the accounts that test/whatsmeow.test.js talks to.
const (
	echoNumber   = "491510000001" // answers what others write
	sharedNumber = "491510000002" // answers what its other companions write
)

// partner is a whatsmeow client that repeats what it hears, until the test
// ends: texts with a word in front, pictures as they are.
type partner struct {
	*companion.Client
	word string                      // in front of a repeated text
	mine bool                        // it repeats what its account has sent, not what others have
	done func(*events.Message) error // after the answer
}

// startPartners links the clients that test/whatsmeow.test.js talks to, and
// returns what it must know.
func startPartners(ctx context.Context, t *testing.T, sim *simulator.Simulator, hc *http.Client) []string {
	t.Helper()
	echo := &partner{Client: linkPartner(ctx, t, sim, hc, echoNumber, "Echo"), word: "echo: "}
	echo.done = func(e *events.Message) error {
		return echo.MarkRead(ctx, []types.MessageID{e.Info.ID}, e.Info.Timestamp, e.Info.Chat, e.Info.Sender)
	}
	shared := &partner{Client: linkPartner(ctx, t, sim, hc, sharedNumber, "Shared"), word: "seen: ", mine: true}
	shared.done = func(*events.Message) error { return nil }

	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	for _, p := range []*partner{echo, shared} {
		running.Go(func() {
			if err := p.run(ctx); err != nil && !errors.Is(ctx.Err(), context.Canceled) {
				t.Errorf("whatsmeow client %q: %v", p.word, err)
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		running.Wait()
		echo.Close()
		shared.Close()
	})
	return []string{"ECHO_NUMBER=" + echoNumber, "SHARED_NUMBER=" + sharedNumber}
}

func linkPartner(ctx context.Context, t *testing.T, sim *simulator.Simulator, hc *http.Client, number, name string) *companion.Client {
	t.Helper()
	u, err := sim.Phone(number, name)
	if err != nil {
		t.Fatal(err)
	}
	c := companion.New(hc)
	err = c.Pair(ctx, func(ctx context.Context, qr string) error {
		_, err := u.Scan(ctx, qr)
		return err
	})
	if err != nil {
		t.Fatalf("link whatsmeow to %s: %v", number, err)
	}
	return c
}

// run answers messages until ctx ends.
func (p *partner) run(ctx context.Context) error {
	for {
		e, err := companion.Await[*events.Message](ctx, p.Client)
		if err != nil {
			return err
		}
		if e.Info.IsFromMe != p.mine {
			continue
		}
		answer, err := p.repeat(ctx, e.Message)
		if err != nil {
			return err
		}
		if answer == nil {
			continue
		}
		if _, err := p.SendMessage(ctx, e.Info.Chat, answer); err != nil {
			return err
		}
		if err := p.done(e); err != nil {
			return err
		}
	}
}

// repeat is the answer to a message, nil for what wants none.
func (p *partner) repeat(ctx context.Context, m *waE2E.Message) (*waE2E.Message, error) {
	if image := m.GetImageMessage(); image != nil {
		file, err := p.Download(ctx, image)
		if err != nil {
			return nil, err
		}
		up, err := p.Upload(ctx, file, whatsmeow.MediaImage)
		return &waE2E.Message{ImageMessage: &waE2E.ImageMessage{
			Caption: image.Caption, Mimetype: new("image/jpeg"),
			URL: &up.URL, DirectPath: &up.DirectPath, MediaKey: up.MediaKey,
			FileEncSHA256: up.FileEncSHA256, FileSHA256: up.FileSHA256, FileLength: &up.FileLength,
		}}, err
	}
	text := m.GetConversation() + m.GetExtendedTextMessage().GetText()
	if text == "" || strings.HasPrefix(text, p.word) {
		return nil, nil
	}
	return &waE2E.Message{Conversation: new(p.word + text)}, nil
}
