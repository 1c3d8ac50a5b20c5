package aspx

import (
	"strings"

	"roost/functions/api/core"
	"roost/shared/command"
)

// sendContact sends a contact card as its sender has written it.
func (h *Handler) sendContact(r *request) (answer, error) {
	var in struct {
		Number word   `json:"number"`
		Name   string `json:"name"`
		VCard  string `json:"vcard"`
	}
	if err := r.read(&in); err != nil {
		return notSent(err)
	}
	name, whole := cardName(in.VCard)
	if !whole {
		return notSent(refuse("vcard is no vCard"))
	}
	if in.Name == "" {
		in.Name = name
	}
	if in.Name == "" {
		return notSent(refuse("name is missing, and the vCard has no FN"))
	}
	card := command.ContactCard{Name: in.Name, VCard: strings.TrimSpace(in.VCard)}
	m, err := h.send(r, core.Outgoing{Number: string(in.Number), Args: command.SendArgs{Contacts: []command.ContactCard{card}}})
	if err != nil {
		return notSent(err)
	}
	said := sentText{m.ID}
	return ok(sent{Success: true, Sucesso: true, Message: said, Mensagem: said})
}

// cardName is the formatted name in a vCard (RFC 6350, 6.2.1), and whether it is
// one at all.
func cardName(text string) (name string, whole bool) {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) < 2 || !strings.EqualFold(strings.TrimSpace(lines[0]), "BEGIN:VCARD") ||
		!strings.EqualFold(strings.TrimSpace(lines[len(lines)-1]), "END:VCARD") {
		return "", false
	}
	for _, line := range lines {
		field, value, _ := strings.Cut(line, ":")
		if field, _, _ = strings.Cut(field, ";"); strings.EqualFold(field, "FN") {
			return strings.TrimSpace(strings.NewReplacer(`\,`, ",", `\;`, ";", `\\`, `\`).Replace(value)), true
		}
	}
	return "", true
}
