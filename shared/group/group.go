// Package group is a WhatsApp group in Roost's own words: what the session host
// learns of it and the dialects show.
package group

import (
	"time"

	"roost/shared/message"
)

// Group is what is known of a group. Fields that WhatsApp has not told are zero.
type Group struct {
	ID             string          `json:"id"` // ...@g.us
	Subject        string          `json:"subject,omitempty"`
	SubjectBy      message.Address `json:"subjectBy"`
	SubjectAt      time.Time       `json:"subjectAt,omitzero"`
	Description    string          `json:"description,omitempty"`
	DescriptionID  string          `json:"descriptionId,omitempty"`
	Owner          message.Address `json:"owner"` // who has made it
	Created        time.Time       `json:"created,omitzero"`
	Announce       bool            `json:"announce,omitempty"`  // only admins write
	Locked         bool            `json:"locked,omitempty"`    // only admins change what it says of itself
	Ephemeral      int             `json:"ephemeral,omitempty"` // seconds after which messages go, 0 for never
	MembersAdd     bool            `json:"membersAdd,omitempty"`
	Approval       bool            `json:"approval,omitempty"` // an admin lets newcomers in
	Community      bool            `json:"community,omitempty"`
	CommunityNotes bool            `json:"communityNotes,omitempty"` // the announcements of a community
	Parent         string          `json:"parent,omitempty"`         // its community
	Hidden         bool            `json:"hidden,omitempty"`         // members are named by LID
	Size           int             `json:"size,omitempty"`
	Members        []Member        `json:"members,omitempty"`
	Picture        string          `json:"picture,omitempty"` // URL at WhatsApp, where it was asked for
}

// Ranks of members.
const (
	Admin      = "admin"
	SuperAdmin = "superadmin" // who has made the group
)

// Member is somebody in a group.
type Member struct {
	Address message.Address `json:"address"`
	Rank    string          `json:"rank,omitempty"` // "" for everybody else
}

// Settings are what a group can have changed. Nil fields stay as they are.
type Settings struct {
	Subject     *string `json:"subject,omitempty"`
	Description *string `json:"description,omitempty"` // "" removes it
	Announce    *bool   `json:"announce,omitempty"`
	Locked      *bool   `json:"locked,omitempty"`
	Ephemeral   *int    `json:"ephemeral,omitempty"` // seconds, 0 for never
	MembersAdd  *bool   `json:"membersAdd,omitempty"`
	Approval    *bool   `json:"approval,omitempty"`
	InviteCode  *string `json:"inviteCode,omitempty"` // only told, never set
}

// What is done with members.
const (
	Add     = "add"
	Remove  = "remove"
	Promote = "promote"
	Demote  = "demote"
)

// Movement says what was done with members of a group.
type Movement struct {
	Group  string            `json:"group"`
	By     message.Address   `json:"by"` // the zero value for WhatsApp itself
	Action string            `json:"action"`
	People []message.Address `json:"people"`
	Names  []string          `json:"names,omitempty"` // what they call themselves, in their order; "" for who is not known
}

// Change says what somebody has changed of a group.
type Change struct {
	Group    string          `json:"group"`
	By       message.Address `json:"by"`
	At       time.Time       `json:"at"`
	Settings Settings        `json:"settings"`
}
