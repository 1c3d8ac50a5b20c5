package simulator

import (
	"strconv"

	"roost/simulator/wire"
)

// part says how much of a group is told.
type part int

const (
	memberPart part = 1 << iota
	aboutPart
	whole   = memberPart | aboutPart
	outside = aboutPart // what an invitation shows
)

// node writes the group as <group>. The group's mutex is held.
func (g *Group) node(what part) wire.Node {
	attrs := wire.Attrs{
		"id": g.jid.User, "subject": g.subject, "creation": g.created.Unix(),
		"creator": g.creator.lid, "creator_pn": g.creator.pn,
		"s_t": g.renamed.at.Unix(), "s_o": g.renamed.by.lid, "s_o_pn": g.renamed.by.pn,
		"size": len(g.members), "addressing_mode": "lid",
		"p_v_id": itoa(g.membersVersion), "a_v_id": itoa(g.announceVersion),
	}
	var children []wire.Node
	if what&memberPart != 0 {
		for _, m := range g.members {
			children = append(children, g.participant(m.user))
		}
	}
	if what&aboutPart != 0 && g.about.text != "" {
		children = append(children, wire.Node{
			Tag: "description",
			Attrs: wire.Attrs{
				"id": g.about.id, "t": g.about.at.Unix(),
				"participant": g.about.by.lid, "participant_pn": g.about.by.pn,
			},
			Content: []wire.Node{{Tag: "body", Content: []byte(g.about.text)}},
		})
	}
	return wire.Node{Tag: "group", Attrs: attrs, Content: append(children, g.settingNodes()...)}
}

// settingNodes are the settings that are on: what is off is left out, since
// whatsmeow takes the bare presence of a node for on.
func (g *Group) settingNodes() []wire.Node {
	out := []wire.Node{g.addModeNode()}
	if g.locked {
		out = append(out, wire.Node{Tag: "locked"})
	}
	if g.announce {
		out = append(out, wire.Node{Tag: "announcement"})
	}
	if g.ephemeral > 0 {
		out = append(out, wire.Node{Tag: "ephemeral", Attrs: wire.Attrs{"expiration": strconv.Itoa(int(g.ephemeral))}})
	}
	if g.approval {
		out = append(out, approvalNode(true))
	}
	if g.community != "" {
		out = append(out, wire.Node{Tag: "parent", Attrs: wire.Attrs{"default_membership_approval_mode": g.community}})
	}
	if !g.parent.IsEmpty() {
		out = append(out, wire.Node{Tag: "linked_parent", Attrs: wire.Attrs{"jid": g.parent}})
	}
	return out
}

func (g *Group) addModeNode() wire.Node {
	mode := "all_member_add"
	if g.adminAdd {
		mode = "admin_add"
	}
	return wire.Node{Tag: "member_add_mode", Content: []byte(mode)}
}

func approvalNode(on bool) wire.Node {
	state := "off"
	if on {
		state = "on"
	}
	return wire.Node{
		Tag:     "membership_approval_mode",
		Content: []wire.Node{{Tag: "group_join", Attrs: wire.Attrs{"state": state}}},
	}
}
