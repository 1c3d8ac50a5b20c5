package evolution

import "regexp"

// The bodies that routes take, as Evolution 2.3.7 declares them: the order of
// the properties is the order of refusals. qrTimeout, storeMedia,
// mediaTypes and mediaMaxBytes are Roost's, messageId is 2.4's.

// mediaTypesField are kinds of files to keep (message.Media.Kind).
var mediaTypesField = schema{
	name: "mediaTypes", kind: "array", items: &schema{kind: "string", enum: []string{"image", "video", "audio", "voice", "document", "sticker"}},
}

func text(name string) schema { return schema{name: name, kind: "string"} }

func flag(name string) schema { return schema{name: name, kind: "boolean"} }

var createBody = schema{
	kind: "object",
	properties: []schema{
		text("instanceName"), text("token"),
		{name: "number", kind: "string", pattern: regexp.MustCompile(`^\d+[\.@\w-]+`)},
		flag("qrcode"), text("integration"),
		flag("rejectCall"), text("msgCall"), flag("groupsIgnore"), flag("alwaysOnline"), flag("readMessages"), flag("readStatus"),
		flag("syncFullHistory"), text("wavoipToken"),
		{name: "qrTimeout", kind: "integer"},
		flag("storeMedia"), mediaTypesField,
		{name: "mediaMaxBytes", kind: "integer"},
		text("proxyHost"), text("proxyPort"), text("proxyProtocol"), text("proxyUsername"), text("proxyPassword"), flag("proxyOnlyLogin"),
		{name: "webhook", kind: "object", properties: webhookFields},
	},
	required: []string{"instanceName"},
	filled:   []string{"instanceName"},
}

// webhookFields. Evolution does not look at the webhook of a create body and
// fails on it later.
var webhookFields = []schema{
	flag("enabled"), text("url"),
	{name: "headers", kind: "object"},
	flag("byEvents"), flag("base64"),
	{name: "events", kind: "array", items: &schema{kind: "string", enum: eventNames}},
}

var proxyBody = schema{
	kind: "object",
	properties: []schema{
		flag("enabled"), text("host"), text("port"), text("protocol"), text("username"), text("password"), flag("onlyLogin"),
	},
	required: []string{"enabled", "host", "port", "protocol"}, // an enabled one with an empty host does not work anyway
}

var webhookBody = schema{
	kind: "object",
	properties: []schema{{
		name: "webhook", kind: "object", properties: webhookFields,
		required: []string{"enabled", "url"}, filled: []string{"enabled", "url"},
	}},
	required: []string{"webhook"},
}

var settingsRequired = []string{"rejectCall", "groupsIgnore", "alwaysOnline", "readMessages", "readStatus", "syncFullHistory"}

var settingsBody = schema{
	kind: "object",
	properties: []schema{
		flag("rejectCall"), text("msgCall"), flag("groupsIgnore"), flag("alwaysOnline"), flag("readMessages"), flag("readStatus"),
		flag("syncFullHistory"), text("wavoipToken"),
		{name: "qrTimeout", kind: "integer"},
		flag("storeMedia"), mediaTypesField,
		{name: "mediaMaxBytes", kind: "integer"},
	},
	required: settingsRequired,
	filled:   settingsRequired,
}

// findBody is what all find routes take. The rest of what they look at may be of
// any type, as in Evolution, and counts as missing when it is of another.
var findBody = schema{
	kind:       "object",
	properties: []schema{{name: "where", kind: "object"}},
}

// fileBody. Evolution takes a whole message; its key is enough.
var fileBody = schema{
	kind: "object",
	properties: []schema{
		{name: "message", kind: "object", properties: []schema{{name: "key", kind: "object", properties: []schema{text("id"), text("remoteJid")}}}},
		flag("convertToMp4"),
	},
	required: []string{"message"},
}

var pollVoteBody = schema{
	kind: "object",
	properties: []schema{
		text("remoteJid"),
		{name: "message", kind: "object", properties: []schema{
			{name: "key", kind: "object", properties: []schema{text("id")}, required: []string{"id"}, filled: []string{"id"}},
		}, required: []string{"key"}},
	},
	required: []string{"message", "remoteJid"},
	filled:   []string{"remoteJid"},
}

var numbersBody = schema{
	kind: "object",
	properties: []schema{{
		name: "numbers", kind: "array", minItems: 1, unique: true,
		items: &schema{kind: "string", description: `"numbers" must be an array of numeric strings`},
	}},
	required: []string{"numbers"},
}

// numericTexts are numbers as users write them, ten characters at least.
func numericTexts(name string) schema {
	return schema{name: name, kind: "array", minItems: 1, unique: true, items: &schema{
		kind: "string", minLength: 10, pattern: regexp.MustCompile(`\d+`), description: `"` + name + `" must be an array of numeric strings`,
	}}
}

var createGroupBody = schema{
	kind: "object",
	properties: []schema{
		text("subject"), text("description"), text("profilePicture"), flag("promoteParticipants"), numericTexts("participants"),
	},
	required: []string{"subject", "participants"},
	filled:   []string{"subject", "description", "profilePicture"},
}

// ofGroup is the body of a route of a group, whose JID stands in the body or in
// the query.
func ofGroup(required []string, properties ...schema) schema {
	return schema{
		kind:       "object",
		properties: append([]schema{{name: "groupJid", kind: "string", pattern: regexp.MustCompile(`^[\d-]+@g.us$`)}}, properties...),
		required:   append([]string{"groupJid"}, required...), filled: append([]string{"groupJid"}, required...),
	}
}

var (
	groupBody            = ofGroup(nil)
	groupSubjectBody     = ofGroup([]string{"subject"}, text("subject"))
	groupDescriptionBody = ofGroup([]string{"description"}, text("description"))
	groupPictureBody     = ofGroup([]string{"image"}, text("image"))
	groupMembersBody     = ofGroup([]string{"action", "participants"},
		schema{name: "action", kind: "string", enum: []string{"add", "remove", "promote", "demote"}}, numericTexts("participants"))
	groupSettingBody = ofGroup([]string{"action"},
		schema{name: "action", kind: "string", enum: []string{"announcement", "not_announcement", "locked", "unlocked"}})
	groupTimerBody = ofGroup([]string{"expiration"}, schema{name: "expiration", kind: "number", enum: []string{"0", "86400", "604800", "7776000"}})
	groupModeBody  = ofGroup([]string{"mode"}, schema{name: "mode", kind: "string", enum: []string{"admin_add", "all_member_add"}})
	groupSendBody  = ofGroup([]string{"description", "numbers"}, text("description"), numericTexts("numbers"))
)

var inviteBody = schema{
	kind:       "object",
	properties: []schema{{name: "inviteCode", kind: "string", pattern: regexp.MustCompile(`^[a-zA-Z0-9]{22}$`)}},
	required:   []string{"inviteCode"}, filled: []string{"inviteCode"},
}

var listGroupsBody = schema{
	kind:       "object",
	properties: []schema{{name: "getParticipants", kind: "string", enum: []string{"true", "false"}}},
	required:   []string{"getParticipants"}, filled: []string{"getParticipants"},
}

// messageKeyField names a message of a chat.
var messageKeyField = schema{
	name: "key", kind: "object", properties: []schema{text("id"), text("remoteJid"), flag("fromMe")},
	required: []string{"id", "remoteJid", "fromMe"}, filled: []string{"id", "remoteJid"},
}

// messageKeys is a list of messages.
func messageKeys(name string) schema {
	return schema{
		kind: "object",
		properties: []schema{{name: name, kind: "array", minItems: 1, unique: true, items: &schema{
			kind: "object", properties: []schema{text("id"), flag("fromMe"), text("remoteJid"), text("participant")},
			required: []string{"id", "fromMe", "remoteJid"}, filled: []string{"id", "remoteJid"},
		}}},
		required: []string{name},
	}
}

var (
	readBody   = messageKeys("readMessages")
	playedBody = messageKeys("playedMessages")
)

var lastMessageField = schema{
	name: "lastMessage", kind: "object",
	properties: []schema{messageKeyField, {name: "messageTimestamp", kind: "integer"}},
	required:   []string{"key"},
}

var archiveChatBody = schema{
	kind: "object", properties: []schema{text("chat"), flag("archive"), lastMessageField},
	required: []string{"archive"},
}

var unreadChatBody = schema{
	kind: "object", properties: []schema{text("chat"), lastMessageField},
	required: []string{"lastMessage"},
}

var presenceNames = []string{"unavailable", "available", "composing", "recording", "paused"}

var presenceBody = schema{
	kind: "object", properties: []schema{{name: "presence", kind: "string", enum: presenceNames}},
	required: []string{"presence"}, filled: []string{"presence"},
}

var chatPresenceBody = schema{
	kind:       "object",
	properties: []schema{text("number"), {name: "delay", kind: "number"}, {name: "presence", kind: "string", enum: presenceNames}},
	required:   []string{"number", "presence", "delay"}, filled: []string{"number"},
}

var blockBody = schema{
	kind:       "object",
	properties: []schema{text("number"), {name: "status", kind: "string", enum: []string{"block", "unblock"}}},
	required:   []string{"number", "status"}, filled: []string{"number", "status"},
}

// numberBody names a person or a group, or nobody.
var numberBody = schema{kind: "object", properties: []schema{text("number")}}

// oneText is a body with one text that must be there.
func oneText(name string) schema {
	return schema{kind: "object", properties: []schema{text(name)}, required: []string{name}, filled: []string{name}}
}

var (
	profileNameBody    = oneText("name")
	profileStatusBody  = oneText("status")
	profilePictureBody = oneText("picture")
)

var privacyBody = schema{
	kind: "object",
	properties: []schema{
		{name: "readreceipts", kind: "string", enum: []string{"all", "none"}},
		{name: "profile", kind: "string", enum: []string{"all", "contacts", "contact_blacklist", "none"}},
		{name: "status", kind: "string", enum: []string{"all", "contacts", "contact_blacklist", "none"}},
		{name: "online", kind: "string", enum: []string{"all", "match_last_seen"}},
		{name: "last", kind: "string", enum: []string{"all", "contacts", "contact_blacklist", "none"}},
		{name: "groupadd", kind: "string", enum: []string{"all", "contacts", "contact_blacklist", "none"}},
	},
	required: privacyNames,
	filled:   privacyNames,
}

var privacyNames = []string{"readreceipts", "profile", "status", "online", "last", "groupadd"}

var labelBody = schema{
	kind: "object",
	properties: []schema{
		{name: "number", kind: "string", description: "Invalid format"},
		text("labelId"),
		{name: "action", kind: "string", enum: []string{"add", "remove"}},
	},
	required: []string{"number", "labelId", "action"}, filled: []string{"number", "labelId", "action"},
}

// eventNames are what a webhook may ask for, in Evolution's order, and last the
// alias that it computes itself and yet refuses.
var eventNames = []string{
	"APPLICATION_STARTUP", "QRCODE_UPDATED", "MESSAGES_SET", "MESSAGES_UPSERT", "MESSAGES_EDITED", "MESSAGES_UPDATE",
	"MESSAGES_DELETE", "SEND_MESSAGE", "SEND_MESSAGE_UPDATE", "CONTACTS_SET", "CONTACTS_UPSERT", "CONTACTS_UPDATE",
	"PRESENCE_UPDATE", "CHATS_SET", "CHATS_UPSERT", "CHATS_UPDATE", "CHATS_DELETE", "GROUPS_UPSERT", "GROUP_UPDATE",
	"GROUP_PARTICIPANTS_UPDATE", "CONNECTION_UPDATE", "LABELS_EDIT", "LABELS_ASSOCIATION", "CALL", "TYPEBOT_START",
	"TYPEBOT_CHANGE_STATUS", "REMOVE_INSTANCE", "LOGOUT_INSTANCE", "INSTANCE_CREATE", "INSTANCE_DELETE", "STATUS_INSTANCE",
	"MESSAGING_HISTORY_SET", "GROUPS_UPDATE",
}
