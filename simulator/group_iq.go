package simulator

import (
	"errors"
	"strconv"
	"time"

	"go.mau.fi/whatsmeow/types"

	"roost/simulator/wire"
)

// groupRequest is a request of a client to a group: request is the first child
// of the iq, by the client's account.
type groupRequest func(g *Group, by *User, request *wire.Node) ([]wire.Node, error)

// onGroup answers requests that are addressed to a group.
func onGroup(do groupRequest) func(*stream, *wire.Node) {
	return func(st *stream, n *wire.Node) {
		to, _ := jidAttr(n, "to")
		g := st.sim.findGroup(to)
		if g == nil {
			st.answerGroup(n, nil, errNoGroup)
			return
		}
		children, err := do(g, st.device.Load().user, &n.GetChildren()[0])
		st.answerGroup(n, children, err)
	}
}

// setting makes a request of a node without content that turns something on or
// off.
func setting(set func(*Group, *User, bool) error, on bool) func(*stream, *wire.Node) {
	return onGroup(func(g *Group, by *User, _ *wire.Node) ([]wire.Node, error) { return nil, set(g, by, on) })
}

// memberChange makes a request of a list of participants, which is answered by
// the same list with what became of each.
func memberChange(do func(*Group, *User, []outcome) ([]outcome, error)) func(*stream, *wire.Node) {
	return onGroup(func(g *Group, by *User, n *wire.Node) ([]wire.Node, error) {
		list, err := do(g, by, g.sim.resolve(n.GetChildren()))
		return []wire.Node{{Tag: n.Tag, Content: outcomeNodes(list)}}, err
	})
}

// answerGroup answers with a result, or with the error that err stands for.
// What a change tells the members has been pushed before: clients that act on
// the answer know the new members then.
func (st *stream) answerGroup(n *wire.Node, children []wire.Node, err error) {
	if err == nil {
		st.result(n, children...)
		return
	}
	refusal := &GroupError{Code: 500, Text: "internal-server-error"}
	errors.As(err, &refusal)
	st.refuse(n, refusal.Code, refusal.Text)
}

// info answers <query>: everything for members, and what an invitation shows
// for one who has got one (<add_request>).
func (g *Group) info(by *User, request *wire.Node) ([]wire.Node, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if invitation, ok := request.GetOptionalChildByTag("add_request"); ok {
		admin, _ := jidAttr(&invitation, "admin")
		if err := g.checkTicket(by, textAttr(&invitation, "code"), admin); err != nil {
			return nil, err
		}
		return []wire.Node{g.node(outside)}, nil
	}
	if g.find(by) == nil {
		return nil, errForbidden
	}
	return []wire.Node{g.node(whole)}, nil
}

// joinedGroups answers <participating>: all groups of the account, with
// participants and description if asked for.
func (st *stream) joinedGroups(n *wire.Node) {
	request := n.GetChildren()[0]
	var what part
	if _, ok := request.GetOptionalChildByTag("participants"); ok {
		what |= memberPart
	}
	if _, ok := request.GetOptionalChildByTag("description"); ok {
		what |= aboutPart
	}
	self := st.device.Load().user
	var groups []wire.Node
	for _, g := range st.sim.Groups() {
		g.mu.Lock()
		if g.find(self) != nil {
			groups = append(groups, g.node(what))
		}
		g.mu.Unlock()
	}
	st.result(n, wire.Node{Tag: "groups", Content: groups})
}

// createGroup answers <create>. Participants are named by phone number or LID;
// those who cannot be added are in the answer with an error.
func (st *stream) createGroup(n *wire.Node) {
	request := n.GetChildren()[0]
	self := st.device.Load().user
	subject := textAttr(&request, "subject")
	if len([]rune(subject)) > maxSubject {
		st.answerGroup(n, nil, errNotAcceptable)
		return
	}
	g := st.sim.newGroup(subject, self)
	for _, c := range request.GetChildren() {
		g.configure(&c)
	}
	var failed []wire.Node
	g.mu.Lock()
	for _, o := range st.sim.resolve(request.GetChildren()) {
		if o.user == self {
			continue
		}
		if o.code = g.obstacle(self, o.user); o.code == 0 {
			g.members = append(g.members, &member{user: o.user})
			continue
		}
		if o.code == 403 {
			o.ticket = g.issueTicket(self, o.user)
		}
		if o.code != 409 { // named twice
			failed = append(failed, o.node())
		}
	}
	g.mu.Unlock()
	g.open(textAttr(&request, "key"))
	g.mu.Lock()
	answer := g.node(whole)
	g.mu.Unlock()
	answer.Content = append(answer.GetChildren(), failed...)
	st.result(n, answer)
}

// configure applies a child of <create> to a group that nobody knows yet.
func (g *Group) configure(c *wire.Node) {
	switch c.Tag {
	case "locked":
		g.locked = true
	case "announcement":
		g.announce = true
	case "ephemeral":
		if after := seconds(c); timers[after] {
			g.ephemeral = uint32(after / time.Second)
		}
	case "member_add_mode":
		g.adminAdd = string(payload(*c)) == "admin_add"
	case "membership_approval_mode":
		g.approval = approvalState(c)
	case "parent":
		g.community = textAttr(c, "default_membership_approval_mode")
	case "linked_parent":
		g.parent, _ = jidAttr(c, "jid")
	case "description":
		body := c.GetChildByTag("body")
		g.about = groupAbout{signature{g.creator, g.created}, textAttr(c, "id"), string(payload(body))}
	}
}

func seconds(c *wire.Node) time.Duration {
	n, err := strconv.Atoi(textAttr(c, "expiration"))
	if err != nil {
		return -1
	}
	return time.Duration(n) * time.Second
}

func approvalState(c *wire.Node) bool {
	state := c.GetChildByTag("group_join")
	return textAttr(&state, "state") == "on"
}

// leaveGroups answers <leave>, which names one group or several.
func (st *stream) leaveGroups(n *wire.Node) {
	request := n.GetChildren()[0]
	self := st.device.Load().user
	var done []wire.Node
	for _, c := range request.GetChildrenByTag("group") {
		id, _ := jidAttr(&c, "id")
		g := st.sim.findGroup(id)
		attrs := wire.Attrs{"id": id}
		if g == nil {
			attrs["error"] = errNoGroup.Code
		} else if err := g.Leave(self); err != nil {
			st.answerGroup(n, nil, err)
			return
		}
		done = append(done, wire.Node{Tag: "group", Attrs: attrs})
	}
	st.result(n, wire.Node{Tag: "leave", Content: done})
}

// getInvite answers the get of <invite>: the code of the group it is addressed
// to, for admins, or the group that a code leads to.
func (st *stream) getInvite(n *wire.Node) {
	request := n.GetChildren()[0]
	code := textAttr(&request, "code")
	if code == "" {
		onGroup((*Group).tellInvite)(st, n)
		return
	}
	g, err := st.sim.invitedTo(code)
	if err != nil {
		st.answerGroup(n, nil, err)
		return
	}
	g.mu.Lock()
	answer := g.node(outside)
	g.mu.Unlock()
	st.result(n, answer)
}

func (g *Group) tellInvite(by *User, _ *wire.Node) ([]wire.Node, error) {
	var code string
	err := g.change(by, adminOnly, func() error {
		code = g.ways.code
		return nil
	})
	return []wire.Node{inviteNode(code)}, err
}

// setInvite answers the set of <invite>: a new code for the group it is
// addressed to, or joining by a code.
func (st *stream) setInvite(n *wire.Node) {
	request := n.GetChildren()[0]
	code := textAttr(&request, "code")
	if code == "" {
		onGroup(func(g *Group, by *User, _ *wire.Node) ([]wire.Node, error) {
			code, err := g.resetInvite(by)
			return []wire.Node{inviteNode(code)}, err
		})(st, n)
		return
	}
	g, err := st.sim.invitedTo(code)
	if err != nil {
		st.answerGroup(n, nil, err)
		return
	}
	waits, err := g.join(st.device.Load().user, code)
	st.answerGroup(n, []wire.Node{{
		Tag: either(waits, "membership_approval_request", "group"), Attrs: wire.Attrs{"jid": g.jid},
	}}, err)
}

func inviteNode(code string) wire.Node {
	return wire.Node{Tag: "invite", Attrs: wire.Attrs{"code": code}}
}

func (g *Group) acceptInvitation(by *User, n *wire.Node) ([]wire.Node, error) {
	admin, _ := jidAttr(n, "admin")
	return nil, g.accept(by, textAttr(n, "code"), admin)
}

func (g *Group) setSubjectNode(by *User, n *wire.Node) ([]wire.Node, error) {
	return nil, g.SetSubject(by, string(payload(*n)))
}

// setDescriptionNode takes id, prev and delete or a <body>. Some clients remove
// a description without giving the change an id.
func (g *Group) setDescriptionNode(by *User, n *wire.Node) ([]wire.Node, error) {
	id, text := textAttr(n, "id"), ""
	if id == "" {
		id = g.sim.messageID()
	}
	if textAttr(n, "delete") != "true" {
		text = string(payload(n.GetChildByTag("body")))
	}
	return nil, g.describe(by, text, id, textAttr(n, "prev"), true)
}

func (g *Group) setEphemeralNode(by *User, n *wire.Node) ([]wire.Node, error) {
	if n.Tag == "not_ephemeral" {
		return nil, g.SetEphemeral(by, 0)
	}
	return nil, g.SetEphemeral(by, seconds(n))
}

func (g *Group) setAddModeNode(by *User, n *wire.Node) ([]wire.Node, error) {
	mode := string(payload(*n))
	if mode != "admin_add" && mode != "all_member_add" {
		return nil, errBadRequest
	}
	return nil, g.SetAdminAdd(by, mode == "admin_add")
}

func (g *Group) setApprovalNode(by *User, n *wire.Node) ([]wire.Node, error) {
	return nil, g.SetApproval(by, approvalState(n))
}

func (g *Group) listRequests(by *User, n *wire.Node) ([]wire.Node, error) {
	list, err := g.requestNodes(by)
	return []wire.Node{{Tag: n.Tag, Content: list}}, err
}

// decideRequests answers <membership_requests_action>, which holds <approve> or
// <reject> with participants.
func (g *Group) decideRequests(by *User, n *wire.Node) ([]wire.Node, error) {
	var answers []wire.Node
	for _, c := range n.GetChildren() {
		if c.Tag != "approve" && c.Tag != "reject" {
			return nil, errBadRequest
		}
		list, err := g.decide(by, c.Tag == "approve", g.sim.resolve(c.GetChildren()))
		if err != nil {
			return nil, err
		}
		answers = append(answers, wire.Node{Tag: c.Tag, Content: outcomeNodes(list)})
	}
	return []wire.Node{{Tag: n.Tag, Content: answers}}, nil
}

func (g *Group) withdrawRequest(by *User, n *wire.Node) ([]wire.Node, error) {
	return []wire.Node{{Tag: n.Tag}}, g.withdraw(by)
}

// subGroups answers <sub_groups> and <linked_groups_participants> of a
// community: the groups that were made in it, and who is in them.
func (g *Group) subGroups(by *User, n *wire.Node) ([]wire.Node, error) {
	g.mu.Lock()
	err := g.permit(by, anyMember)
	g.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var groups, people []wire.Node
	seen := map[*User]bool{}
	for _, other := range g.sim.Groups() {
		other.mu.Lock()
		if other.parent == g.jid {
			groups = append(groups, wire.Node{Tag: "group", Attrs: wire.Attrs{
				"id": other.jid.User, "subject": other.subject, "s_t": other.renamed.at.Unix(),
			}})
			for _, u := range other.users() {
				if !seen[u] {
					seen[u] = true
					people = append(people, wire.Node{Tag: "participant", Attrs: wire.Attrs{"jid": u.lid, "phone_number": u.pn}})
				}
			}
		}
		other.mu.Unlock()
	}
	if n.Tag == "sub_groups" {
		return []wire.Node{{Tag: n.Tag, Content: groups}}, nil
	}
	return []wire.Node{{Tag: n.Tag, Content: people}}, nil
}

// linkGroups answers <links> and <unlink> of a community, for admins of it.
func (g *Group) linkGroups(by *User, n *wire.Node) ([]wire.Node, error) {
	if err := g.change(by, adminOnly, func() error { return nil }); err != nil {
		return nil, err
	}
	parent, children := types.EmptyJID, n.GetChildrenByTag("group")
	if n.Tag == "links" {
		link := n.GetChildByTag("link")
		parent, children = g.jid, link.GetChildrenByTag("group")
	}
	for _, c := range children {
		jid, _ := jidAttr(&c, "jid")
		child := g.sim.findGroup(jid)
		if child == nil {
			return nil, errNoGroup
		}
		if err := child.change(by, adminOnly, func() error { child.parent = parent; return nil }); err != nil {
			return nil, err
		}
	}
	return []wire.Node{{Tag: n.Tag, Content: children}}, nil
}
