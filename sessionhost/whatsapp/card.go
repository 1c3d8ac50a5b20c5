package whatsapp

import (
	"strconv"
	"strings"

	"go.mau.fi/whatsmeow/proto/waE2E"

	"roost/shared/command"
)

// contactMessage is one card, or several under a common name.
func contactMessage(cards []command.ContactCard) *waE2E.Message {
	each := make([]*waE2E.ContactMessage, len(cards))
	for n, card := range cards {
		each[n] = &waE2E.ContactMessage{DisplayName: &card.Name, Vcard: new(vcard(card))}
	}
	if len(each) == 1 {
		return &waE2E.Message{ContactMessage: each[0]}
	}
	return &waE2E.Message{ContactsArrayMessage: &waE2E.ContactsArrayMessage{
		DisplayName: new(strconv.Itoa(len(each)) + " contacts"), Contacts: each,
	}}
}

// vcard writes a card as phones do (RFC 2426, and waid for the account on
// WhatsApp).
func vcard(c command.ContactCard) string {
	if c.VCard != "" {
		return c.VCard
	}
	lines := []string{"BEGIN:VCARD", "VERSION:3.0", "N:" + escapeCard(c.Name), "FN:" + escapeCard(c.Name)}
	for _, field := range []struct{ name, value, end string }{{"ORG", c.Organization, ";"}, {"EMAIL", c.Email, ""}, {"URL", c.URL, ""}} {
		if field.value != "" {
			lines = append(lines, field.name+":"+escapeCard(field.value)+field.end)
		}
	}
	phone := "item1.TEL"
	if c.Account != "" {
		phone += ";waid=" + c.Account
	}
	lines = append(lines, phone+":"+escapeCard(c.Phone), "item1.X-ABLabel:Celular", "END:VCARD")
	return strings.Join(lines, "\n")
}

// escapeCard keeps a value from being read as more than one (RFC 2426, 2.4.2).
func escapeCard(value string) string {
	return strings.NewReplacer(`\`, `\\`, "\r\n", `\n`, "\n", `\n`, "\r", `\n`, ",", `\,`, ";", `\;`).Replace(value)
}
