package simulator

import (
	"fmt"
	"net/http"
	"slices"

	"go.mau.fi/whatsmeow/types"
)

// groupPortrait is a group as the API shows it.
type groupPortrait struct {
	JID          types.JID     `json:"jid"`
	Subject      string        `json:"subject"`
	Creator      string        `json:"creator"`
	Participants []participant `json:"participants"`
}

// participant is a member of a group; role is "", admin or superadmin.
type participant struct {
	identity

	Role string `json:"role"`
}

func (g *Group) portrait() groupPortrait {
	p := groupPortrait{JID: g.jid, Subject: g.Subject(), Creator: g.creator.pn.User, Participants: []participant{}}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range g.members {
		p.Participants = append(p.Participants, participant{m.user.identity(), m.role})
	}
	return p
}

func (s *Simulator) listGroups(*http.Request) (answer, error) {
	out := []groupPortrait{}
	for _, g := range s.Groups() {
		out = append(out, g.portrait())
	}
	return ok(out)
}

func (s *Simulator) addGroup(r *http.Request) (answer, error) {
	var body struct {
		Subject string   `json:"subject"`
		Creator string   `json:"creator"`
		Members []string `json:"members"`
	}
	if err := readBody(r, &body); err != nil {
		return answer{}, err
	}
	if body.Subject == "" || body.Creator == "" {
		return answer{}, badRequest("subject and creator are needed")
	}
	people, err := s.people(append([]string{body.Creator}, body.Members...))
	if err != nil {
		return answer{}, err
	}
	g := s.Group(body.Subject, people[0], people[1:]...)
	return created(linked{g.jid})
}

// people finds everybody named, each once.
func (s *Simulator) people(names []string) ([]*User, error) {
	var out []*User
	for _, name := range names {
		u, err := s.person(name)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, u) {
			out = append(out, u)
		}
	}
	return out, nil
}

func (s *Simulator) changeParticipants(r *http.Request) (answer, error) {
	g := s.groupNamed(r.PathValue("jid"))
	if g == nil {
		return answer{}, fmt.Errorf("%s: %w", r.PathValue("jid"), ErrNobody)
	}
	var body struct {
		Action  string   `json:"action"`
		By      string   `json:"by"`
		Numbers []string `json:"numbers"`
	}
	if err := readBody(r, &body); err != nil {
		return answer{}, err
	}
	act := map[string]func(by *User, who ...*User) error{
		"add": g.Add, "remove": g.Remove, "promote": g.Promote, "demote": g.Demote,
	}[body.Action]
	if act == nil {
		return answer{}, badRequest("action must be add, remove, promote or demote")
	}
	if body.By == "" || len(body.Numbers) == 0 {
		return answer{}, badRequest("by and numbers are needed: who does it, and to whom")
	}
	people, err := s.people(body.Numbers)
	if err != nil {
		return answer{}, err
	}
	by, err := s.person(body.By)
	if err != nil {
		return answer{}, err
	}
	if err := act(by, people...); err != nil {
		return answer{}, err
	}
	return ok(g.portrait())
}

// groupNamed finds a group by the text of its JID, nil when there is none.
func (s *Simulator) groupNamed(name string) *Group {
	j, err := types.ParseJID(name)
	if err != nil {
		return nil
	}
	return s.FindGroup(j)
}
