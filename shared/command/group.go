package command

import (
	"roost/shared/group"
	"roost/shared/message"
)

// CreateGroupArgs describe a group to make.
type CreateGroupArgs struct {
	Subject     string   `json:"subject"`
	Description string   `json:"description,omitempty"`
	People      []string `json:"people"`            // JIDs
	Promote     bool     `json:"promote,omitempty"` // make all of them admins
}

// GroupArgs name a group.
type GroupArgs struct {
	Group   string `json:"group"` // JID
	Picture bool   `json:"picture,omitempty"`
}

// ListGroupsArgs say what is wanted of each group.
type ListGroupsArgs struct {
	Members  bool `json:"members,omitempty"`
	Pictures bool `json:"pictures,omitempty"`
}

// Groups are those that the account is in.
type Groups struct {
	Groups []group.Group `json:"groups"`
}

// ChangeGroupArgs change what a group says of itself.
type ChangeGroupArgs struct {
	Group    string         `json:"group"`
	Settings group.Settings `json:"settings"`
}

// MoveMembersArgs do something with members of a group.
type MoveMembersArgs struct {
	Group  string   `json:"group"`
	Action string   `json:"action"` // group.Add, ...
	People []string `json:"people"` // JIDs
}

// Moved says for each of them how it went.
type Moved struct {
	Members []MovedMember `json:"members"`
}

// MovedMember is one of them.
type MovedMember struct {
	Address message.Address `json:"address"`
	// Status is 200, or WhatsApp's code: 403 for who does not let others add
	// them, 409 for who is in the group already, 404 for who is not.
	Status int `json:"status"`
}

// InviteArgs ask for the invite code of a group.
type InviteArgs struct {
	Group  string `json:"group"`
	Revoke bool   `json:"revoke,omitempty"` // and make a new one
}

// InviteCode opens a group: https://chat.whatsapp.com/<code>.
type InviteCode struct {
	Code string `json:"code"`
}

// JoinedGroup is the group that an invite code has led to.
type JoinedGroup struct {
	Group string `json:"group"`
}
