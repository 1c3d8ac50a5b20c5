package evolution

import (
	"roost/functions/api/evolution/metadata"
	"roost/shared/event"
	groups "roost/shared/group"
	"roost/shared/message"
)

// groupJoined is a group that is new to the account, and so is its chat.
func groupJoined(e event.Event, g groups.Group) ([]Payload, error) {
	return []Payload{
		{Event: "groups.upsert", Data: []metadata.Group{metadata.Raw(g)}},
		{Event: "chats.upsert", Data: []chatUpsert{{RemoteJID: g.ID, InstanceID: string(e.Instance), Name: g.Subject}}},
	}, nil
}

// groupUpdate has what has changed of a group, by the names that a whole group
// has. Evolution computes this event's name wrongly and never delivers it.
type groupUpdate struct {
	ID          string  `json:"id"`
	Author      string  `json:"author,omitempty"`
	AuthorPN    string  `json:"authorPn,omitempty"`
	Subject     *string `json:"subject,omitempty"`
	SubjectTime int64   `json:"subjectTime,omitempty"`
	Description *string `json:"desc,omitempty"`
	Announce    *bool   `json:"announce,omitempty"`
	Restrict    *bool   `json:"restrict,omitempty"`
	Ephemeral   *int    `json:"ephemeralDuration,omitempty"`
	MemberAdd   *bool   `json:"memberAddMode,omitempty"`
	Approval    *bool   `json:"joinApprovalMode,omitempty"`
	InviteCode  *string `json:"inviteCode,omitempty"`
}

func groupChanged(_ event.Event, c groups.Change) ([]Payload, error) {
	s := c.Settings
	data := groupUpdate{
		ID: c.Group, Author: c.By.Key(), AuthorPN: c.By.PN, Subject: s.Subject, Description: s.Description, Announce: s.Announce,
		Restrict: s.Locked, Ephemeral: s.Ephemeral, MemberAdd: s.MembersAdd, Approval: s.Approval, InviteCode: s.InviteCode,
	}
	if s.Subject != nil && !c.At.IsZero() {
		data.SubjectTime = max(c.At.Unix(), 0)
	}
	return []Payload{{Event: "groups.update", Data: []groupUpdate{data}}}, nil
}

type participants struct {
	ID           string            `json:"id"`
	Author       string            `json:"author"`
	AuthorPN     string            `json:"authorPn,omitempty"`
	Participants []string          `json:"participants"`
	Action       string            `json:"action"`
	Data         []participantData `json:"participantsData"`
}

type participantData struct {
	JID         string `json:"jid"`
	PhoneNumber string `json:"phoneNumber"`
	Name        string `json:"name,omitempty"`
	LID         string `json:"lid,omitempty"`
}

func membersMoved(_ event.Event, m groups.Movement) ([]Payload, error) {
	data := participants{ID: m.Group, Author: m.By.Key(), AuthorPN: m.By.PN, Action: m.Action, Participants: []string{}, Data: []participantData{}}
	for n, person := range m.People {
		data.Participants = append(data.Participants, person.Key())
		who := dataOf(person)
		if n < len(m.Names) {
			who.Name = m.Names[n]
		}
		data.Data = append(data.Data, who)
	}
	return []Payload{{Event: "group-participants.update", Data: data}}, nil
}

// dataOf names a person in both ways. Somebody whose number is hidden has the
// LID in its place.
func dataOf(a message.Address) participantData {
	return participantData{JID: a.Key(), PhoneNumber: a.String(), LID: a.LID}
}
