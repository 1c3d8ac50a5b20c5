package evolution

import "regexp"

// The bodies of messages. messageId, gifPlayback and gifAttribution are 2.4's.

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

// common are the fields that all messages may have.
var common = []schema{delayField, quotedField, flag("mentionsEveryOne"), mentionedField, text("messageId")}

// messageBody is the body of a message: number, its own fields, and those that
// all may have.
func messageBody(required []string, own ...schema) schema {
	properties := append([]schema{numberField}, own...)
	return schema{kind: "object", properties: append(properties, common...), required: append([]string{"number"}, required...)}
}

var sendTextBody = messageBody([]string{"text"}, text("text"), flag("linkPreview"))

var sendMediaBody = messageBody([]string{"mediatype"},
	schema{name: "mediatype", kind: "string", enum: []string{"image", "document", "video", "audio"}},
	text("mimetype"), text("media"), text("fileName"), text("caption"), flag("gifPlayback"), gifAttribution,
)

// gifAttribution is who made a video that loops: a name, or its number in
// WhatsApp's VideoMessage.Attribution. Others count as nobody.
var gifAttribution = schema{name: "gifAttribution"}

var attributions = []string{"NONE", "GIPHY", "TENOR"}

// fileBodyOf is the body of a message whose file may stand in a field.
func fileBodyOf(field string, own ...schema) schema {
	return messageBody(nil, append([]schema{text(field)}, own...)...)
}

var locationBody = messageBody([]string{"latitude", "longitude", "name", "address"},
	schema{name: "latitude", kind: "number"}, schema{name: "longitude", kind: "number"}, text("name"), text("address"),
)

var contactBody = messageBody([]string{"contact"}, schema{
	name: "contact", kind: "array", minItems: 1, unique: true, items: &schema{
		kind: "object",
		properties: []schema{
			text("fullName"),
			{name: "wuid", kind: "string", minLength: 10, pattern: regexp.MustCompile(`\d+`), description: `"wuid" must be a numeric string`},
			{name: "phoneNumber", kind: "string", minLength: 10},
			text("organization"), text("email"), text("url"),
		},
		required: []string{"fullName", "phoneNumber"}, filled: []string{"fullName"},
	},
})

// keyField names a message that exists.
var keyField = schema{
	name: "key", kind: "object",
	properties: []schema{text("id"), text("remoteJid"), flag("fromMe"), text("participant")},
	required:   []string{"id", "remoteJid", "fromMe"}, filled: []string{"id", "remoteJid"},
}

var reactionBody = schema{
	kind: "object", properties: []schema{keyField, text("reaction"), delayField, text("messageId")}, required: []string{"key", "reaction"},
}

var pollBody = messageBody([]string{"name", "selectableCount", "values"},
	text("name"), schema{name: "selectableCount", kind: "integer", between: &[2]float64{0, 10}},
	schema{name: "values", kind: "array", minItems: 2, maxItems: 10, unique: true, items: &schema{kind: "string"}},
)

var listBody = messageBody([]string{"title", "footerText", "buttonText", "sections"},
	text("title"), text("description"), text("footerText"), text("buttonText"),
	schema{name: "sections", kind: "array", minItems: 1, unique: true, items: &schema{
		kind: "object",
		properties: []schema{text("title"), {name: "rows", kind: "array", minItems: 1, unique: true, items: &schema{
			kind: "object", properties: []schema{text("title"), text("description"), text("rowId")},
			required: []string{"title", "rowId"}, filled: []string{"title", "description", "rowId"},
		}}},
		required: []string{"title", "rows"}, filled: []string{"title"},
	}},
)

var buttonsBody = messageBody(nil,
	text("thumbnailUrl"), text("title"), text("description"), text("footer"),
	schema{name: "buttons", kind: "array", items: &schema{
		kind: "object",
		properties: []schema{
			{name: "type", kind: "string", enum: []string{"reply", "copy", "url", "call", "pix"}},
			text("displayText"), text("id"), text("url"), text("copyCode"), text("phoneNumber"), text("currency"), text("name"),
			{name: "keyType", kind: "string", enum: []string{"phone", "email", "cpf", "cnpj", "random"}},
			text("key"),
		},
		required: []string{"type"}, filled: []string{"id", "url", "phoneNumber"},
	}},
)

var statusBody = schema{
	kind: "object",
	properties: []schema{
		{name: "type", kind: "string", enum: []string{"text", "image", "audio", "video"}},
		text("content"), text("caption"), text("backgroundColor"),
		{name: "font", kind: "integer", between: &[2]float64{0, 5}},
		{name: "statusJidList", kind: "array", minItems: 1, unique: true, items: &schema{
			kind: "string", pattern: regexp.MustCompile(`^\d+`), description: `"statusJidList" must be an array of numeric strings`,
		}},
		flag("allContacts"), text("messageId"),
	},
	required: []string{"type"},
}

var updateBody = schema{
	kind: "object", properties: []schema{numberField, text("text"), keyField}, required: []string{"key"},
}

var deleteBody = schema{
	kind: "object", properties: []schema{text("id"), flag("fromMe"), text("remoteJid"), text("participant")},
	required: []string{"id", "fromMe", "remoteJid"}, filled: []string{"id", "remoteJid"},
}

var templateBody = schema{kind: "object", properties: []schema{text("name"), text("language"), numberField}, required: []string{"name", "language"}}

var callBody = schema{
	kind: "object",
	properties: []schema{
		numberField, flag("isVideo"), {name: "callDuration", kind: "integer", between: &[2]float64{1, 15}},
	},
	required: []string{"number", "callDuration"},
}

var uploadBody = schema{kind: "object", properties: []schema{text("mimetype")}}
