package simulator

import (
	"go.mau.fi/whatsmeow/types"

	"roost/simulator/wire"
)

// SetPicture makes by give the group a picture, a JPEG; nil removes it. It
// returns the picture's id.
func (g *Group) SetPicture(by *User, jpeg []byte) (string, error) {
	var p picture
	if len(jpeg) > 0 {
		if !looksLikeJPEG(jpeg) {
			return "", errNotAcceptable
		}
		p = g.sim.newPicture(jpeg)
	}
	return p.id, g.changePicture(by, p)
}

// PictureID names the group's picture, "" when there is none.
func (g *Group) PictureID() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.picture.id
}

// changePicture tells everybody in the same kind of notification as for people.
func (g *Group) changePicture(by *User, p picture) error {
	return g.change(by, changeInfo, func() error {
		g.picture = p
		g.notify("picture", g.users(), by, []wire.Node{pictureChange(g.jid, by.lid, p)})
		return nil
	})
}

// getGroupPicture answers members, and whoever shows a good invite code.
func (st *stream) getGroupPicture(n *wire.Node, target types.JID) {
	g := st.sim.findGroup(target)
	if g == nil {
		st.refuse(n, errNoGroup.Code, errNoGroup.Text)
		return
	}
	query := n.GetChildByTag("picture")
	code := textAttr(&query, "invite")
	g.mu.Lock()
	p := g.picture
	allowed := g.find(st.device.Load().user) != nil || code == g.ways.code
	g.mu.Unlock()
	if !allowed {
		st.refuse(n, errNotAuthorized.Code, errNotAuthorized.Text)
		return
	}
	st.answerPicture(n, p)
}

// communityPicture answers <pictures>, the query for the picture of a community.
func (g *Group) communityPicture(by *User, n *wire.Node) ([]wire.Node, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.permit(by, anyMember); err != nil {
		return nil, err
	}
	if g.picture.id == "" {
		return nil, errNoGroup
	}
	query := n.GetChildByTag("picture")
	return []wire.Node{{Tag: n.Tag, Content: []wire.Node{g.picture.node(g.sim, textAttr(&query, "type"))}}}, nil
}

func (st *stream) setGroupPicture(n *wire.Node, target types.JID) {
	g := st.sim.findGroup(target)
	if g == nil {
		st.refuse(n, errNoGroup.Code, errNoGroup.Text)
		return
	}
	p, ok := st.readPicture(n)
	if !ok {
		return
	}
	var children []wire.Node
	if p.id != "" {
		children = []wire.Node{{Tag: "picture", Attrs: wire.Attrs{"id": p.id}}}
	}
	st.answerGroup(n, children, g.changePicture(st.device.Load().user, p))
}
