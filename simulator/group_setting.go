package simulator

import (
	"strconv"
	"time"

	"roost/simulator/wire"
)

// What a group takes. The service counts characters; whatsmeow's documentation
// still names the old limit of 25 for subjects.
const (
	maxSubject     = 100
	maxDescription = 2048
)

// timers are the times after which messages of a group may disappear; the
// service refuses others (whatsmeow's SetDisappearingTimer).
var timers = map[time.Duration]bool{0: true, 24 * time.Hour: true, 7 * 24 * time.Hour: true, 90 * 24 * time.Hour: true}

// SetSubject makes by give the group another name, of 1 to 100 characters.
func (g *Group) SetSubject(by *User, subject string) error {
	return g.change(by, changeInfo, func() error {
		if subject == "" || len([]rune(subject)) > maxSubject {
			return errNotAcceptable
		}
		g.subject, g.renamed = subject, signature{by, time.Now()}
		g.tell(g.users(), by, wire.Node{Tag: "subject", Attrs: wire.Attrs{
			"subject": subject, "s_t": g.renamed.at.Unix(), "s_o": by.lid, "s_o_pn": by.pn,
		}})
		return nil
	})
}

// SetDescription makes by write the text below the name; empty removes it.
func (g *Group) SetDescription(by *User, text string) error {
	return g.describe(by, text, g.sim.messageID(), "", false)
}

// describe changes the description. A client says which one it replaces, and
// is refused when somebody was faster.
func (g *Group) describe(by *User, text, id, replaces string, check bool) error {
	return g.change(by, changeInfo, func() error {
		if len([]rune(text)) > maxDescription {
			return errNotAcceptable
		}
		if check && replaces != g.about.id {
			return errConflict
		}
		content := []wire.Node{{Tag: "body", Content: []byte(text)}}
		if text == "" {
			content = []wire.Node{{Tag: "delete"}}
		}
		g.about = groupAbout{signature{by, time.Now()}, id, text}
		if text == "" {
			g.about.id = "" // nothing left to replace
		}
		g.tell(g.users(), by, wire.Node{Tag: "description", Attrs: wire.Attrs{"id": id}, Content: content})
		return nil
	})
}

// SetAnnounce makes by say whether only admins may write.
func (g *Group) SetAnnounce(by *User, on bool) error {
	return g.change(by, adminOnly, func() error {
		if g.announce == on {
			return nil
		}
		g.announce, g.announceVersion = on, nextVersion(g.announceVersion)
		g.tell(g.users(), by, wire.Node{Tag: either(on, "announcement", "not_announcement"), Attrs: wire.Attrs{"v_id": itoa(g.announceVersion)}})
		return nil
	})
}

// SetLocked makes by say whether only admins may change subject, description,
// picture and timer.
func (g *Group) SetLocked(by *User, on bool) error {
	return g.change(by, adminOnly, func() error {
		if g.locked == on {
			return nil
		}
		g.locked = on
		g.tell(g.users(), by, wire.Node{Tag: either(on, "locked", "unlocked")})
		return nil
	})
}

// SetEphemeral makes by say after what time messages disappear: 0 for never, a
// day, a week or 90 days.
func (g *Group) SetEphemeral(by *User, after time.Duration) error {
	return g.change(by, changeInfo, func() error {
		if !timers[after] {
			return errBadRequest
		}
		g.ephemeral = uint32(after / time.Second)
		n := wire.Node{Tag: "not_ephemeral"}
		if after > 0 {
			n = wire.Node{Tag: "ephemeral", Attrs: wire.Attrs{"expiration": strconv.Itoa(int(g.ephemeral))}}
		}
		g.tell(g.users(), by, n)
		return nil
	})
}

// SetAdminAdd makes by say whether only admins may add members.
func (g *Group) SetAdminAdd(by *User, on bool) error {
	return g.change(by, adminOnly, func() error {
		if g.adminAdd == on {
			return nil
		}
		g.adminAdd = on
		g.tell(g.users(), by, g.addModeNode())
		return nil
	})
}

// SetApproval makes by say whether admins have to approve who joins. Whoever
// waits when it ends is let in.
func (g *Group) SetApproval(by *User, on bool) error {
	return g.change(by, adminOnly, func() error {
		if g.approval == on {
			return nil
		}
		g.approval = on
		g.tell(g.users(), by, approvalNode(on))
		if waiting := g.requests; !on && len(waiting) > 0 {
			var joined []*User
			for _, r := range waiting {
				g.enter(r.user)
				joined = append(joined, r.user)
			}
			g.tellJoined(by, joined, "")
		}
		return nil
	})
}

func either(on bool, yes, no string) string {
	if on {
		return yes
	}
	return no
}
