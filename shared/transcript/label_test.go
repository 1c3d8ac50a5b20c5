package transcript_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"roost/shared/event"
	"roost/shared/message"
	"roost/shared/transcript"
)

func TestLabels(t *testing.T) {
	t.Parallel()
	r := transcript.NewRepository(open(t))
	store := func(kind event.Kind, body any) error {
		encoded, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		return r.Store(t.Context(), event.Event{ID: "e", Instance: instance, Kind: kind, At: time.Now(), Body: encoded})
	}
	for _, err := range []error{
		store(event.LabelChanged, event.Label{ID: "2", Name: "Paid", Color: 3, Predefined: "1"}),
		store(event.LabelChanged, event.Label{ID: "1", Name: "New"}),
		store(event.LabelChanged, event.Label{ID: "1", Name: "Newer", Color: 1}),
		store(event.LabelChanged, event.Label{ID: "3", Name: "Gone"}),
		store(event.LabelChanged, event.Label{ID: "3", Deleted: true}),
		store(event.ChatLabelled, event.Labelled{Chat: message.Address{PN: maria.PN}, Label: "1", On: true}),
		store(event.ChatLabelled, event.Labelled{Chat: maria, Label: "2", On: true}),
		store(event.ChatLabelled, event.Labelled{Chat: maria, Label: "3", On: true}),
		store(event.ChatLabelled, event.Labelled{Chat: maria, Label: "3"}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	labels, err := r.Labels(t.Context(), instance)
	if want := []event.Label{{ID: "1", Name: "Newer", Color: 1}, {ID: "2", Name: "Paid", Color: 3, Predefined: "1"}}; err != nil || !slices.Equal(labels, want) {
		t.Errorf("labels %v, %v", labels, err)
	}
	if of, err := r.LabelsOf(t.Context(), instance, maria); err != nil || !slices.Equal(of, []string{"2", "1"}) {
		t.Errorf("labels of a chat %v, %v", of, err)
	}
	if err := r.Seal(t.Context(), instance); err != nil {
		t.Fatal(err)
	}
	if err := store(event.LabelChanged, event.Label{ID: "4", Name: "Late"}); !errors.Is(err, transcript.ErrSealed) {
		t.Errorf("after the end: %v", err)
	}
}
