package content

import (
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
)

// Place is a point on the map.
type Place struct {
	// Latitude and Longitude are in degrees.
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Name      string  `json:"name,omitempty"`
	Address   string  `json:"address,omitempty"`
	// Live says that the place is where somebody is and moves with them.
	Live bool `json:"live,omitempty"`
}

// Location sends a place.
func Location(place Place) *waE2E.Message {
	return &waE2E.Message{LocationMessage: &waE2E.LocationMessage{
		DegreesLatitude:  new(place.Latitude),
		DegreesLongitude: new(place.Longitude),
		Name:             optional(place.Name),
		Address:          optional(place.Address),
	}}
}

// LiveLocation shares where somebody is. Each update has the next sequence
// number. WhatsApp uses no name or address here.
func LiveLocation(place Place, caption string, sequence int64, sinceStart time.Duration) *waE2E.Message {
	return &waE2E.Message{LiveLocationMessage: &waE2E.LiveLocationMessage{
		DegreesLatitude:  new(place.Latitude),
		DegreesLongitude: new(place.Longitude),
		Caption:          optional(caption),
		SequenceNumber:   new(sequence),
		TimeOffset:       number(uint32(sinceStart / time.Second)),
	}}
}
