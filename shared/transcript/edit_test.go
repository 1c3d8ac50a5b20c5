package transcript_test

import (
	"encoding/json"
	"testing"

	"roost/shared/message"
	"roost/shared/transcript"
)

// edits makes a message an edit of another.
func edits(m message.Message, target, text string) message.Message {
	m.Kind, m.Text, m.Target = "protocolMessage", text, &message.Target{ID: target, Act: "edit"}
	m.Content = json.RawMessage(`{"protocolMessage":{"editedMessage":{"conversation":"` + text + `"}}}`)
	return m
}

// shown is what a message says, by its latest edit, and which that is.
func shown(t *testing.T, r *transcript.Repository, id string) (text, edit string) {
	t.Helper()
	found, err := r.Find(t.Context(), instance, id)
	if err != nil || len(found) != 1 {
		t.Fatalf("%+v, %v", found, err)
	}
	listed, err := r.List(t.Context(), instance, transcript.Listing{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range listed.Entries {
		if e.ID == found[0].ID && (e.Edit == nil) != (found[0].Edit == nil) {
			t.Errorf("the list shows %+v, by its id it is %+v", e.Edit, found[0].Edit)
		}
	}
	m, err := found[0].Message()
	if err != nil {
		t.Fatal(err)
	}
	if found[0].Edit == nil {
		return m.Text, ""
	}
	if m.Text != id {
		t.Errorf("what was said first is lost: %q", m.Text)
	}
	return found[0].Edit.Message.Text, found[0].Edit.ID
}

func TestLatestEdit(t *testing.T) {
	t.Parallel()
	group := message.Address{PN: "120@g.us"}
	inGroup := func(m message.Message, by message.Address) message.Message {
		m.Group, m.Sender = true, by
		return m
	}
	jo := message.Address{PN: "49@s.whatsapp.net"}
	mine := func(m message.Message) message.Message { m.FromMe = true; return m }
	for name, c := range map[string]struct {
		told       []any
		text, edit string
	}{
		"one":                {[]any{received("A", maria, 1), edits(received("E", maria, 2), "A", "new")}, "new", "E"},
		"the latest":         {[]any{received("A", maria, 1), edits(received("E", maria, 2), "A", "new"), edits(received("F", maria, 3), "A", "newer")}, "newer", "F"},
		"told in disorder":   {[]any{received("A", maria, 1), edits(received("F", maria, 3), "A", "newer"), edits(received("E", maria, 2), "A", "new")}, "newer", "F"},
		"before its message": {[]any{edits(received("E", maria, 2), "A", "new"), received("A", maria, 1)}, "new", "E"},
		"one's own":          {[]any{sent("A", maria, 1), edits(sent("E", maria, 2), "A", "new")}, "new", "E"},
		"under its other name": {
			[]any{received("A", message.Address{PN: maria.PN}, 1), received("B", maria, 2), edits(received("E", message.Address{LID: maria.LID}, 3), "A", "new")}, "new", "E",
		},
		"of what others wrote":  {[]any{sent("A", maria, 1), edits(received("E", maria, 2), "A", "new")}, "A", ""},
		"of what I wrote":       {[]any{mine(received("A", maria, 1)), edits(sent("E", maria, 2), "A", "new")}, "new", "E"},
		"early, of another's":   {[]any{edits(received("E", maria, 2), "A", "new"), sent("A", maria, 1)}, "A", ""},
		"in another chat":       {[]any{received("A", maria, 1), edits(received("E", jo, 2), "A", "new")}, "A", ""},
		"of another in a group": {[]any{inGroup(received("A", group, 1), maria), edits(inGroup(received("E", group, 2), jo), "A", "new")}, "A", ""},
		"in a group": {
			[]any{inGroup(received("A", group, 1), message.Address{LID: maria.LID}), edits(inGroup(received("E", group, 2), maria), "A", "new")}, "new", "E",
		},
		"early in a group": {[]any{edits(inGroup(received("E", group, 2), maria), "A", "new"), inGroup(received("A", group, 1), maria)}, "new", "E"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tbl, bucket := open(t)
			r := transcript.NewRepository(tbl, bucket)
			for range 2 { // told again, nothing changes
				store(t, r, c.told...)
				if text, edit := shown(t, r, "A"); text != c.text || edit != c.edit {
					t.Errorf("%q by %q, want %q by %q", text, edit, c.text, c.edit)
				}
			}
		})
	}
}
