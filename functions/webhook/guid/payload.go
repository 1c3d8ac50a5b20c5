package guid

import (
	"time"

	"roost/shared/event"
	"roost/shared/group"
	"roost/shared/instance"
	"roost/shared/message"
)

type online struct {
	WxID   string `json:"wxId"`
	Name   string `json:"name"`
	Avatar string `json:"avatar"`
	Reused bool   `json:"reused"`
}

type offline struct {
	WxID   string `json:"wxId"`
	Scene  int    `json:"scene"`
	Reason string `json:"reason"`
}

// deleted is the last word about a client, as DELETE answers it. Its transcript is
// stored; where that is is null when it has been removed since.
type deleted struct {
	offline
	SignedURL     *string    `json:"signedURL"` // the transcript's, or the manifest's when files were kept
	ExpiresAt     *time.Time `json:"expiresAt"`
	Objects       int64      `json:"objects"`
	Bytes         int64      `json:"bytes"`
	TranscriptURL *string    `json:"transcriptURL"`
	ManifestURL   *string    `json:"manifestURL"`
}

type messages struct {
	Messages []chatMessage `json:"messages"`
}

type chatMessage struct {
	ID         string  `json:"msgId"`
	From       string  `json:"fromUserId"`
	To         string  `json:"toUserId"`
	Type       string  `json:"msgType"`    // WhatsApp's: conversation, imageMessage ...
	CreateTime int64   `json:"createTime"` // Unix seconds
	Content    string  `json:"content"`
	MediaURL   *string `json:"mediaUrl"`
}

type receipt struct {
	IDs  []string `json:"msgIds"`
	Type string   `json:"type"`
}

type contact struct {
	Contacts []person `json:"contacts"`
}

type person struct {
	UserID string `json:"userId"`
	Name   string `json:"name"`
	Remark string `json:"remark"`
}

// groupTold is what has happened to a group. Fields that it says nothing of are
// left out.
type groupTold struct {
	GroupID string   `json:"groupId"`
	Change  string   `json:"change"` // joined, changed, add, remove, promote, demote
	By      string   `json:"by,omitempty"`
	Subject *string  `json:"subject,omitempty"`
	Notice  *string  `json:"notice,omitempty"` // its description
	Owner   string   `json:"owner,omitempty"`
	UserIDs []string `json:"userIds,omitempty"` // all members, or those who were moved
}

type qrcode struct {
	QRCode string `json:"qrcode"`
	Key    string `json:"qrcodeKey"`
	TTL    int    `json:"ttl"` // seconds
}

type login struct {
	Status int     `json:"status"` // as checkLoginQrcode's: 1 linked, 2 expired
	WxID   string  `json:"wxId"`
	Error  *string `json:"error"`
}

// translate puts an event into callbacks that lack what it does not bring.
func translate(e event.Event) ([]callback, error) {
	one := func(kind int, name string, payload any) []callback {
		return []callback{{NotifyType: kind, Event: name, Payload: payload}}
	}
	switch e.Kind { //nolint:exhaustive // the others have no words
	case event.ConnectionUpdated:
		c, err := read[event.Connection](e)
		return connection(c), err
	case event.QRUpdated:
		q, err := read[event.QR](e)
		if err != nil || q.Code == "" {
			return nil, err
		}
		ttl := 20 // 60 s for the first QR code, 20 s for the next ones (whatsmeow types/events.QR)
		if q.Count <= 1 {
			ttl = 60
		}
		return one(typeQRCode, "login.qrcode", qrcode{instance.BareQR(q.Code), qrKey(e.Instance, q.Code), ttl}), nil
	case event.MessageReceived, event.MessageSent:
		m, err := read[message.Message](e)
		if err != nil {
			return nil, err
		}
		from, to := user(m.Sender.String()), user(e.Sender)
		switch {
		case m.FromMe:
			from, to = user(e.Sender), user(m.Chat.String())
		case m.Group:
			to = user(m.Chat.String())
		case from == "":
			from = user(m.Chat.String())
		}
		told := one(typeMessage, "message", messages{[]chatMessage{{
			ID: m.ID, From: from, To: to, Type: m.Kind, CreateTime: max(m.Timestamp.Unix(), 0), Content: m.Text,
		}}})
		told[0].file = m.Media
		return told, nil
	case event.MessageUpdated:
		u, err := read[event.Update](e)
		return one(typeReceipt, "receipt", receipt{append([]string{}, u.IDs...), string(u.Status)}), err
	case event.ContactsUpdated:
		all, err := read[event.Contacts](e)
		if err != nil {
			return nil, err
		}
		out := contact{Contacts: []person{}}
		for _, c := range all.Contacts {
			out.Contacts = append(out.Contacts, person{user(c.Address.String()), c.PushName, c.Saved})
		}
		return one(typeContact, "contact", out), nil
	case event.GroupJoined:
		g, err := read[group.Group](e)
		out := groupTold{GroupID: g.ID, Change: "joined", Subject: &g.Subject, Notice: &g.Description, Owner: user(g.Owner.String())}
		for _, m := range g.Members {
			out.UserIDs = append(out.UserIDs, user(m.Address.String()))
		}
		return one(typeGroup, "group", out), err
	case event.GroupChanged:
		c, err := read[group.Change](e)
		return one(typeGroup, "group", groupTold{
			GroupID: c.Group, Change: "changed", By: user(c.By.String()), Subject: c.Settings.Subject, Notice: c.Settings.Description,
		}), err
	case event.MembersMoved:
		m, err := read[group.Movement](e)
		out := groupTold{GroupID: m.Group, Change: m.Action, By: user(m.By.String())}
		for _, person := range m.People {
			out.UserIDs = append(out.UserIDs, user(person.String()))
		}
		return one(typeGroup, "group", out), err
	case event.ConnectionHeld:
		c, err := read[event.Connection](e)
		return one(typeOnline, "client.online", onlineAs(c, true)), err
	case event.InstanceDeleted:
		return one(typeOffline, "client.offline", offline{user(e.Sender), sceneDeleted, "deleted"}), nil
	case event.InstanceRemoved: // its transcript is stored
		last, err := read[event.Lifecycle](e)
		told := one(typeOffline, "client.deleted", deleted{offline: offline{user(e.Sender), sceneDeleted, "deleted"}})
		told[0].param = last.Param
		return told, err
	}
	return nil, nil
}

// scenes are the dialect's numbers for reasons; all others are the network's.
var scenes = map[string]int{
	instance.ReasonReleased: sceneReleased, instance.ReasonMaxIdle: sceneReleased, instance.ReasonDisconnected: sceneReleased,
	instance.ReasonReplaced: sceneReplaced, instance.ReasonLoggedOut: sceneLoggedOut, instance.ReasonUserLogout: sceneLoggedOut,
	instance.ReasonAccountLocked: sceneLoggedOut, instance.ReasonBanned: sceneBanned, instance.ReasonOutdated: sceneOutdated,
}

// reasonOf is a reason's code in the dialect's words, as functions/api/guid has it.
func reasonOf(code string) string {
	if code == instance.ReasonMaxIdle {
		return "maxIdle"
	}
	return code
}

// onlineAs is who is online, on a connection that was there or is new.
func onlineAs(c event.Connection, reused bool) online {
	return online{WxID: user(c.JID), Name: c.Profile.PushName, Avatar: c.Profile.PictureURL, Reused: reused}
}

func connection(c event.Connection) []callback {
	id := user(c.JID)
	gone := func(scene int) callback {
		return callback{NotifyType: typeOffline, Event: "client.offline", Payload: offline{id, scene, reasonOf(c.Reason.Code)}}
	}
	result := func(l login) callback {
		return callback{NotifyType: typeLogin, Event: "login.result", Payload: l}
	}
	switch c.State { //nolint:exhaustive // the others have no words
	case instance.Starting:
		return []callback{result(login{Status: 1, WxID: id})}
	case instance.Open:
		return []callback{{NotifyType: typeOnline, Event: "client.online", Payload: onlineAs(c, false)}}
	case instance.Idle:
		if c.Again { // has been told
			return nil
		}
		return []callback{gone(sceneIdle)}
	case instance.Closed, instance.LoggedOut:
		switch c.Reason.Code {
		case instance.ReasonPairingTimeout, instance.ReasonPairingFailed:
			return []callback{result(login{Status: 2, Error: &c.Reason.Code})}
		case instance.ReasonReplaced:
			return []callback{{NotifyType: typeKicked, Event: "client.kicked", Payload: struct{}{}}, gone(sceneReplaced)}
		}
		if scene := scenes[c.Reason.Code]; scene != 0 {
			return []callback{gone(scene)}
		}
		if c.State == instance.LoggedOut {
			return []callback{gone(sceneLoggedOut)}
		}
		return []callback{gone(sceneNetwork)}
	}
	return nil
}
