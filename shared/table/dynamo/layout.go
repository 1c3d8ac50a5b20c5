package dynamo

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"roost/shared/table"
)

// The names of an item's top level; see the package comment.
const (
	partitionName  = "pk"
	sortName       = "sk"
	revisionName   = "revision"
	expiryName     = "expiry"
	expiryMsName   = "expiry_ms"
	attributesName = "attributes"
	bodyName       = "body"
	writeIDName    = "write_id"
)

type (
	value  = types.AttributeValue
	text   = types.AttributeValueMemberS
	number = types.AttributeValueMemberN
	blob   = types.AttributeValueMemberB
	flag   = types.AttributeValueMemberBOOL
	list   = types.AttributeValueMemberL
	object = types.AttributeValueMemberM
)

func encodeKey(key table.Key) map[string]value {
	return map[string]value{partitionName: &text{Value: key.Partition}, sortName: &text{Value: key.Sort}}
}

func encodeNumber(n int64) *number { return &number{Value: strconv.FormatInt(n, 10)} }

// encodeItem expects an item that passed Validate. A nil id leaves none.
func encodeItem(item table.Item, revision int64, id []byte) map[string]value {
	encoded := make(map[string]value, 8)
	encoded[partitionName] = &text{Value: item.Partition}
	encoded[sortName] = &text{Value: item.Sort}
	encoded[revisionName] = encodeNumber(revision)
	encoded[attributesName] = encodeAttributes(item.Attributes)
	if len(id) > 0 {
		encoded[writeIDName] = &blob{Value: id}
	}
	if len(item.Body) > 0 {
		encoded[bodyName] = &blob{Value: item.Body}
	}
	if !item.Expires.IsZero() {
		encoded[expiryName], encoded[expiryMsName] = encodeExpiry(item.Expires)
	}
	return encoded
}

// encodeExpiry gives the seconds by which DynamoDB removes, never too early, and
// the exact milliseconds.
func encodeExpiry(at time.Time) (seconds, ms *number) {
	exact := at.UnixMilli()
	return encodeNumber((exact + 999) / 1000), encodeNumber(exact)
}

func encodeAttributes(attributes map[string]any) *object {
	encoded := make(map[string]value, len(attributes))
	for name, v := range attributes {
		encoded[name] = encodeValue(v)
	}
	return &object{Value: encoded}
}

func encodeValue(v any) value {
	switch v := v.(type) {
	case string:
		return &text{Value: v}
	case int64:
		return encodeNumber(v)
	case bool:
		return &flag{Value: v}
	case []byte:
		if v == nil {
			v = []byte{} // nil is not a value
		}
		return &blob{Value: v}
	case []string:
		texts := make([]text, len(v))
		values := make([]value, len(v))
		for i, s := range v {
			texts[i].Value = s
			values[i] = &texts[i]
		}
		return &list{Value: values}
	case map[string]string:
		values := make(map[string]value, len(v))
		for k, s := range v {
			values[k] = &text{Value: s}
		}
		return &object{Value: values}
	}
	return &types.AttributeValueMemberNULL{Value: true} // kept out by Validate
}

// decodeItem owns what it is given.
func decodeItem(encoded map[string]value) (table.Item, error) {
	var item table.Item
	var err error
	for name, v := range encoded {
		switch v := v.(type) {
		case *text:
			switch name {
			case partitionName:
				item.Partition = v.Value
			case sortName:
				item.Sort = v.Value
			}
		case *number:
			switch name {
			case revisionName:
				item.Revision, err = decodeNumber(v)
			case expiryMsName:
				var ms int64
				ms, err = decodeNumber(v)
				item.Expires = time.UnixMilli(ms)
			}
		case *blob:
			if name == bodyName && len(v.Value) > 0 {
				item.Body = v.Value
			}
		case *object:
			if name == attributesName {
				item.Attributes, err = decodeAttributes(v.Value)
			}
		}
		if err != nil {
			return table.Item{}, fmt.Errorf("decode %s of %v: %w", name, item.Key, err)
		}
	}
	if item.Partition == "" || item.Sort == "" || item.Revision < 1 {
		return table.Item{}, fmt.Errorf("decode item %s at revision %d: not written by this package", item.Key, item.Revision)
	}
	return item, nil
}

func decodeNumber(n *number) (int64, error) { return strconv.ParseInt(n.Value, 10, 64) }

func decodeAttributes(encoded map[string]value) (map[string]any, error) {
	if len(encoded) == 0 {
		return nil, nil
	}
	attributes := make(map[string]any, len(encoded))
	for name, v := range encoded {
		decoded, err := decodeValue(v)
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", name, err)
		}
		attributes[name] = decoded
	}
	return attributes, nil
}

func decodeValue(v value) (any, error) {
	switch v := v.(type) {
	case *text:
		return v.Value, nil
	case *number:
		return decodeNumber(v)
	case *flag:
		return v.Value, nil
	case *blob:
		return v.Value, nil
	case *list:
		texts := make([]string, len(v.Value))
		for i, element := range v.Value {
			s, ok := element.(*text)
			if !ok {
				return nil, fmt.Errorf("element %d is a %T", i, element)
			}
			texts[i] = s.Value
		}
		return texts, nil
	case *object:
		values := make(map[string]string, len(v.Value))
		for k, element := range v.Value {
			s, ok := element.(*text)
			if !ok {
				return nil, fmt.Errorf("element %s is a %T", k, element)
			}
			values[k] = s.Value
		}
		return values, nil
	}
	return nil, fmt.Errorf("of type %T", v)
}

// written tells whether the item was left by the write of that name.
func written(encoded map[string]value, id writeID) bool {
	b, ok := encoded[writeIDName].(*blob)
	return ok && bytes.Equal(b.Value, id[:])
}
