package evolution

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"roost/functions/api/core"
	"roost/shared/fault"
)

// maxNumbers bounds one check.
const maxNumbers = 1000

// numberJSON is what a number leads to.
type numberJSON struct {
	JID    string `json:"jid"`
	Exists bool   `json:"exists"`
	Number string `json:"number"` // as sent
	Name   string `json:"name,omitempty"`
	LID    string `json:"lid,omitempty"`
}

func numberRow(c core.Contact) numberJSON {
	return numberJSON{JID: c.JID, Exists: c.Exists, Number: c.Number, Name: c.Name, LID: c.LID}
}

// whatsappNumbers answers its errors without the envelope, alone of all routes.
func (h *Handler) whatsappNumbers(r *request) (answer, error) {
	if err := numbersBody.validate(&r.body); err != nil {
		return answer{}, bare(err)
	}
	numbers := strs(r.body.object(), "numbers")
	if len(numbers) > maxNumbers {
		return answer{}, bare(refuse("At most 1000 numbers can be checked at once"))
	}
	found, err := h.core.Lookup(r.Context(), r.instance, numbers)
	if err != nil {
		return answer{}, bare(err)
	}
	for n := range found {
		if err := h.findGroupOf(r, &found[n]); err != nil {
			return answer{}, bare(err)
		}
		if rank(found[n]) == 0 { // it can be written to, and is nobody's number: Evolution says no
			found[n].Exists = false
		}
	}
	slices.SortStableFunc(found, func(a, b core.Contact) int { return cmp.Compare(rank(a), rank(b)) })
	out := make([]numberJSON, len(found))
	for n, c := range found {
		out[n] = numberRow(c)
	}
	return ok(out)
}

// rank is the order of Evolution's answer: broadcasts, groups, people.
func rank(c core.Contact) int {
	switch {
	case c.Person():
		return 2
	case strings.HasSuffix(c.JID, "@g.us"):
		return 1
	default:
		return 0
	}
}

// findGroupOf says of a group whether the account is in it, and its name.
func (h *Handler) findGroupOf(r *request, c *core.Contact) error {
	if rank(*c) != 1 {
		return nil
	}
	g, err := h.core.Group(r.Context(), r.instance, c.JID, false)
	switch fault.KindOf(err) { //nolint:exhaustive // the rest says nothing about the group
	case fault.NotFound, fault.Forbidden, fault.Invalid:
		c.Exists = false
		return nil
	}
	c.Name = g.Subject
	return err
}

// closedSocket is what Evolution lets through of its client library's error.
const closedSocket = `{"data":null,"isBoom":true,"isServer":false,"output":{"statusCode":428,"payload":` +
	`{"statusCode":428,"error":"Precondition Required","message":"Connection Closed"},"headers":{}}}`

// bare takes an error out of the envelope.
func bare(err error) error {
	p := problemOf(err)
	if fault.KindOf(err) == fault.Conflict {
		return &problem{status: http.StatusBadRequest, raw: rawJSON(closedSocket)}
	}
	return &problem{status: p.status, raw: struct {
		Status  int    `json:"status"`
		Error   string `json:"error"`
		Message any    `json:"message"`
	}{p.status, http.StatusText(p.status), p.message}}
}

type rawJSON string

// MarshalJSON implements json.Marshaler.
func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }
