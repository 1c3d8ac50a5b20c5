package whatsapp

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"sync"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// maxNesting bounds how deep content is read.
const maxNesting = 16

// parseContent reads what contentJSON has written, or what a program has made
// of it: the message that is quoted or edited. Fields that are unknown or of
// another type are left out. It returns nil for what says nothing.
func parseContent(content json.RawMessage) *waE2E.Message {
	var fields map[string]json.RawMessage
	if json.Unmarshal(content, &fields) != nil {
		return nil
	}
	var m waE2E.Message
	if !readFields(m.ProtoReflect(), fields, 0) {
		return nil
	}
	return withoutContext(&m)
}

var descriptors sync.Map // of a message's full name to its fields by Baileys' names

func fieldsOf(d protoreflect.MessageDescriptor) map[string]protoreflect.FieldDescriptor {
	if known, ok := descriptors.Load(d.FullName()); ok {
		return known.(map[string]protoreflect.FieldDescriptor)
	}
	out := make(map[string]protoreflect.FieldDescriptor, d.Fields().Len())
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		out[fieldName(string(f.Name()))] = f
	}
	descriptors.Store(d.FullName(), out)
	return out
}

// readFields reports whether there was something to read.
func readFields(m protoreflect.Message, fields map[string]json.RawMessage, depth int) bool {
	known, any := fieldsOf(m.Descriptor()), false
	for name, raw := range fields {
		f, ok := known[name]
		if !ok || depth > maxNesting || f.IsMap() {
			continue
		}
		if f.IsList() {
			var items []json.RawMessage
			if json.Unmarshal(raw, &items) != nil {
				continue
			}
			list := m.NewField(f).List()
			for _, item := range items {
				if v, ok := readScalar(f, item, list.NewElement, depth); ok {
					list.Append(v)
				}
			}
			if list.Len() > 0 {
				m.Set(f, protoreflect.ValueOfList(list))
				any = true
			}
			continue
		}
		if v, ok := readScalar(f, raw, func() protoreflect.Value { return m.NewField(f) }, depth); ok {
			m.Set(f, v)
			any = true
		}
	}
	return any
}

func readScalar(f protoreflect.FieldDescriptor, raw json.RawMessage, fresh func() protoreflect.Value, depth int) (protoreflect.Value, bool) {
	none := protoreflect.Value{}
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		var fields map[string]json.RawMessage
		if json.Unmarshal(raw, &fields) != nil || fields == nil {
			return none, false
		}
		v := fresh()
		readFields(v.Message(), fields, depth+1)
		return v, true
	case protoreflect.BytesKind:
		b, ok := readBytes(raw)
		return protoreflect.ValueOfBytes(b), ok
	case protoreflect.StringKind:
		var s string
		return decodeInto(raw, &s, func() protoreflect.Value { return protoreflect.ValueOfString(strings.ToValidUTF8(s, "\ufffd")) })
	case protoreflect.BoolKind:
		var b bool
		return decodeInto(raw, &b, func() protoreflect.Value { return protoreflect.ValueOfBool(b) })
	case protoreflect.DoubleKind:
		var x float64
		return decodeInto(raw, &x, func() protoreflect.Value { return protoreflect.ValueOfFloat64(x) })
	case protoreflect.FloatKind:
		var x float32
		return decodeInto(raw, &x, func() protoreflect.Value { return protoreflect.ValueOfFloat32(x) })
	case protoreflect.EnumKind:
		var name string
		if json.Unmarshal(raw, &name) == nil {
			value := f.Enum().Values().ByName(protoreflect.Name(name))
			if value == nil {
				return none, false
			}
			return protoreflect.ValueOfEnum(value.Number()), true
		}
		var n int32
		return decodeInto(raw, &n, func() protoreflect.Value { return protoreflect.ValueOfEnum(protoreflect.EnumNumber(n)) })
	default:
		return readInteger(f.Kind(), raw)
	}
}

func decodeInto(raw json.RawMessage, into any, value func() protoreflect.Value) (protoreflect.Value, bool) {
	if json.Unmarshal(raw, into) != nil || string(raw) == "null" {
		return protoreflect.Value{}, false
	}
	return value(), true
}

// readInteger takes numbers, decimal strings and what JavaScript makes of 64
// bits, {low, high, unsigned}.
func readInteger(kind protoreflect.Kind, raw json.RawMessage) (protoreflect.Value, bool) {
	text := strings.Trim(string(raw), `"`)
	var long struct {
		Low  *int32 `json:"low"`
		High int32  `json:"high"`
	}
	if json.Unmarshal(raw, &long) == nil && long.Low != nil {
		text = strconv.FormatInt(int64(long.High)<<32|int64(uint32(*long.Low)), 10)
	}
	switch kind {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		n, err := strconv.ParseInt(text, 10, 32)
		return protoreflect.ValueOfInt32(int32(n)), err == nil
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		n, err := strconv.ParseUint(text, 10, 32)
		return protoreflect.ValueOfUint32(uint32(n)), err == nil
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		n, err := strconv.ParseInt(text, 10, 64)
		return protoreflect.ValueOfInt64(n), err == nil
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		n, err := strconv.ParseUint(text, 10, 64)
		return protoreflect.ValueOfUint64(n), err == nil
	default:
		return protoreflect.Value{}, false
	}
}

// readBytes takes base64 and what Evolution 2.3.3 and later make of bytes: an
// object keyed by index.
func readBytes(raw json.RawMessage) ([]byte, bool) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		b, err := base64.StdEncoding.DecodeString(text)
		return b, err == nil
	}
	var indexed map[string]byte
	if json.Unmarshal(raw, &indexed) != nil {
		return nil, false
	}
	out := make([]byte, len(indexed))
	for index, b := range indexed {
		n, err := strconv.Atoi(index)
		if err != nil || n < 0 || n >= len(out) {
			return nil, false
		}
		out[n] = b
	}
	return out, true
}
