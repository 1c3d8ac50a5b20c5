package aspx

import (
	"fmt"
	"strings"
	"time"

	"roost/functions/api/core"
	"roost/shared/group"
	"roost/shared/message"
)

// groupContact is a group as a contact, with what only groups have.
type groupContact struct {
	contact
	OriginalPicture  string `json:"OriginalPicture"`
	LastPresenceTime int64  `json:"LastPresenceTime"`
	GroupInformation string `json:"GroupInformation"` // JSON as text
}

type groupInformation struct {
	ID           string        `json:"id"`
	Subject      string        `json:"subject"`
	SubjectOwner string        `json:"subjectOwner"`
	SubjectTime  int64         `json:"subjectTime"` // Unix s
	Owner        string        `json:"owner"`
	Creation     int64         `json:"creation"` // Unix s
	Participants []participant `json:"participants"`
}

type participant struct {
	ID           string `json:"id"`
	IsAdmin      bool   `json:"isAdmin"`
	IsSuperAdmin bool   `json:"isSuperAdmin"`
}

// contactOfGroup is a group in the dialect's words.
func contactOfGroup(g group.Group, picture string) groupContact {
	about := groupInformation{
		ID: g.ID, Subject: g.Subject, SubjectOwner: g.SubjectBy.String(), SubjectTime: unix(g.SubjectAt),
		Owner: g.Owner.String(), Creation: unix(g.Created), Participants: []participant{},
	}
	for _, m := range g.Members {
		about.Participants = append(about.Participants, participant{
			ID: m.Address.String(), IsAdmin: m.Rank != "", IsSuperAdmin: m.Rank == group.SuperAdmin,
		})
	}
	first, _, _ := strings.Cut(g.Subject, " ")
	return groupContact{
		contact: contact{
			JID: g.ID, Short: first, Name: g.Subject, Picture: picture, LastUpdate: time.Now().UTC().Truncate(time.Second), Status: 200, IsGroup: true,
		},
		OriginalPicture: picture, GroupInformation: string(encode(about)),
	}
}

func unix(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.Unix()
}

// people are those between commas.
func people(list string) []string {
	var out []string
	for one := range strings.SplitSeq(list, ",") {
		if one = strings.TrimSpace(one); one != "" {
			out = append(out, one)
		}
	}
	return out
}

// createGroup makes a group.
func (h *Handler) createGroup(r *request) (answer, error) {
	var in struct {
		Name         string `json:"name"`
		Participants string `json:"participants"`
	}
	if err := r.read(&in); err != nil {
		return notSent(err)
	}
	who := people(in.Participants)
	if strings.TrimSpace(in.Name) == "" || len(who) == 0 {
		return notSent(refuse("name and participants must not be empty"))
	}
	g, err := h.core.CreateGroup(r.Context(), r.instance, core.NewGroup{Subject: in.Name, Numbers: who})
	if err != nil {
		return notSent(err)
	}
	return h.groupDone(r, g, "")
}

func (h *Handler) addToGroup(r *request) (answer, error) { return h.moveMembers(r, group.Add) }

func (h *Handler) removeFromGroup(r *request) (answer, error) { return h.moveMembers(r, group.Remove) }

// moveMembers answers with the group as it is then. It is a failure when nobody
// was moved; who was not is told beside a success too.
func (h *Handler) moveMembers(r *request, action string) (answer, error) {
	var in struct {
		JID          string `json:"jid"`
		Participants string `json:"participants"`
	}
	if err := r.read(&in); err != nil {
		return notSent(err)
	}
	who := people(in.Participants)
	if len(who) == 0 {
		return notSent(refuse("participants must not be empty"))
	}
	id := core.GroupJID(in.JID)
	moved, err := h.core.MoveMembers(r.Context(), r.instance, id, action, who)
	if err != nil {
		return notSent(err)
	}
	done, refused := 0, []string{}
	for _, m := range moved {
		if m.Status == 200 {
			done++
		} else {
			refused = append(refused, fmt.Sprintf("%s: %s", m.Address, whyNot(m.Status)))
		}
	}
	sentence := strings.Join(refused, "; ")
	if done == 0 {
		return ok(sent{Error: sentence})
	}
	g, err := h.core.Group(r.Context(), r.instance, id, false)
	if err != nil { // they have moved all the same
		g = group.Group{ID: id, Owner: message.Address{}}
	}
	return h.groupDone(r, g, sentence)
}

func (h *Handler) groupDone(r *request, g group.Group, sentence string) (answer, error) {
	pictures, err := h.pictures(r)
	if err != nil {
		return answer{}, err
	}
	said := contactOfGroup(g, pictures(g.ID))
	return ok(sent{Success: true, Sucesso: true, Message: said, Mensagem: said, Error: sentence})
}

// whyNot puts WhatsApp's code for a member into words.
func whyNot(status int) string {
	switch status {
	case 403:
		return "does not let others add them"
	case 404:
		return "is not there"
	case 408:
		return "has left lately"
	case 409:
		return "is in the group already"
	}
	return fmt.Sprintf("WhatsApp answered %d", status)
}
