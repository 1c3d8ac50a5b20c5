package aspx_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"roost/functions/api/apitest"
	"roost/shared/command"
)

func TestPresence(t *testing.T) {
	t.Parallel()
	w, i := shop(t)
	want(t, "closed", ask(t, w, "POST", "subscribe.aspx", `{"number":"4915550002"}`), 200, `{"sucesso":false,"error":"Connection Closed"}`)
	w.Link(t, i)
	w.Host.Tell(func(h *apitest.Host) { h.Absent["4915550009"] = true })
	const number = `"number":"4915550002@s.whatsapp.net"`
	for _, c := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"subscribe", `{` + number + `}`, 200, `{"sucesso":true}`},
		{"subscribe", `{"number":"4915550009"}`, 200, `{"sucesso":false,"error":"the number is not on WhatsApp"}`},
		{"subscribe", `{}`, 400, `{"status":0,"error":"number is missing"}`},
		{"send_presence", `{` + number + `,"presence":"composing"}`, 200, `{"sucesso":true}`},
		{"send_presence", `{"presence":"available"}`, 200, `{"sucesso":true}`},
		{"send_presence", `{"presence":"paused"}`, 400, `{"status":0,"error":"number is missing"}`},
		{"send_presence", `{` + number + `,"presence":"asleep"}`, 400, `{"status":0,"error":"presence: is none of available, unavailable, composing, recording, paused"}`},
		{"mark_read", `{` + number + `,"id":"A1"}`, 200, `{"sucesso":true}`},
		{"mark_read", `{"number":"120363041234567890@g.us","id":"A1","participant":"4915550002"}`, 200, `{"sucesso":true}`},
		{"mark_read", `{` + number + `}`, 400, `{"status":0,"error":"id is missing"}`},
	} {
		want(t, c.name+" "+c.body, ask(t, w, "POST", c.name+".aspx", c.body), c.status, c.want)
	}
	var got []command.Kind
	for _, kind := range w.Host.Commands() {
		if kind != command.CheckNumbers {
			got = append(got, kind)
		}
	}
	asked := []command.Kind{command.WatchPresence, command.ShowPresence, command.ShowPresence, command.MarkRead, command.MarkRead}
	if diff := cmp.Diff(asked, got); diff != "" {
		t.Error(diff)
	}
}
