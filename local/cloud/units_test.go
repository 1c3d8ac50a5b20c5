package cloud_test

import (
	"encoding/json"
	"strings"
	"testing"
)

const transaction = "TransactWriteItems"

// transactionUnits is what AWS bills a transaction with, by its request: two units
// for each KiB that is begun, of each item and of each check. The emulator adds
// the items up before it counts, and counts once. What a deleted item measures the
// request does not say: it is taken for a small one.
func transactionUnits(body []byte) float64 {
	type operation struct {
		Item, Key, ExpressionAttributeValues map[string]any
	}
	var request struct {
		TransactItems []map[string]operation
	}
	if json.Unmarshal(body, &request) != nil {
		return 0
	}
	units := 0
	for _, item := range request.TransactItems {
		for kind, op := range item {
			size := 0
			if kind == "Put" || kind == "Update" {
				size = attributesSize(op.Item) + attributesSize(op.Key) + attributesSize(op.ExpressionAttributeValues)
			}
			units += 2 * max(1, (size+1023)/1024)
		}
	}
	return float64(units)
}

func attributesSize(attributes map[string]any) int {
	size := 0
	for name, value := range attributes {
		size += len(name) + valueSize(value)
	}
	return size
}

// valueSize is that of an attribute, about as AWS documents it ("DynamoDB item
// sizes and formats").
func valueSize(value any) int {
	size := 0
	typed, _ := value.(map[string]any)
	for kind, v := range typed {
		switch v := v.(type) {
		case string:
			switch kind {
			case "B":
				size += len(v) * 3 / 4
			case "N":
				size += len(v)/2 + 1
			default:
				size += len(v)
			}
		case map[string]any: // M
			size += 3 + attributesSize(v) + len(v)
		case []any: // L
			size += 3 + len(v)
			for _, one := range v {
				size += valueSize(one)
			}
		default:
			size++
		}
	}
	return size
}

func TestTransactionUnits(t *testing.T) {
	t.Parallel()
	long := `{"B":"` + strings.Repeat("A", 1400) + `"}` // 1050 bytes
	for body, want := range map[string]float64{
		`{"TransactItems":[]}`: 0,
		`{"TransactItems":[{"ConditionCheck":{"Key":{"p":{"S":"a"}}}},{"Delete":{"Key":{"p":{"S":"a"}}}}]}`:                                          4,
		`{"TransactItems":[{"Put":{"Item":{"p":{"S":"a"},"n":{"N":"12"},"m":{"M":{"x":{"BOOL":true}}},"l":{"L":[{"S":"y"}]}}}}]}`:                    2,
		`{"TransactItems":[{"Put":{"Item":{"p":` + long + `}}},{"Update":{"Key":{"p":{"S":"a"}},"ExpressionAttributeValues":{":b":` + long + `}}}]}`: 8,
	} {
		if got := transactionUnits([]byte(body)); got != want {
			t.Errorf("%.0f units, not %.0f: %.90s", got, want, body)
		}
	}
}
