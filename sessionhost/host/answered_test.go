package host_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"roost/sessionhost/host"
	"roost/shared/command"
	"roost/shared/event"
	"roost/shared/instance"
	"roost/shared/message"
	"roost/shared/queue"
)

// A command comes several times, by both queues and to two hosts, and is done
// once, whether the host asks the table for that or knows by itself.
func TestCommandsAreDoneOnce(t *testing.T) {
	t.Parallel()
	for name, settled := range map[string]time.Duration{"asks": time.Hour, "knows": time.Nanosecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			set := func(c *host.Config) { c.Settled = settled }
			stop := w.hosted("host-1", set)
			i := w.create("once")
			w.link(i, "491510000001")
			bob, err := w.Contact("491510000002", "Bob")
			must(t, err)
			say := func() { // the last thing on the queues has been done when this has
				text := message.NewID()
				w.do(i, command.SendMessage, command.SendArgs{MessageID: text, To: bob.PN().String(), Text: &command.TextArgs{Text: text}}, nil)
				for w.said(w.next(event.MessageSent)).ID != text {
				}
			}
			body, err := json.Marshal(command.Command{
				ID: uuid.NewString(), Instance: i.ID, Kind: command.Restart, Deadline: time.Now().Add(command.MaxWait),
			})
			must(t, err)
			copies := 0
			deliver := func(to string) {
				q, err := w.queues.Open(w.ctx, to, command.Options)
				must(t, err)
				copies++
				must(t, q.Send(w.ctx, queue.Message{Group: string(i.ID), Deduplication: fmt.Sprint("copy-", copies), Body: body}))
			}
			logins := w.Logins()
			deliver(command.QueueOf("host-1"))
			w.until(i, "restarted", func(i instance.Instance, o *instance.Offer) bool { return w.Logins() > logins && open(i, o) })
			for range 3 {
				deliver(command.QueueOf("host-1"))
			}
			say()
			if n := w.Logins() - logins; n != 1 {
				t.Errorf("one command, sent %d times, restarted %d times", copies, n)
			}
			if stop(); settled < time.Hour {
				return // the next one would believe to know as well
			}
			stop = w.hosted("host-2", set)
			w.until(i, "open again", open)
			logins = w.Logins()
			deliver(command.QueueOf("host-2"))
			say()
			if n := w.Logins() - logins; n != 0 {
				t.Errorf("what another host had done was done again %d times", n)
			}
			stop()
		})
	}
}
