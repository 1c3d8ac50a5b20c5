package evolution

import "regexp"

// The bodies that routes take, as Evolution 2.3.7 declares them: the order of
// the properties is the order of refusals. qrTimeout, storeMedia,
// mediaTypes and mediaMaxBytes are Roost's, messageId is 2.4's.

var (
	numberField    = schema{name: "number", kind: "string", description: "Invalid format"}
	delayField     = schema{name: "delay", kind: "integer", description: "Enter a value in milliseconds"}
	mentionedField = schema{
		name: "mentioned", kind: "array", minItems: 1, unique: true,
		items: &schema{kind: "string", pattern: regexp.MustCompile(`^\d+`), description: `"mentioned" must be an array of numeric strings`},
	}
	quotedField = schema{name: "quoted", properties: []schema{
		{
			name: "key", kind: "object", required: []string{"id"}, filled: []string{"id"},
			properties: []schema{text("id"), text("remoteJid"), flag("fromMe"), text("participant")},
		},
		{name: "message", kind: "object"},
	}}
)

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

var sendTextBody = schema{
	kind: "object",
	properties: []schema{
		numberField, text("text"), flag("linkPreview"), delayField, quotedField, flag("mentionsEveryOne"), mentionedField, text("messageId"),
	},
	required: []string{"number", "text"},
}

var sendMediaBody = schema{
	kind: "object",
	properties: []schema{
		numberField,
		{name: "mediatype", kind: "string", enum: []string{"image", "document", "video", "audio"}},
		text("mimetype"), text("media"), text("fileName"), text("caption"),
		delayField, quotedField, flag("mentionsEveryOne"), mentionedField, text("messageId"),
	},
	required: []string{"number", "mediatype"},
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

var numbersBody = schema{
	kind: "object",
	properties: []schema{{
		name: "numbers", kind: "array", minItems: 1, unique: true,
		items: &schema{kind: "string", description: `"numbers" must be an array of numeric strings`},
	}},
	required: []string{"numbers"},
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
