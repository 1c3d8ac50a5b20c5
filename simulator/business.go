package simulator

import (
	"strconv"

	"go.mau.fi/whatsmeow/proto/waVnameCert"
	"google.golang.org/protobuf/proto"

	"roost/simulator/wire"
)

// Business is what a business account says of itself. Empty fields are not
// shown.
type Business struct {
	Name        string          `json:"name"` // the verified name
	Description string          `json:"description,omitempty"`
	Address     string          `json:"address,omitempty"`
	Email       string          `json:"email,omitempty"`
	Website     string          `json:"website,omitempty"`
	Category    string          `json:"category,omitempty"`
	TimeZone    string          `json:"timeZone,omitempty"`
	Hours       []BusinessHours `json:"hours,omitempty"`
}

// BusinessHours is when a business is open on one day of the week.
type BusinessHours struct {
	Day   string `json:"day"`   // mon, tue, ...
	Mode  string `json:"mode"`  // specific_hours, open_24h or appointment_only
	Open  int    `json:"open"`  // minutes after midnight, for specific_hours
	Close int    `json:"close"` // minutes after midnight, for specific_hours
}

// SetBusiness makes the account a business with that verified name.
func (u *User) SetBusiness(name string) { u.SetBusinessProfile(&Business{Name: name}) }

// SetBusinessProfile makes the account a business, nil a private one again.
func (u *User) SetBusinessProfile(b *Business) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.profile.business = b
}

func (u *User) businessProfile() *Business {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.profile.business
}

// businessNode is the verified name as usync shows it. Its signature cannot be
// real; clients do not check it.
func (u *User) businessNode() (wire.Node, bool) {
	b := u.businessProfile()
	if b == nil {
		return wire.Node{}, false
	}
	details, err := proto.Marshal(&waVnameCert.VerifiedNameCertificate_Details{
		Serial: proto.Uint64(1), Issuer: new("smb:wa"), VerifiedName: new(b.Name),
	})
	if err != nil {
		return wire.Node{}, false
	}
	cert, err := proto.Marshal(&waVnameCert.VerifiedNameCertificate{Details: details, Signature: make([]byte, 64)})
	if err != nil {
		return wire.Node{}, false
	}
	return wire.Node{Tag: "business", Content: []wire.Node{{
		Tag: "verified_name",
		Attrs: wire.Attrs{
			"v": 1, "serial": 1, "verified_level": "unknown", "host_storage": 2, "actual_actors": 1,
			"privacy_mode_ts": unixOr0(u.sim.began),
		},
		Content: cert,
	}}}, true
}

// getBusiness shows a business's profile. That of a private person is empty.
func (st *stream) getBusiness(n *wire.Node) {
	request := child(n, "business_profile")
	var profiles []wire.Node
	for _, asked := range request.GetChildrenByTag("profile") {
		jid, ok := jidAttr(&asked, "jid")
		if !ok {
			st.refuse(n, 400, "bad-request")
			return
		}
		u := st.sim.findUser(jid)
		if u == nil {
			continue
		}
		if b := u.businessProfile(); b != nil {
			profiles = append(profiles, wire.Node{
				Tag: "profile", Attrs: wire.Attrs{"jid": jid.ToNonAD(), "tag": "1"}, Content: b.nodes(),
			})
		}
	}
	st.result(n, wire.Node{Tag: "business_profile", Attrs: wire.Attrs{"v": request.Attrs["v"]}, Content: profiles})
}

func (b *Business) nodes() []wire.Node {
	var out []wire.Node
	add := func(tag, text string) {
		if text != "" {
			out = append(out, wire.Node{Tag: tag, Content: []byte(text)})
		}
	}
	add("description", b.Description)
	add("address", b.Address)
	add("email", b.Email)
	add("website", b.Website)
	if b.Category != "" {
		out = append(out, wire.Node{Tag: "categories", Content: []wire.Node{
			{Tag: "category", Attrs: wire.Attrs{"id": "1"}, Content: []byte(b.Category)},
		}})
	}
	if len(b.Hours) > 0 {
		days := make([]wire.Node, len(b.Hours))
		for i, h := range b.Hours {
			days[i] = wire.Node{Tag: "business_hours_config", Attrs: wire.Attrs{"day_of_week": h.Day, "mode": h.Mode}}
			if h.Mode == "specific_hours" {
				days[i].Attrs["open_time"], days[i].Attrs["close_time"] = strconv.Itoa(h.Open), strconv.Itoa(h.Close)
			}
		}
		out = append(out, wire.Node{Tag: "business_hours", Attrs: wire.Attrs{"timezone": b.TimeZone}, Content: days})
	}
	return append(out, wire.Node{Tag: "profile_options"})
}
