package whatsapp

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// contentJSON writes a message the way Baileys does, which is what programs
// that were written for Evolution expect: lower camel case, bytes as base64,
// 64-bit numbers and enums as strings.
func contentJSON(m *waE2E.Message) (json.RawMessage, error) {
	return json.Marshal(plain(m.ProtoReflect()))
}

func plain(m protoreflect.Message) map[string]any {
	out := map[string]any{}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		out[fieldName(string(f.Name()))] = field(f, v)
		return true
	})
	return out
}

func field(f protoreflect.FieldDescriptor, v protoreflect.Value) any {
	switch {
	case f.IsMap():
		out := map[string]any{}
		v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
			out[k.String()] = scalar(f.MapValue(), v)
			return true
		})
		return out
	case f.IsList():
		list := v.List()
		out := make([]any, list.Len())
		for i := range out {
			out[i] = scalar(f, list.Get(i))
		}
		return out
	default:
		return scalar(f, v)
	}
}

func scalar(f protoreflect.FieldDescriptor, v protoreflect.Value) any {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return plain(v.Message())
	case protoreflect.BytesKind:
		return base64.StdEncoding.EncodeToString(v.Bytes())
	case protoreflect.EnumKind:
		if value := f.Enum().Values().ByNumber(v.Enum()); value != nil {
			return string(value.Name())
		}
		return int32(v.Enum())
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return strconv.FormatInt(v.Int(), 10)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return strconv.FormatUint(v.Uint(), 10)
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		return finite(v.Float())
	default:
		return v.Interface()
	}
}

// finite keeps numbers that JSON has no word for out of it.
func finite(x float64) any {
	if x != x || x > 1e308 || x < -1e308 {
		return nil
	}
	return x
}

var fieldNames sync.Map // of the schema to those of Baileys

// fieldName turns the library's field names into those of Baileys: URL is url,
// fileSHA256 fileSha256, mentionedJID mentionedJid, JPEGThumbnail
// jpegThumbnail.
func fieldName(name string) string {
	if known, ok := fieldNames.Load(name); ok {
		return known.(string)
	}
	var b strings.Builder
	for i, word := range words(name) {
		lower := strings.ToLower(word)
		if i > 0 {
			lower = strings.ToUpper(lower[:1]) + lower[1:]
		}
		b.WriteString(lower)
	}
	fieldNames.Store(name, b.String())
	return b.String()
}

// words splits a name at its humps; a run of capitals is one word, but for its
// last letter when that begins the next.
func words(name string) []string {
	runes := []rune(name)
	var out []string
	start := 0
	for i := 1; i < len(runes); i++ {
		before, here := runes[i-1], runes[i]
		hump := unicode.IsUpper(here) && !unicode.IsUpper(before)
		endOfCapitals := i+1 < len(runes) && unicode.IsUpper(here) && unicode.IsUpper(before) && unicode.IsLower(runes[i+1])
		if here == '_' {
			out = append(out, string(runes[start:i]))
			start = i + 1
			continue
		}
		if (hump || endOfCapitals) && i > start {
			out = append(out, string(runes[start:i]))
			start = i
		}
	}
	if start < len(runes) {
		out = append(out, string(runes[start:]))
	}
	return out
}
