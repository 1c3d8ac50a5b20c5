package evolution

import (
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
	for _, n := range numbers {
		if strings.HasSuffix(core.Address(n), "@g.us") {
			return answer{}, bare(refuse("This server does not look up groups yet: " + n))
		}
	}
	found, err := h.core.Lookup(r.Context(), r.instance, numbers)
	if err != nil {
		return answer{}, bare(err)
	}
	// Broadcasts come first, as in Evolution.
	slices.SortStableFunc(found, func(a, b core.Contact) int {
		switch {
		case a.Person() == b.Person():
			return 0
		case b.Person():
			return -1
		default:
			return 1
		}
	})
	out := make([]numberJSON, len(found))
	for n, c := range found {
		out[n] = numberRow(c)
	}
	return ok(out)
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
