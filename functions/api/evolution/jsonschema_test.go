package evolution

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"roost/functions/api/evolution/metadata"
	"roost/shared/archive"
	"roost/shared/backlog"
	"roost/shared/instance"
	"roost/shared/message"
)

// ordered is a JSON object whose members keep their order.
type ordered []member

type member struct {
	name  string
	value any
}

// js makes a JSON object of names and values in turns.
func js(pairs ...any) ordered {
	out := make(ordered, 0, len(pairs)/2)
	for n := 0; n+1 < len(pairs); n += 2 {
		out = append(out, member{fmt.Sprint(pairs[n]), pairs[n+1]})
	}
	return out
}

func (o ordered) get(name string) any {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// with is o with a member set; nil takes it away.
func (o ordered) with(name string, value any) ordered {
	out := slices.Clone(o)
	at := slices.IndexFunc(out, func(m member) bool { return m.name == name })
	switch {
	case value == nil && at >= 0:
		return slices.Delete(out, at, at+1)
	case value == nil:
		return out
	case at >= 0:
		out[at].value = value
		return out
	}
	return append(out, member{name, value})
}

// edit changes the schema of a property, if there is such.
func (o ordered) edit(property string, change func(ordered) ordered) ordered {
	properties, _ := o.get("properties").(ordered)
	if now, has := properties.get(property).(ordered); has {
		return o.with("properties", properties.with(property, change(now)))
	}
	return o
}

// MarshalJSON implements json.Marshaler.
func (o ordered) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for n, m := range o {
		if n > 0 {
			out.WriteByte(',')
		}
		out.Write(encode(m.name))
		out.WriteByte(':')
		var value bytes.Buffer
		e := json.NewEncoder(&value)
		e.SetEscapeHTML(false)
		if err := e.Encode(m.value); err != nil {
			return nil, err
		}
		out.Write(value.Bytes())
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// jsonSchema is a schema of bodies as JSON Schema. What emptiness is refused is
// left out: whether it is hangs on the other fields.
func (s schema) jsonSchema() ordered {
	var out ordered
	if s.kind != "" {
		out = js("type", s.kind)
	}
	if len(s.enum) > 0 {
		values := make([]any, len(s.enum))
		for n, v := range s.enum {
			if values[n] = v; s.kind == "number" || s.kind == "integer" {
				values[n] = json.Number(v)
			}
		}
		out = out.with("enum", values)
	}
	if s.pattern != nil {
		out = out.with("pattern", s.pattern.String())
	}
	for _, bound := range []struct {
		name  string
		value int
	}{{"minLength", s.minLength}, {"minItems", s.minItems}, {"maxItems", s.maxItems}} {
		if bound.value > 0 {
			out = out.with(bound.name, bound.value)
		}
	}
	if s.between != nil {
		out = out.with("minimum", s.between[0]).with("maximum", s.between[1])
	}
	if s.unique {
		out = out.with("uniqueItems", true)
	}
	if s.items != nil {
		out = out.with("items", s.items.jsonSchema())
	}
	if len(s.properties) > 0 {
		properties := make(ordered, len(s.properties))
		for n, p := range s.properties {
			properties[n] = member{p.name, p.jsonSchema()}
		}
		out = out.with("properties", properties)
	}
	if len(s.required) > 0 {
		out = out.with("required", s.required)
	}
	return out
}

// shapes are the types of answers as JSON Schema. Those with a name become
// components of the document.
type shapes struct{ components ordered }

var componentNames = map[reflect.Type]string{
	reflect.TypeFor[row](): "Instance", reflect.TypeFor[createAnswer](): "CreatedInstance", reflect.TypeFor[qrObject](): "QR",
	reflect.TypeFor[shownQR](): "ShownQR", reflect.TypeFor[stateAnswer](): "State", reflect.TypeFor[doneAnswer](): "Done",
	reflect.TypeFor[webhookRow](): "Webhook", reflect.TypeFor[endpoint](): "Endpoint", reflect.TypeFor[deliveryView](): "Delivery",
	reflect.TypeFor[archiveView](): "Archive", reflect.TypeFor[instance.Settings](): "Settings", reflect.TypeFor[proxyRow](): "Proxy",
	reflect.TypeFor[sentMessage](): "SentMessage", reflect.TypeFor[rawMessage](): "ChangedMessage", reflect.TypeFor[foundMessage](): "Message",
	reflect.TypeFor[foundKey](): "MessageKey", reflect.TypeFor[chatRow](): "Chat", reflect.TypeFor[contactRow](): "Contact",
	reflect.TypeFor[statusRow](): "StatusUpdate", reflect.TypeFor[labelRow](): "Label", reflect.TypeFor[numberJSON](): "Number",
	reflect.TypeFor[profileJSON](): "Profile", reflect.TypeFor[businessJSON](): "BusinessProfile", reflect.TypeFor[fileAnswer](): "File",
	reflect.TypeFor[metadata.Group](): "Group", reflect.TypeFor[metadata.Member](): "Member", reflect.TypeFor[passkeyView](): "Passkey",
	reflect.TypeFor[envelope](): "Problem",
}

var moments = js("type", "string", "format", "date-time")

// wordings are the types whose JSON is not that of their kind.
var wordings = map[reflect.Type]ordered{
	reflect.TypeFor[stamp](): moments, reflect.TypeFor[time.Time](): moments, reflect.TypeFor[json.RawMessage](): js("type", "object"),
	reflect.TypeFor[message.Status](): js("type", "string", "enum", []message.Status{
		message.StatusError, message.StatusPending, message.StatusServer, message.StatusDelivered, message.StatusRead, message.StatusPlayed,
		message.StatusDeleted, statusEdited,
	}),
	reflect.TypeFor[archive.State](): js("type", "string", "enum", []archive.State{archive.Pending, archive.Done}),
	reflect.TypeFor[backlog.State](): js("type", "string", "enum", []backlog.State{backlog.Waiting, backlog.Delivered, backlog.Dead}),
}

var (
	states    = js("type", "string", "enum", []string{"open", "connecting", "close"})
	textMap   = js("type", "object", "additionalProperties", js("type", "string"))
	content   = js("type", "object", "description", "WhatsApp's own content, by its kind: conversation, imageMessage, ... Bytes are base64.", "additionalProperties", true)
	length    = js("type", []string{"string", "number"})
	sentences = js("description", "A sentence, several, or for a body that is refused an array in an array; groups tell objects with property and message.",
		"anyOf", []any{js("type", "string"), js("type", "array", "items", js("anyOf", []any{js("type", "string"), js("type", "array", "items", js("type", "string")), js("type", "object")}))})
)

// fields are the schemas of fields that their types do not tell.
var fields = map[string]ordered{
	"row.connectionStatus": states, ".state": states, "createdInstance.status": states,
	"webhookRow.headers": nullable(textMap), "fileAnswer.buffer": js("type", "null"), ".message": sentences,
	"sentMessage.message": content, "rawMessage.message": content, "foundMessage.message": content, "lastMessage.message": content,
	"foundMessage.contextInfo": nullable(js("type", "object")), "lastMessage.contextInfo": nullable(js("type", "object")),
	"fileSize.fileLength": length, "fileSize.height": length, "fileSize.width": length,
	"passkeyView.request":     js("type", []string{"object", "null"}, "description", "PublicKeyCredentialRequestOptions"),
	"row.disconnectionObject": js("type", []string{"string", "null"}, "description", "JSON: code, reason, action, until"),
	"row.token":               js("type", "string", "description", "The instance's own key"),
	"createAnswer.hash":       js("type", "string", "description", "The instance's own key"),
	"qrObject.pairingCode":    js("type", []string{"string", "null"}, "description", "Eight characters to type into the phone"),
	"qrObject.code":           js("type", []string{"string", "null"}, "description", "What the QR code says"),
	"qrObject.base64":         js("type", []string{"string", "null"}, "description", "The QR code as a data URI"),
	"endpoint.secret":         js("type", "string", "description", "It signs. It is told when it has been made and never again."),
}

func (d *shapes) of(t reflect.Type) ordered {
	if word, has := wordings[t]; has {
		return word
	}
	switch t.Kind() { //nolint:exhaustive // the rest is in no answer
	case reflect.Pointer:
		return nullable(d.of(t.Elem()))
	case reflect.Bool:
		return js("type", "boolean")
	case reflect.Int, reflect.Int64:
		return js("type", "integer")
	case reflect.String:
		return js("type", "string")
	case reflect.Slice:
		return js("type", "array", "items", d.of(t.Elem()))
	case reflect.Map:
		return js("type", "object", "additionalProperties", d.of(t.Elem()))
	case reflect.Struct:
		return d.object(t)
	}
	panic("no schema for " + t.String())
}

func (d *shapes) object(t reflect.Type) ordered {
	name, named := componentNames[t]
	ref := js("$ref", "#/components/schemas/"+name)
	if named && d.components.get(name) != nil {
		return ref
	}
	properties, required := d.fields(t)
	out := js("type", "object", "properties", properties)
	if len(required) > 0 {
		out = out.with("required", required)
	}
	if !named {
		return out
	}
	d.components = d.components.with(name, out)
	return ref
}

func (d *shapes) fields(t reflect.Type) (properties ordered, required []string) {
	properties = ordered{}
	for f := range t.Fields() {
		if f.Anonymous {
			inner := f.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			more, needed := d.fields(inner)
			properties, required = append(properties, more...), append(required, needed...)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		kind, maybe := f.Type, options == "omitempty" || options == "omitzero"
		if maybe && kind.Kind() == reflect.Pointer {
			kind = kind.Elem()
		}
		if !maybe {
			required = append(required, name)
		}
		known, has := fields[t.Name()+"."+name]
		if !has {
			known = d.of(kind)
		}
		properties = append(properties, member{name, known})
	}
	return properties, required
}

func nullable(s ordered) ordered {
	if kind, plain := s.get("type").(string); plain && s.get("enum") == nil {
		return s.with("type", []string{kind, "null"})
	}
	return js("anyOf", []any{s, js("type", "null")})
}
