package simulator

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"slices"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator/wire"
)

// picture is a profile picture. The zero value is none.
type picture struct {
	id      string
	image   []byte // JPEG, as it was set
	preview []byte // JPEG, small
}

// looksLikeJPEG is how much the service looks at a picture here. Others are
// refused with 406 not-acceptable (whatsmeow's ErrInvalidImageFormat).
func looksLikeJPEG(b []byte) bool { return bytes.HasPrefix(b, []byte{0xff, 0xd8, 0xff}) }

func (s *Simulator) newPicture(jpeg []byte) picture {
	return picture{id: itoa(1_700_000_000 + s.seq.Add(1)), image: slices.Clone(jpeg), preview: shrink(jpeg)}
}

// node tells where the picture can be downloaded. The media store may have
// dropped it since, hence it is put there again.
func (p picture) node(s *Simulator, kind string) wire.Node {
	body := p.image
	if kind == "preview" {
		body = p.preview
	} else {
		kind = "image"
	}
	path, url := s.media.Put(body)
	hash := sha256.Sum256(p.image)
	return wire.Node{Tag: "picture", Attrs: wire.Attrs{
		"id": p.id, "type": kind, "url": url, "direct_path": path, "hash": base64.StdEncoding.EncodeToString(hash[:]),
	}}
}

// SetPicture makes the person's phone set a profile picture and returns its
// id. Who may see it is notified.
func (u *User) SetPicture(jpeg []byte) string {
	p := u.sim.newPicture(jpeg)
	u.changePicture(nil, p)
	return p.id
}

// RemovePicture makes the person's phone take the profile picture away.
func (u *User) RemovePicture() { u.changePicture(nil, picture{}) }

// PictureID names the current picture, "" when there is none.
func (u *User) PictureID() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.profile.picture.id
}

func (u *User) changePicture(by *device, p picture) {
	u.mu.Lock()
	u.profile.picture = p
	u.mu.Unlock()
	u.tellOthers(privacyProfile, func() wire.Node {
		return u.notification("picture", u.lid, pictureChange(u.lid, u.lid, p))
	})
	u.syncAccount(by, func() wire.Node { return wire.Node{Tag: "picture"} })
}

// pictureChange is what a notification says of a picture set or removed.
func pictureChange(whose, author types.JID, p picture) wire.Node {
	if p.id == "" {
		return wire.Node{Tag: "delete", Attrs: wire.Attrs{"jid": whose, "author": author}}
	}
	hash := sha256.Sum256(p.image)
	return wire.Node{Tag: "set", Attrs: wire.Attrs{
		"jid": whose, "author": author, "id": p.id, "hash": base64.StdEncoding.EncodeToString(hash[:3]),
	}}
}

// getPicture says where a picture is. Groups have theirs in their own file.
func (st *stream) getPicture(n *wire.Node) {
	asker := st.device.Load().user
	target, ok := jidAttr(n, "target")
	if !ok {
		target = asker.lid
	}
	if target.Server == types.GroupServer {
		st.getGroupPicture(n, target)
		return
	}
	u := st.sim.findUser(target)
	if u == nil {
		st.refuse(n, 404, "item-not-found")
		return
	}
	if !u.shows(privacyProfile, asker) {
		st.refuse(n, 401, "not-authorized")
		return
	}
	u.mu.Lock()
	p := u.profile.picture
	u.mu.Unlock()
	st.answerPicture(n, p)
}

// answerPicture answers a query for a picture: 404 when there is none, nothing
// when the client has it already.
func (st *stream) answerPicture(n *wire.Node, p picture) {
	query := child(n, "picture")
	switch {
	case p.id == "":
		st.refuse(n, 404, "item-not-found")
	case textAttr(&query, "id") == p.id:
		st.result(n)
	default:
		st.result(n, p.node(st.sim, textAttr(&query, "type")))
	}
}

// setPicture sets the own picture, or removes it when there is none in the
// request.
func (st *stream) setPicture(n *wire.Node) {
	d := st.device.Load()
	target, ok := jidAttr(n, "target")
	if ok && target.Server == types.GroupServer {
		st.setGroupPicture(n, target)
		return
	}
	if ok && st.sim.findUser(target) != d.user {
		st.refuse(n, 403, "forbidden")
		return
	}
	p, ok := st.readPicture(n)
	if !ok {
		return
	}
	if p.id == "" {
		st.result(n)
	} else {
		st.result(n, wire.Node{Tag: "picture", Attrs: wire.Attrs{"id": p.id}})
	}
	d.user.changePicture(d, p)
}

// readPicture reads the picture that a client sets, the zero one when it
// removes it. It answers the request itself when it is bad.
func (st *stream) readPicture(n *wire.Node) (picture, bool) {
	for _, child := range n.GetChildren() {
		if child.Tag != "picture" || textAttr(&child, "type") == "preview" {
			continue
		}
		jpeg := payload(child)
		if len(jpeg) == 0 {
			return picture{}, true
		}
		if !looksLikeJPEG(jpeg) {
			st.refuse(n, 406, "not-acceptable")
			return picture{}, false
		}
		return st.sim.newPicture(jpeg), true
	}
	return picture{}, true
}
