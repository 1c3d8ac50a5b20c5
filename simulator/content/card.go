package content

import (
	"fmt"
	"strings"

	"go.mau.fi/whatsmeow/proto/waE2E"
)

// Card is a contact card.
type Card struct {
	Name string `json:"name"`
	// Phone is an international number, digits only. It is not read from
	// received cards.
	Phone string `json:"-"`
	// VCard is the whole card. Empty means one made of Name and Phone.
	VCard string `json:"vcard"`
}

// ContactCards sends one or more contact cards.
func ContactCards(first Card, more ...Card) *waE2E.Message {
	if len(more) == 0 {
		return &waE2E.Message{ContactMessage: first.proto()}
	}
	contacts := []*waE2E.ContactMessage{first.proto()}
	for _, card := range more {
		contacts = append(contacts, card.proto())
	}
	return &waE2E.Message{ContactsArrayMessage: &waE2E.ContactsArrayMessage{
		DisplayName: new(fmt.Sprintf("%d contacts", len(contacts))),
		Contacts:    contacts,
	}}
}

func (c Card) proto() *waE2E.ContactMessage {
	vcard := c.VCard
	if vcard == "" {
		// waid is what makes phones show "Message" under the card.
		name := vcardText.Replace(c.Name)
		vcard = "BEGIN:VCARD\nVERSION:3.0\nN:;" + name + ";;;\nFN:" + name +
			"\nTEL;type=CELL;type=VOICE;waid=" + c.Phone + ":+" + c.Phone + "\nEND:VCARD"
	}
	return &waE2E.ContactMessage{DisplayName: new(c.Name), Vcard: new(vcard)}
}

// vcardText escapes as RFC 2426, section 4 asks.
var vcardText = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`)
