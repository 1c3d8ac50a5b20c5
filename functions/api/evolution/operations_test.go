package evolution

import (
	"slices"
	"strings"

	"roost/functions/api/evolution/metadata"
	"roost/shared/backlog"
)

// operation is a route as the document tells it.
type operation struct {
	tag, route, summary string
	about               string
	body                *asked
	query               []parameter
	once                bool  // takes an Idempotency-Key
	open                bool  // needs no key
	status              []int // of successes, 200 when there is none
	answer              any   // a value of the answer's type, a schema, or some of them as []any
	others              ordered
	bare                bool    // errors come without the envelope
	refusal             ordered // a further form of 400
}

// asked is a body: what the schema takes, loosened where the route brings other
// forms to it before.
type asked struct {
	takes schema
	edit  func(ordered) ordered
	also  []any  // further forms
	file  string // what the file part of a multipart body is, "" where there is none

	example ordered
}

func (a *asked) like(pairs ...any) *asked {
	a.example = js(pairs...)
	return a
}

type parameter struct {
	name, about string
	required    bool
	schema      ordered
}

var (
	plainText = js("type", "string")
	update    = js("type", "object", "properties", js("update", js("const", "success")), "required", []string{"update"})
	empty     = js("type", "object", "maxProperties", 0)
)

// fixed is an object that is always the same, but for the members whose value
// is a schema.
func fixed(pairs ...any) ordered {
	properties, names := ordered{}, []string{}
	for _, m := range js(pairs...) {
		shape, is := m.value.(ordered)
		if !is {
			shape = js("const", m.value)
		}
		properties, names = append(properties, member{m.name, shape}), append(names, m.name)
	}
	return js("type", "object", "properties", properties, "required", names)
}

func takes(s schema) *asked { return &asked{takes: s} }

// older is a form of a body that has one of these fields at least.
func older(about string, names ...string) ordered {
	return js("title", "Older form", "description", about, "type", "object",
		"not", js("propertyNames", js("not", js("enum", names))))
}

var nested = older("Version 1: a message's own fields stand below one of "+strings.Join(nests, ", ")+".", nests...)

// aMessage is the body of a message: version 1 nests its fields, and null stands
// for what is not given.
func aMessage(s schema, also ...any) *asked {
	return &asked{takes: s, also: append([]any{nested}, also...), edit: func(o ordered) ordered {
		for _, name := range mayBeNull {
			o = o.edit(name, nullable)
		}
		return o.edit("mentioned", func(m ordered) ordered { return m.with("minItems", nil) }) // empty beside mentionsEveryOne
	}}
}

func aFile(s schema, file string, also ...any) *asked {
	out := aMessage(s, also...)
	out.file = file
	return out
}

// aGroup is the body of a route of a group, which the query may name instead.
func aGroup(s schema) *asked {
	return &asked{takes: s, edit: func(o ordered) ordered {
		required := slices.DeleteFunc(slices.Clone(s.required), func(name string) bool { return name == "groupJid" })
		if o = o.with("required", nil); len(required) > 0 {
			o = o.with("required", required)
		}
		return o.edit("groupJid", func(ordered) ordered {
			return js("type", []string{"string", "null"}, "description", "The group, unless the query names it; @g.us may be left out")
		})
	}}
}

// aSearch is the body of a route that finds: what it looks at counts as missing
// when it is of another type.
func aSearch(where ordered, more ...any) *asked {
	return &asked{takes: findBody, edit: func(o ordered) ordered {
		properties := js("where", js("type", "object", "properties", where))
		properties = append(properties, js(more...)...)
		return o.with("properties", append(properties, js("offset", loosely("Size of a page"), "page", loosely("From 1 on"))...))
	}}
}

func loosely(about string) ordered { return js("description", about) }

var timeRange = js("description", "Both of gte and lte, RFC 3339", "properties", js("gte", ordered{}, "lte", ordered{}))

// webhookForm is a webhook with the names that version 1 and the n8n node have
// for its fields.
func webhookForm(required ...string) ordered {
	out := schema{kind: "object", properties: webhookFields}.jsonSchema()
	for _, f := range webhookFields {
		out = out.edit(f.name, func(o ordered) ordered {
			if slices.Contains(required, f.name) {
				return o
			}
			return nullable(o)
		})
	}
	if len(required) > 0 {
		out = out.with("required", required)
	}
	return out
}

func webhookBodies() *asked {
	const named = "webhookUrl"
	url := []any{js("required", []string{"url"}), js("required", []string{named}), js("required", []string{"webhook_url"})}
	inner := webhookForm("enabled").with("anyOf", url)
	flat := webhookForm("enabled").with("title", "Flat, as in version 1").
		with("anyOf", append(slices.Clone(url), js("required", []string{"webhook"}, "properties", js("webhook", plainText))))
	return &asked{takes: webhookBody, also: []any{flat}, edit: func(o ordered) ordered {
		return o.edit("webhook", func(ordered) ordered { return inner })
	}}
}

func createBodies() *asked {
	return &asked{takes: createBody, edit: func(o ordered) ordered {
		o = o.edit("token", nullable).edit("number", func(ordered) ordered {
			return js("type", []string{"string", "null"}, "description", "Digits, whose pairing code is shown beside the QR code")
		})
		return o.edit("webhook", func(ordered) ordered {
			return js("anyOf", []any{webhookForm(), js("type", []string{"string", "null"}, "description", "Its URL, as in version 1; the other fields stand beside it")})
		})
	}}
}

func contactBodies() *asked {
	out := aMessage(contactBody, older("Version 1: the cards have another name.", "contactMessage", "contacts"))
	loosen := out.edit
	out.edit = func(o ordered) ordered {
		return loosen(o).edit("contact", func(list ordered) ordered {
			card, _ := list.get("items").(ordered)
			for _, name := range []string{"wuid", "organization", "email", "url"} {
				card = card.edit(name, func(ordered) ordered { return js("type", []string{"string", "null"}) })
			}
			return js("anyOf", []any{list.with("items", card).with("uniqueItems", nil), card})
		})
	}
	return out
}

var (
	groupQuery  = []parameter{{name: "groupJid", about: "The group, unless the body names it; @g.us may be left out", schema: plainText}}
	theGroup    = []parameter{{name: "groupJid", about: "The group; @g.us may be left out", required: true, schema: plainText}}
	inviteQuery = []parameter{{name: "inviteCode", about: "22 letters and digits, or the link that ends with them", required: true, schema: plainText}}
	pages       = []parameter{
		{name: "state", schema: js("type", "string", "enum", []backlog.State{backlog.Waiting, backlog.Delivered, backlog.Dead})},
		{name: "webhook", about: "Only of this one", schema: plainText},
		{name: "from", schema: moments},
		{name: "to", schema: moments},
		{name: "limit", schema: js("type", "integer", "minimum", 1, "maximum", backlog.MaxPage)},
		{name: "cursor", about: "Of the page before", schema: plainText},
	}
)

var presence = fixed("presence", js("type", "string", "enum", presenceNames))

var privacy = func() ordered {
	out := ordered{}
	for _, name := range privacyNames {
		out = append(out, member{name, plainText})
	}
	return js("type", "object", "properties", out, "required", privacyNames)
}()

const owner = "Roost's own. "

// operations are all routes, in the order of the document.
var operations = []operation{
	{tag: "Server", route: "GET /", summary: "Say who is there", open: true, answer: welcome{}},
	{tag: "Server", route: "POST /verify-creds", summary: "Check the admin key", answer: credentials{}},

	{
		tag: "Instances", route: "POST /instance/create", summary: "Make an instance, with the admin key", body: createBodies().like("instanceName", "shop", "integration", baileys, "qrcode", true), status: []int{201}, answer: createAnswer{},
		about: "`qrcode: true` connects it at once. `integration` is WHATSAPP-BAILEYS.",
	},
	{tag: "Instances", route: "GET /instance/fetchInstances", summary: "List instances: all for the admin key, its own for a token", answer: []row{}, query: []parameter{
		{name: "instanceName", schema: js("type", "array", "items", plainText), about: "Only these"},
		{name: "instanceId", schema: plainText},
		{name: "number", schema: plainText, about: "Made for this number, or linked to it"},
	}},
	{
		tag: "Instances", route: "GET /instance/connect/{instance}", summary: "Begin to link a phone, or go on", answer: []any{qrObject{}, stateAnswer{}},
		about: "Waits for a code. An instance that is linked answers its state.",
		query: []parameter{{name: "number", about: "Asks for a pairing code for this number", schema: plainText}},
	},
	{tag: "Instances", route: "GET /instance/connectionState/{instance}", summary: "Tell how it is connected", answer: stateAnswer{}},
	{tag: "Instances", route: "POST /instance/restart/{instance}", summary: "Connect again", answer: []any{qrObject{}, stateAnswer{}}},
	{tag: "Instances", route: "PUT /instance/restart/{instance}", summary: "Connect again, as the documentation of Evolution has it", answer: []any{qrObject{}, stateAnswer{}}},
	{tag: "Instances", route: "POST /instance/setPresence/{instance}", summary: "Show the account as there or not", body: takes(presenceBody).like("presence", "available"), status: []int{201}, answer: presence},
	{tag: "Instances", route: "DELETE /instance/logout/{instance}", summary: "Unlink the phone", answer: doneAnswer{}},
	{tag: "Instances", route: "DELETE /instance/delete/{instance}", summary: "Delete it; its transcript is archived", answer: doneAnswer{}},
	{
		tag: "Instances", route: "GET /instance/qr/{instance}", summary: "Show the present code as picture, text or JSON", about: owner + "The form is that of `format`, or of Accept.", answer: shownQR{},
		query:  []parameter{{name: "format", schema: js("type", "string", "enum", []string{"png", "svg", "txt", "terminal", "json"})}},
		others: js("image/png", js(), "image/svg+xml", js("schema", plainText), "text/plain", js("schema", plainText)),
	},
	{tag: "Instances", route: "GET /instance/passkey/{instance}", summary: "Show the passkey that WhatsApp asks for", about: owner, answer: passkeyView{}},
	{tag: "Instances", route: "POST /instance/passkey/{instance}", summary: "Answer with a passkey, or confirm the code", about: owner, answer: doneAnswer{}, body: &asked{
		takes: schema{required: []string{"response"}}, edit: func(ordered) ordered {
			return js("type", "object", "properties", js("response", js("type", "object", "description", "The authenticator's answer (AuthenticationResponseJSON)")), "required", []string{"response"})
		}, also: []any{js("type", "object", "properties", js("confirm", js("const", true)), "required", []string{"confirm"})},
	}},
	{tag: "Instances", route: "POST /instance/archive/{instance}", summary: "Export the transcript of an instance that goes on", about: owner, status: []int{201}, answer: archiveAnswer{}},
	{tag: "Instances", route: "GET /instance/archive/{instance}", summary: "Tell how far an archive is, with new URLs", about: owner + "The instance may be gone, and is named by name or id.", answer: archiveAnswer{}},

	{tag: "Settings", route: "POST /settings/set/{instance}", summary: "Set how the instance behaves", body: takes(settingsBody).like("rejectCall", false, "msgCall", "", "groupsIgnore", false, "alwaysOnline", false, "readMessages", false,
		"readStatus", false, "syncFullHistory", false), status: []int{201}, answer: settingsAnswer{}},
	{tag: "Settings", route: "GET /settings/find/{instance}", summary: "Show the settings", answer: row{}.Setting.Settings},
	{tag: "Settings", route: "POST /proxy/set/{instance}", summary: "Set the proxy, after a try", body: takes(proxyBody), status: []int{201}, answer: proxyAnswer{}},
	{tag: "Settings", route: "GET /proxy/find/{instance}", summary: "Show the proxy, null for none", answer: &proxyRow{}},

	{tag: "Webhooks", route: "POST /webhook/set/{instance}", summary: "Set Evolution's one webhook", body: webhookBodies().like("webhook", js("enabled", true, "url", "https://example.com/hook", "events", []string{"MESSAGES_UPSERT"})), status: []int{201}, answer: webhookRow{}},
	{tag: "Webhooks", route: "GET /webhook/find/{instance}", summary: "Show Evolution's one webhook, null for none", answer: &webhookRow{}},
	{tag: "Webhooks", route: "GET /webhook/endpoints/{instance}", summary: "List the webhooks", about: owner + "Evolution's own is among them, as `main`.", answer: struct {
		Endpoints []endpoint `json:"endpoints"`
	}{}},
	{tag: "Webhooks", route: "POST /webhook/endpoints/{instance}", summary: "Add a webhook; its secret is shown once", about: owner, body: takes(endpointBody).like("url", "https://example.com/hook", "events", []string{"MESSAGES_UPSERT"}), status: []int{201}, answer: endpoint{}},
	{tag: "Webhooks", route: "GET /webhook/endpoints/{instance}/{id}", summary: "Show a webhook", about: owner, answer: endpoint{}},
	{tag: "Webhooks", route: "PUT /webhook/endpoints/{instance}/{id}", summary: "Change a webhook", about: owner, body: takes(endpointBody), answer: endpoint{}},
	{tag: "Webhooks", route: "DELETE /webhook/endpoints/{instance}/{id}", summary: "Remove a webhook", about: owner, answer: fixed("removed", plainText)},
	{tag: "Webhooks", route: "POST /webhook/rotate/{instance}/{id}", summary: "Give a webhook a new secret; the old one signs a while too", about: owner, answer: endpoint{}},
	{tag: "Webhooks", route: "GET /webhook/default", summary: "Show the webhook of all instances, with the admin key", about: owner, answer: endpoint{}},
	{tag: "Webhooks", route: "PUT /webhook/default", summary: "Set the webhook of all instances, with the admin key", about: owner + "201 when there was none, with its secret.", body: takes(endpointBody), status: []int{200, 201}, answer: endpoint{}},
	{tag: "Webhooks", route: "DELETE /webhook/default", summary: "Remove the webhook of all instances, with the admin key", about: owner, answer: fixed("removed", plainText)},
	{tag: "Webhooks", route: "POST /webhook/rotateDefault", summary: "Give the webhook of all instances a new secret, with the admin key", about: owner, answer: endpoint{}},
	{tag: "Webhooks", route: "GET /webhook/deliveries/{instance}", summary: "List what webhooks were told, wait for, or could not be told", about: owner, query: pages, answer: struct {
		Deliveries []deliveryView `json:"deliveries"`
		Cursor     string         `json:"cursor,omitempty"`
	}{}},
	{tag: "Webhooks", route: "GET /webhook/deliveries/{instance}/{id}", summary: "Show a delivery with its body", about: owner, answer: deliveryView{}},
	{tag: "Webhooks", route: "POST /webhook/replay/{instance}", summary: "Tell webhooks again: one id, a range of times, or all", about: owner, body: takes(replayBody).like("all", true), answer: struct {
		Replayed int  `json:"replayed"`
		Hurried  int  `json:"hurried"`
		More     bool `json:"more"`
	}{}},

	send("sendText", "Send a text", aMessage(sendTextBody).like("number", "4915112345678", "text", "Hello")),
	send("sendMedia", "Send a picture, video, audio or document", aFile(sendMediaBody, "The file", older("Version 1", "mediaType")).like("number", "4915112345678", "mediatype", "image", "media", "https://example.com/picture.jpg", "caption", "Look")),
	send("sendPtv", "Send a round video", aFile(fileBodyOf("video"), "The video").like("number", "4915112345678", "video", "https://example.com/video.mp4")),
	send("sendWhatsAppAudio", "Send a voice note", aFile(fileBodyOf("audio", flag("encoding")), "The audio").like("number", "4915112345678", "audio", "https://example.com/audio.mp3")),
	send("sendSticker", "Send a sticker", aFile(fileBodyOf("sticker", flag("notConvertSticker")), "The picture").like("number", "4915112345678", "sticker", "https://example.com/picture.png")),
	send("sendLocation", "Send a place", aMessage(locationBody).like("number", "4915112345678", "latitude", 52.5163, "longitude", 13.3777, "name", "Brandenburg Gate", "address", "Pariser Platz, Berlin")),
	send("sendContact", "Send cards", contactBodies().like("number", "4915112345678", "contact", []any{js("fullName", "Bob", "phoneNumber", "+49 1511 2345679")})),
	send("sendReaction", "React to a message; an empty text takes it back", aMessage(reactionBody).like("key", js("id", "3EB0A0B0C0D0E0F0A0B0C0", "remoteJid", "4915112345678@s.whatsapp.net", "fromMe", false), "reaction", "👍")),
	send("sendPoll", "Ask a poll", aMessage(pollBody).like("number", "4915112345678", "name", "When?", "selectableCount", 1, "values", []string{"Today", "Tomorrow"})),
	send("sendList", "Send a list to choose from", aMessage(listBody, older("As the documentation of Evolution has it: sections are values.", "values")).like("number", "4915112345678", "title", "Menu", "footerText", "Shop", "buttonText", "Choose",
		"sections", []any{js("title", "Drinks", "rows", []any{js("title", "Tea", "rowId", "tea")})})),
	send("sendButtons", "Send buttons", aMessage(buttonsBody).like("number", "4915112345678", "title", "Delivered?", "buttons", []any{js("type", "reply", "displayText", "Yes", "id", "yes")})),
	send("sendStatus", "Publish a status", aFile(statusBody, "The picture, video or audio").like("type", "text", "content", "Open until six", "backgroundColor", "#128c7e", "font", 1, "allContacts", true)),
	{tag: "Messages", route: "POST /message/sendTemplate/{instance}", summary: "Not for accounts of this kind: always refused", body: takes(templateBody)},
	{tag: "Messages", route: "POST /call/offer/{instance}", summary: "Not served: always refused", body: takes(callBody)},
	{tag: "Messages", route: "POST /media/{instance}", summary: "Make room for a file too large for a request", about: owner + "PUT the file to `uploadURL`; `media` stands for it wherever a URL may.", body: takes(uploadBody), status: []int{201}, answer: uploadAnswer{}},
	{tag: "Messages", route: "POST /chat/updateMessage/{instance}", summary: "Give a message another text", body: takes(updateBody), once: true, answer: rawMessage{}},
	{tag: "Messages", route: "DELETE /chat/deleteMessageForEveryone/{instance}", summary: "Take a message back", body: takes(deleteBody), once: true, status: []int{201}, answer: rawMessage{}},
	{
		tag: "Messages", route: "POST /chat/markMessageAsRead/{instance}", summary: "Mark messages as read", status: []int{201}, answer: fixed("message", "Read messages", "read", "success"),
		body: &asked{takes: readBody, also: []any{older("As the documentation of Evolution has it.", "read_messages")}},
	},
	{tag: "Messages", route: "POST /chat/markMessageAsPlayed/{instance}", summary: "Mark voice notes as played", body: takes(playedBody), status: []int{201}, answer: fixed("message", "Played messages", "played", "success")},
	{tag: "Messages", route: "POST /chat/findMessages/{instance}", summary: "Find messages, the newest first", answer: struct {
		Messages struct {
			Total   int64          `json:"total"`
			Pages   int64          `json:"pages"`
			Current int            `json:"currentPage"`
			Records []foundMessage `json:"records"`
		} `json:"messages"`
	}{}, body: aSearch(js("id", ordered{}, "source", ordered{}, "messageType", ordered{}, "messageTimestamp", timeRange,
		"key", loosely("id, remoteJid, participant")))},
	{tag: "Messages", route: "POST /chat/findStatusMessage/{instance}", summary: "Find what became of messages", answer: []statusRow{}, body: aSearch(js("id", loosely("The message's"), "remoteJid", ordered{}))},
	{
		tag: "Messages", route: "POST /chat/getPollVote/{instance}", summary: "Count a poll's votes, by its options", body: takes(pollVoteBody),
		answer: fixed("poll", fixed("name", plainText, "totalVotes", js("type", "integer"), "results", js("type", "object", "additionalProperties",
			fixed("votes", js("type", "integer"), "voters", js("type", "array", "items", plainText))))),
	},
	{tag: "Messages", route: "POST /chat/getBase64FromMediaMessage/{instance}", summary: "Get the file of a message", body: takes(fileBody), status: []int{201}, answer: fileAnswer{}},

	{
		tag: "Chats", route: "POST /chat/findChats/{instance}", summary: "List chats, those with the newest messages first", answer: []chatRow{},
		body: aSearch(js("remoteJid", ordered{}, "messageTimestamp", timeRange), "take", loosely("How many"), "skip", loosely("How many to leave out")),
	},
	{
		tag: "Chats", route: "GET /chat/findChatByRemoteJid/{instance}", summary: "Show a chat, null for none", answer: &oneChat{}, refusal: fixed("error", plainText),
		query: []parameter{{name: "remoteJid", required: true, schema: plainText}},
	},
	{tag: "Chats", route: "POST /chat/findContacts/{instance}", summary: "List contacts and groups", answer: []contactRow{}, body: aSearch(js("id", ordered{}, "remoteJid", ordered{}, "pushName", ordered{}))},
	{tag: "Chats", route: "POST /chat/archiveChat/{instance}", summary: "Archive a chat, or take it back", body: takes(archiveChatBody), status: []int{201}, answer: fixed("chatId", plainText, "archived", true)},
	{tag: "Chats", route: "POST /chat/markChatUnread/{instance}", summary: "Mark a chat as unread", body: takes(unreadChatBody), status: []int{201}, answer: fixed("chatId", plainText, "markedChatUnread", true)},
	{
		tag: "Chats", route: "POST /chat/sendPresence/{instance}", summary: "Show the account typing or recording", status: []int{201}, answer: presence,
		body: &asked{takes: chatPresenceBody, also: []any{older("As the documentation of Evolution has it: the fields stand below options.", "options")}},
	},
	numbers("whatsappNumbers", "Find out which numbers are on WhatsApp"),
	numbers("checkIsWhatsappNumber", "whatsappNumbers, as the Python client calls it"),
	{tag: "Chats", route: "POST /label/handleLabel/{instance}", summary: "Give a chat a label, or take it", body: takes(labelBody), answer: js(
		"type", "object", "properties", js("numberJid", plainText, "labelId", plainText, "add", js("const", true), "remove", js("const", true)),
		"required", []string{"numberJid", "labelId"})},
	{tag: "Chats", route: "GET /label/findLabels/{instance}", summary: "List the labels", answer: []labelRow{}},

	{tag: "Profiles", route: "POST /chat/fetchProfile/{instance}", summary: "Show somebody's profile, without a number the own one", body: takes(numberBody), answer: profileJSON{}},
	{tag: "Profiles", route: "POST /chat/fetchProfilePictureUrl/{instance}", summary: "Tell where somebody's or a group's picture is", body: takes(numberBody), answer: struct {
		WUID    string  `json:"wuid"`
		Picture *string `json:"profilePictureUrl"`
	}{}},
	{tag: "Profiles", route: "POST /chat/fetchBusinessProfile/{instance}", summary: "Show the profile of a business", body: takes(numberBody), answer: []any{businessJSON{}, privatePerson{}}},
	{tag: "Profiles", route: "POST /chat/updateProfileName/{instance}", summary: "Set the account's name", body: takes(profileNameBody), answer: update},
	{tag: "Profiles", route: "POST /chat/updateProfileStatus/{instance}", summary: "Set what the account says of itself", body: takes(profileStatusBody), answer: update},
	{tag: "Profiles", route: "POST /chat/updateProfilePicture/{instance}", summary: "Set the account's picture, a URL or base64", body: takes(profilePictureBody), answer: update},
	{tag: "Profiles", route: "DELETE /chat/removeProfilePicture/{instance}", summary: "Remove the account's picture", answer: update},
	{tag: "Profiles", route: "GET /chat/fetchPrivacySettings/{instance}", summary: "Show who may see and do what", answer: privacy},
	{
		tag: "Profiles", route: "POST /chat/updatePrivacySettings/{instance}", summary: "Set who may see and do what", status: []int{201}, answer: fixed("update", "success", "data", privacy),
		body: &asked{takes: privacyBody, also: []any{older("As the documentation of Evolution has it: the fields stand below privacySettings.", "privacySettings")}},
	},
	{tag: "Profiles", route: "POST /chat/updateBlockStatus/{instance}", summary: "Block somebody, or no longer", body: takes(blockBody), status: []int{201}, answer: fixed("block", "success")},
	{tag: "Profiles", route: "POST /message/updateBlockStatus/{instance}", summary: "updateBlockStatus, as the documentation of Evolution has it", body: takes(blockBody), status: []int{201}, answer: fixed("block", "success")},

	{tag: "Groups", route: "POST /group/create/{instance}", summary: "Make a group", body: takes(createGroupBody), status: []int{201}, answer: metadata.Group{}},
	{tag: "Groups", route: "GET /group/findGroupInfos/{instance}", summary: "Show a group", query: theGroup, answer: metadata.Group{}},
	{
		tag: "Groups", route: "GET /group/fetchAllGroups/{instance}", summary: "List the groups of the account", answer: []metadata.Group{},
		query: []parameter{{name: "getParticipants", required: true, schema: js("type", "string", "enum", []string{"true", "false"})}},
	},
	{tag: "Groups", route: "GET /group/participants/{instance}", summary: "List the members of a group", query: theGroup, answer: struct {
		Members []metadata.Member `json:"participants"`
	}{}},
	{tag: "Groups", route: "POST /group/updateParticipant/{instance}", summary: "Add, remove, promote or demote members", query: groupQuery, body: aGroup(groupMembersBody), status: []int{201}, answer: struct {
		Moved []movedRow `json:"updateParticipants"`
	}{}},
	{tag: "Groups", route: "POST /group/updateGroupSubject/{instance}", summary: "Rename a group", query: groupQuery, body: aGroup(groupSubjectBody), status: []int{201}, answer: update},
	{tag: "Groups", route: "POST /group/updateGroupDescription/{instance}", summary: "Describe a group", query: groupQuery, body: aGroup(groupDescriptionBody), status: []int{201}, answer: update},
	{tag: "Groups", route: "POST /group/updateGroupPicture/{instance}", summary: "Set a group's picture, a URL or base64", query: groupQuery, body: aGroup(groupPictureBody), status: []int{201}, answer: update},
	{tag: "Groups", route: "POST /group/updateSetting/{instance}", summary: "Set who writes in a group and who edits it", query: groupQuery, body: aGroup(groupSettingBody), status: []int{201}, answer: empty},
	{tag: "Groups", route: "POST /group/toggleEphemeral/{instance}", summary: "Set after how many seconds messages vanish, 0 for never", query: groupQuery, body: aGroup(groupTimerBody), status: []int{201}, answer: fixed("success", true)},
	{tag: "Groups", route: "POST /group/updateMemberAddMode/{instance}", summary: "Set who adds members", query: groupQuery, body: aGroup(groupModeBody), status: []int{201}, answer: empty},
	{tag: "Groups", route: "GET /group/inviteCode/{instance}", summary: "Show a group's link", query: theGroup, answer: fixed("inviteUrl", plainText, "inviteCode", plainText)},
	{tag: "Groups", route: "POST /group/revokeInviteCode/{instance}", summary: "Give a group a new link", query: groupQuery, body: aGroup(groupBody), status: []int{201}, answer: fixed("revoked", true, "inviteCode", plainText)},
	{tag: "Groups", route: "GET /group/inviteInfo/{instance}", summary: "Show the group behind a link", query: inviteQuery, answer: metadata.Group{}},
	{tag: "Groups", route: "GET /group/acceptInviteCode/{instance}", summary: "Join the group behind a link", query: inviteQuery, answer: fixed("accepted", true, "groupJid", plainText)},
	{tag: "Groups", route: "POST /group/sendInvite/{instance}", summary: "Write a group's link to people", query: groupQuery, body: aGroup(groupSendBody), answer: fixed("send", true, "inviteUrl", plainText)},
	{tag: "Groups", route: "DELETE /group/leaveGroup/{instance}", summary: "Leave a group", query: groupQuery, body: aGroup(groupBody), answer: fixed("groupJid", plainText, "leave", true)},
}

func send(name, summary string, body *asked) operation {
	return operation{
		tag: "Messages", route: "POST /message/" + name + "/{instance}", summary: summary, body: body, once: true, status: []int{201}, answer: sentMessage{},
	}
}

func numbers(name, summary string) operation {
	return operation{tag: "Chats", route: "POST /chat/" + name + "/{instance}", summary: summary, body: takes(numbersBody).like("numbers", []string{"4915112345678"}), answer: []numberJSON{}, bare: true}
}

// purposes say what a field of a body is for, wherever it stands.
var purposes = map[string]string{
	"number":           "A phone number, as people write it, or the JID of a person or a group",
	"numbers":          "Phone numbers, as people write them, or JIDs",
	"participants":     "Phone numbers, as people write them, or JIDs",
	"delay":            "Milliseconds for which the account is shown typing or recording",
	"quoted":           "The message that this one answers",
	"mentionsEveryOne": "Mentions all members of the group",
	"mentioned":        "Whom the text mentions, in a group: phone numbers, or JIDs",
	"messageId":        "16 to 32 capital letters and digits, Roost's own choice if there is none: a send that comes again under it arrives once",
	"linkPreview":      "Shows what is behind the first link; true if it is missing",
	"media":            "A URL, base64, a data URI, or what POST /media has named",
	"video":            "A URL, base64, a data URI, or what POST /media has named",
	"audio":            "A URL, base64, a data URI, or what POST /media has named",
	"sticker":          "A URL, base64, a data URI, or what POST /media has named",
	"content":          "The text; or the file as a URL, base64, a data URI, or what POST /media has named",
	"picture":          "A URL, base64 or a data URI",
	"image":            "A URL, base64 or a data URI",
	"mimetype":         "Of the file; its name and what is known of it go before",
	"encoding":         "false for a file that is an Ogg of Opus already",
	"statusJidList":    "Who sees it, unless allContacts",
	"backgroundColor":  "#rrggbb, of a text",
	"instanceName":     "Its name in the paths of all routes",
	"integration":      baileys,
	"token":            "The instance's own key; one is made if there is none",
	"qrcode":           "Connects at once and answers the QR code",
	"rejectCall":       "Rejects calls",
	"msgCall":          "Text that is sent to a caller who is rejected",
	"groupsIgnore":     "Hears nothing of groups",
	"alwaysOnline":     "Shows the account as online",
	"readMessages":     "Marks what arrives as read",
	"readStatus":       "Hears of what people publish as their status, and marks it as read",
	"syncFullHistory":  "Asks the phone for its whole history when it is linked",
	"qrTimeout":        "How long a pairing lasts, in seconds from 1 to 3600",
	"storeMedia":       "Keeps the files of messages",
	"mediaTypes":       "Of which kinds files are kept; all if there are none",
	"mediaMaxBytes":    "How large files are kept at most",
	"proxyOnlyLogin":   "All but the login goes directly",
	"onlyLogin":        "All but the login goes directly",
	"events":           "Of what it is told; of everything if there are none",
	"byEvents":         "Appends the event's name to the URL",
	"base64":           "Tells the files of messages too",
	"headers":          "Headers that are sent along; jwt_key signs an Authorization",
	"format":           "In whose words: evolution, or another format of webhooks",
	"reaction":         "One emoji, or an empty text",
	"selectableCount":  "How many answers may be chosen, 0 for any",
	"fromMe":           "Whether the account has written it",
	"participant":      "In a group: who has written it",
	"remoteJid":        "Its chat",
	"expiration":       "Seconds",
	"convertToMp4":     "Not looked at",
	"all":              "All that could not be told",
	"font":             "1 to 5, of a text",
	"getParticipants":  "Whether members are listed",
}
