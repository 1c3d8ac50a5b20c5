package evolution

import (
	"encoding/json"
	"maps"
	"strings"
)

// Bodies that Evolution 2.3 refuses or ignores and its documentation, version 1
// and the n8n node send all the same. Each function brings them to the present
// form before they are checked.

// rename moves the first of the other names to name, unless that is there.
func rename(fields map[string]any, name string, others ...string) {
	for _, other := range others {
		value, given := fields[other]
		if _, taken := fields[name]; given && !taken {
			fields[name] = value
		}
	}
}

func modernWebhook(fields map[string]any) {
	rename(fields, "url", "webhookUrl", "webhook_url")
	rename(fields, "byEvents", "webhookByEvents", "webhook_by_events", "by_events")
	rename(fields, "base64", "webhookBase64", "webhook_base64")
	rename(fields, "events", "webhookEvents", "webhook_events")
	// JSON's null stands for "not given" in clients that fill every field.
	maps.DeleteFunc(fields, func(_ string, value any) bool { return value == nil })
}

// modernWebhookBody wraps the flat form.
func modernWebhookBody(b *body) {
	fields := b.object()
	inner, wrapped := fields["webhook"].(map[string]any)
	if !wrapped {
		address, isText := fields["webhook"].(string)
		_, flat := fields["url"]
		_, named := fields["webhookUrl"]
		_, switched := fields["enabled"]
		if _, other := fields["webhook"]; other && !isText || !other && !flat && !named && !switched {
			return
		}
		inner = maps.Clone(fields)
		delete(inner, "webhook")
		if isText {
			inner["url"] = address
		}
		fields["webhook"] = inner
	}
	modernWebhook(inner)
}

// modernCreate takes the flat webhook of version 1, where webhook is the URL.
func modernCreate(b *body) {
	fields := b.object()
	for _, name := range []string{"token", "number"} { // optional, and null in some SDKs
		if value, given := fields[name]; given && (value == nil || value == "") {
			delete(fields, name)
		}
	}
	if number, isText := fields["number"].(string); isText {
		fields["number"] = strings.TrimPrefix(strings.TrimSpace(number), "+")
	}
	inner, wrapped := fields["webhook"].(map[string]any)
	if address, isText := fields["webhook"].(string); isText {
		if address == "" {
			delete(fields, "webhook")
			return
		}
		fields["url"] = address
		inner = flatWebhook(fields)
	} else if _, flat := fields["webhookUrl"].(string); !wrapped && flat {
		inner = flatWebhook(fields)
	}
	if inner != nil {
		modernWebhook(inner)
		fields["webhook"] = inner
	} else if fields["webhook"] == nil {
		delete(fields, "webhook")
	}
}

func flatWebhook(fields map[string]any) map[string]any {
	inner := map[string]any{}
	for _, name := range []string{
		"url", "webhookUrl", "webhook_url", "webhookByEvents", "webhook_by_events", "webhookBase64", "webhook_base64", "webhookEvents",
		"events", "headers",
	} {
		if value, given := fields[name]; given {
			inner[name] = value
		}
	}
	return inner
}

// nests are what version 1 puts a message's own fields into.
var nests = []string{
	"textMessage", "mediaMessage", "audioMessage", "stickerMessage", "locationMessage", "reactionMessage", "pollMessage", "listMessage",
	"buttonMessage", "buttonsMessage", "statusMessage", "options",
}

// mayBeNull are the fields of messages in which null stands for "not given".
var mayBeNull = []string{
	"delay", "linkPreview", "quoted", "mentioned", "mentionsEveryOne", "mimetype", "fileName", "caption", "messageId", "encoding",
	"notConvertSticker", "gifPlayback", "gifAttribution", "description", "footer", "thumbnailUrl", "backgroundColor", "font", "statusJidList", "allContacts",
}

// modernMessage lifts what version 1 nests.
func modernMessage(b *body) {
	fields := b.object()
	for _, nest := range nests {
		inner, nested := fields[nest].(map[string]any)
		if !nested {
			continue
		}
		for name, value := range inner {
			if _, taken := fields[name]; !taken {
				fields[name] = value
			}
		}
	}
	if named, nested := fields["mentions"].(map[string]any); nested {
		rename(named, "mentionsEveryOne", "everyOne")
		for _, name := range []string{"mentionsEveryOne", "mentioned"} {
			if _, taken := fields[name]; !taken && named[name] != nil {
				fields[name] = named[name]
			}
		}
	}
	rename(fields, "mediatype", "mediaType")
	rename(fields, "sticker", "image") // stickerMessage of version 1
	rename(fields, "mentionsEveryOne", "everyOne")
	if by, isNumber := fields["gifAttribution"].(json.Number); isNumber {
		if n, err := by.Int64(); err == nil && n >= 0 && n < int64(len(attributions)) {
			fields["gifAttribution"] = attributions[n]
		}
	}
	for _, name := range mayBeNull {
		if value, given := fields[name]; given && value == nil {
			delete(fields, name)
		}
	}
	if list, isList := fields["mentioned"].([]any); isList && len(list) == 0 && fields["mentionsEveryOne"] == true {
		delete(fields, "mentioned")
	}
}

// modernContact takes version 1's contactMessage, which is the list itself, and a
// single card.
func modernContact(b *body) {
	fields := b.object()
	rename(fields, "contact", "contactMessage", "contacts")
	if card, single := fields["contact"].(map[string]any); single {
		fields["contact"] = []any{card}
	}
	for _, card := range objects(fields, "contact") {
		maps.DeleteFunc(card, func(_ string, value any) bool { return value == nil || value == "" })
	}
}

// modernList takes the documentation's word for sections.
func modernList(b *body) {
	fields := b.object()
	if inner, nested := fields["listMessage"].(map[string]any); nested {
		rename(inner, "sections", "values")
	}
	rename(fields, "sections", "values")
}
