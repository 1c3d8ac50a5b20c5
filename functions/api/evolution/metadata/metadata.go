// Package metadata is a group in Evolution's words, for its API and its
// webhooks.
package metadata

import (
	"roost/shared/group"
	"roost/shared/message"
)

// Group is one as Evolution shows it. LID and phone number of a person
// are both there, as far as they are known.
type Group struct {
	ID                  string   `json:"id"`
	AddressingMode      string   `json:"addressingMode"`
	Subject             string   `json:"subject"`
	SubjectOwner        string   `json:"subjectOwner,omitempty"`
	SubjectOwnerPN      string   `json:"subjectOwnerPn,omitempty"`
	SubjectTime         int64    `json:"subjectTime,omitempty"` // Unix seconds
	Picture             **string `json:"pictureUrl,omitempty"`  // null for none
	Size                int      `json:"size"`
	Creation            int64    `json:"creation,omitempty"` // Unix seconds
	Owner               string   `json:"owner,omitempty"`
	OwnerPN             string   `json:"ownerPn,omitempty"`
	Description         string   `json:"desc,omitempty"`
	DescriptionID       string   `json:"descId,omitempty"`
	Restrict            bool     `json:"restrict"`
	Announce            bool     `json:"announce"`
	IsCommunity         bool     `json:"isCommunity"`
	IsCommunityAnnounce bool     `json:"isCommunityAnnounce"`
	LinkedParent        string   `json:"linkedParent,omitempty"`
	JoinApproval        *bool    `json:"joinApprovalMode,omitempty"`
	MemberAdd           *bool    `json:"memberAddMode,omitempty"` // whether everybody adds
	Ephemeral           int      `json:"ephemeralDuration,omitempty"`
	Members             []Member `json:"participants,omitzero"` // also when there are none
}

// Member is somebody in a group.
type Member struct {
	ID          string  `json:"id"`
	PhoneNumber string  `json:"phoneNumber,omitempty"`
	LID         string  `json:"lid,omitempty"`
	Admin       *string `json:"admin"` // admin, superadmin, or null
	Name        string  `json:"name,omitempty"`
	Picture     string  `json:"imgUrl,omitempty"`
}

// Raw is what Evolution hands through from its library.
func Raw(g group.Group) Group {
	// A group names everybody in one way: by LID where members may hide their number.
	named := message.Address.String
	mode := "pn"
	if g.Hidden {
		named, mode = message.Address.Key, "lid"
	}
	out := Group{
		ID: g.ID, AddressingMode: mode, Subject: g.Subject, SubjectOwner: named(g.SubjectBy), SubjectOwnerPN: g.SubjectBy.PN,
		Size: g.Size, Owner: named(g.Owner), OwnerPN: g.Owner.PN, Description: g.Description, DescriptionID: g.DescriptionID,
		Restrict: g.Locked, Announce: g.Announce, IsCommunity: g.Community, IsCommunityAnnounce: g.CommunityNotes, LinkedParent: g.Parent,
		JoinApproval: &g.Approval, MemberAdd: &g.MembersAdd, Ephemeral: g.Ephemeral, Members: Members(g),
	}
	if !g.SubjectAt.IsZero() {
		out.SubjectTime = max(g.SubjectAt.Unix(), 0)
	}
	if !g.Created.IsZero() {
		out.Creation = max(g.Created.Unix(), 0)
	}
	return out
}

// Shown is what findGroupInfos and fetchAllGroups show.
func Shown(g group.Group, members bool) Group {
	out := Raw(g)
	out.Picture = new(optional(g.Picture))
	out.JoinApproval, out.MemberAdd = nil, nil
	if !members {
		out.Members = nil
	}
	return out
}

// Members are those of a group.
func Members(g group.Group) []Member {
	out := make([]Member, len(g.Members))
	for n, m := range g.Members {
		out[n] = Member{ID: m.Address.String(), PhoneNumber: m.Address.PN, LID: m.Address.LID, Admin: optional(m.Rank)}
		if g.Hidden {
			out[n].ID = m.Address.Key()
		}
	}
	return out
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
