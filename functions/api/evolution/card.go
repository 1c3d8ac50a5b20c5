package evolution

import (
	"encoding/json"

	"roost/shared/command"
)

func (h *Handler) sendLocation(r *request) (answer, error) {
	fields, out, err := r.message(locationBody)
	if err != nil {
		return answer{}, err
	}
	place := command.LocationArgs{
		Latitude: float(fields, "latitude"), Longitude: float(fields, "longitude"), Name: str(fields, "name"), Address: str(fields, "address"),
	}
	if place.Latitude < -90 || place.Latitude > 90 || place.Longitude < -180 || place.Longitude > 180 {
		return answer{}, refuse("latitude is from -90 to 90, and longitude from -180 to 180")
	}
	out.Args.Location = &place
	return h.send(r, out)
}

func (h *Handler) sendContact(r *request) (answer, error) {
	modernContact(&r.body)
	fields, out, err := r.message(contactBody)
	if err != nil {
		return answer{}, err
	}
	for _, card := range objects(fields, "contact") {
		out.Args.Contacts = append(out.Args.Contacts, command.ContactCard{
			Name: str(card, "fullName"), Phone: str(card, "phoneNumber"), Account: str(card, "wuid"),
			Organization: str(card, "organization"), Email: str(card, "email"), URL: str(card, "url"),
		})
	}
	return h.send(r, out)
}

// float reads what has been checked to be a number.
func float(fields map[string]any, name string) float64 {
	n, _ := fields[name].(json.Number)
	x, err := n.Float64()
	if err != nil {
		return 0
	}
	return x
}

// objects are those of an array that are objects.
func objects(fields map[string]any, name string) []map[string]any {
	list, _ := fields[name].([]any)
	out := make([]map[string]any, 0, len(list))
	for _, item := range list {
		if o, is := item.(map[string]any); is {
			out = append(out, o)
		}
	}
	return out
}
