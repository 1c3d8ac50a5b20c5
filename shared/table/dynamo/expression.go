package dynamo

import (
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"roost/shared/table"
)

// expression is a condition or an update with the names and values that it
// mentions. DynamoDB refuses those that are given and not mentioned.
type expression struct {
	names  map[string]string
	values map[string]value
}

// attributes is the map of attributes, by an alias since the name is reserved.
func (e *expression) attributes() string {
	if e.names == nil {
		e.names = make(map[string]string, 2)
	}
	e.names["#attributes"] = attributesName
	return "#attributes"
}

// attribute is the path of one attribute.
func (e *expression) attribute(name string) string {
	path := e.attributes()
	alias := "#" + name
	if name == attributesName {
		alias = "#its_attributes"
	}
	e.names[alias] = name
	return path + "." + alias
}

// value gives v a name to be mentioned by.
func (e *expression) value(name string, v value) string {
	if e.values == nil {
		e.values = make(map[string]value, 8)
	}
	e.values[name] = v
	return name
}

func (e *expression) now() string {
	if _, ok := e.values[":now"]; ok {
		return ":now"
	}
	return e.value(":now", encodeNumber(time.Now().UnixMilli()))
}

// The clauses on expiry. A comparison with what is missing does not hold.
func (e *expression) dead() string { return expiryMsName + " <= " + e.now() }

func (e *expression) live() string {
	return "(attribute_not_exists(" + expiryMsName + ") OR " + expiryMsName + " > " + e.now() + ")"
}

// condition says a condition in DynamoDB's language; nil is none.
func (e *expression) condition(condition table.Condition) *string {
	if len(condition.Terms) == 0 {
		return nil
	}
	clauses := make([]string, len(condition.Terms))
	for i, term := range condition.Terms {
		clauses[i] = e.clause(term, ":v"+strconv.Itoa(i))
	}
	return aws.String(strings.Join(clauses, " AND "))
}

func (e *expression) clause(term table.Term, v string) string {
	switch term.Kind {
	case table.TermAbsent:
		return "(attribute_not_exists(" + partitionName + ") OR " + e.dead() + ")"
	case table.TermRevision:
		return revisionName + " = " + e.value(v, encodeNumber(term.Number)) + " AND " + e.live()
	case table.TermEquals:
		return e.attribute(term.Attribute) + " = " + e.value(v, encodeValue(term.Value)) + " AND " + e.live()
	case table.TermAtMost:
		path := e.attribute(term.Attribute)
		return "(attribute_not_exists(" + path + ") OR " + path + " <= " + e.value(v, encodeNumber(term.Number)) +
			" OR " + e.dead() + ")"
	}
	return "" // kept out by Validate
}

// successor is the revision that a write under the condition leaves, where that
// is known beforehand; such a write cannot succeed twice.
func successor(condition table.Condition) (revision int64, known bool) {
	for _, term := range condition.Terms {
		switch term.Kind {
		case table.TermAbsent, table.TermRevision:
			return term.Number + 1, true // Number is 0 for Absent
		case table.TermEquals, table.TermAtMost:
		}
	}
	return 0, false
}

// replacement is the update that puts an item whose new revision only DynamoDB
// can tell.
func (e *expression) replacement(item table.Item, id []byte) *string {
	set := "SET " + e.attributes() + " = " + e.value(":attributes", encodeAttributes(item.Attributes)) +
		", " + revisionName + " = if_not_exists(" + revisionName + ", " + e.value(":none", encodeNumber(0)) + ") + " +
		e.value(":one", encodeNumber(1)) + ", " + writeIDName + " = " + e.value(":write_id", &blob{Value: id})
	remove := ""
	if len(item.Body) > 0 {
		set += ", " + bodyName + " = " + e.value(":body", &blob{Value: item.Body})
	} else {
		remove = " REMOVE " + bodyName
	}
	if item.Expires.IsZero() {
		if remove == "" {
			remove = " REMOVE "
		} else {
			remove += ", "
		}
		remove += expiryName + ", " + expiryMsName
	} else {
		seconds, ms := encodeExpiry(item.Expires)
		set += ", " + expiryName + " = " + e.value(":expiry", seconds) + ", " + expiryMsName + " = " + e.value(":expiry_ms", ms)
	}
	return aws.String(set + remove)
}
