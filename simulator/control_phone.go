package simulator

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"go.mau.fi/whatsmeow/types"
)

// followLimit is how long a scan that follows stays open.
const followLimit = 25 * time.Second

// identity is what the API calls an account.
type identity struct {
	Number string    `json:"number"`
	LID    types.JID `json:"lid"`
}

// portrait is an account with what the server knows of it.
type portrait struct {
	identity

	Name        string         `json:"name"`
	PasskeyCode string         `json:"passkeyCode,omitempty"`
	Companions  []linkedDevice `json:"companions"`
}

// linkedDevice is a companion as the server sees it.
type linkedDevice struct {
	Device uint16    `json:"device"`
	JID    types.JID `json:"jid"`
	LID    types.JID `json:"lid"`
	Online bool      `json:"online"`
	Owed   int       `json:"owed"`
}

func (u *User) identity() identity { return identity{u.pn.User, u.lid} }

func (u *User) portrait() portrait {
	p := portrait{identity: u.identity(), Name: u.Name(), PasskeyCode: u.PasskeyCode(), Companions: []linkedDevice{}}
	for _, d := range u.companions() {
		p.Companions = append(p.Companions, linkedDevice{
			Device: d.id, JID: d.pn(), LID: d.lid(), Online: d.online() != nil, Owed: u.Owed(d.id),
		})
	}
	return p
}

func (s *Simulator) addPhone(r *http.Request) (answer, error)   { return addPerson(r, s.Phone) }
func (s *Simulator) addContact(r *http.Request) (answer, error) { return addPerson(r, s.Contact) }

func addPerson(r *http.Request, add func(number, name string) (*User, error)) (answer, error) {
	var body struct {
		Number string `json:"number"`
		Name   string `json:"name"`
	}
	if err := readBody(r, &body); err != nil {
		return answer{}, err
	}
	u, err := add(body.Number, body.Name)
	if err != nil {
		return answer{}, err
	}
	if body.Name != "" && body.Name != u.Name() {
		u.Rename(body.Name)
	}
	return created(u.identity())
}

func (s *Simulator) listPhones(*http.Request) (answer, error) {
	return ok(s.portraits(func(u *User) bool { return u.phone.Load() }))
}

func (s *Simulator) listContacts(*http.Request) (answer, error) {
	return ok(s.portraits(func(u *User) bool { return u.contact.Load() }))
}

func (s *Simulator) portraits(which func(*User) bool) []portrait {
	out := []portrait{}
	for _, u := range s.everybody() {
		if which(u) {
			out = append(out, u.portrait())
		}
	}
	slices.SortFunc(out, func(a, b portrait) int { return cmp.Compare(a.Number, b.Number) })
	return out
}

func (u *User) controlPerson(*http.Request) (answer, error) { return ok(u.portrait()) }

// linked is the answer of a phone that has linked a companion.
type linked struct {
	JID types.JID `json:"jid"`
}

func (u *User) controlScan(r *http.Request) (answer, error) {
	var body struct {
		QR     *string `json:"qr"`
		Follow bool    `json:"follow"`
	}
	if err := readBody(r, &body); err != nil {
		return answer{}, err
	}
	if body.QR == nil {
		return answer{}, badRequest("qr is missing: the text of a QR code")
	}
	scan := u.Scan
	if body.Follow {
		scan = u.ScanAndFollow
	}
	ctx, cancel := context.WithTimeout(r.Context(), followLimit)
	defer cancel()
	jid, err := scan(ctx, *body.QR)
	if err != nil {
		return answer{}, err
	}
	return ok(linked{jid})
}

func (u *User) controlCode(r *http.Request) (answer, error) {
	var body struct {
		Code *string `json:"code"`
	}
	if err := readBody(r, &body); err != nil {
		return answer{}, err
	}
	if body.Code == nil {
		return answer{}, badRequest("code is missing: the pairing code that the client shows")
	}
	jid, err := u.EnterCode(r.Context(), *body.Code)
	if err != nil {
		return answer{}, err
	}
	return ok(linked{jid})
}

func (u *User) controlPasskey(r *http.Request) (answer, error) {
	var body struct {
		Request json.RawMessage `json:"request"`
	}
	if err := readBody(r, &body); err != nil {
		return answer{}, err
	}
	request := []byte(body.Request)
	var text string
	if json.Unmarshal(request, &text) == nil && text != "" {
		request = []byte(text)
	}
	if len(request) == 0 || request[0] != '{' {
		return answer{}, badRequest("request is missing: the WebAuthn request that the client got")
	}
	response, err := u.AnswerPasskey(request)
	if err != nil {
		return answer{}, badRequest("%v", err)
	}
	return ok(json.RawMessage(response))
}

func (u *User) controlUnlink(r *http.Request) (answer, error) {
	var body struct {
		Device *uint16 `json:"device"`
	}
	if err := readOptionalBody(r, &body); err != nil {
		return answer{}, err
	}
	var chosen []uint16
	if body.Device != nil {
		chosen = append(chosen, *body.Device)
	}
	if err := u.Unlink(chosen...); err != nil {
		return answer{}, err
	}
	return ok(empty{})
}

func (u *User) controlMirror(*http.Request) (answer, error) { return ok(list(u.Mirrored())) }

func (u *User) controlSettings(*http.Request) (answer, error) {
	s := u.Settings()
	s.Starred = list(s.Starred)
	for chat, c := range s.Chats {
		c.Labels = list(c.Labels)
		s.Chats[chat] = c
	}
	return ok(s)
}
