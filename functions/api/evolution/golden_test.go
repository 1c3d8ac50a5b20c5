package evolution_test

import (
	"bytes"
	"compress/gzip"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"roost/functions/api/apitest"
)

var (
	uuids   = regexp.MustCompile(`[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}`)
	times   = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`)
	moments = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	blobs   = regexp.MustCompile(`"http://127[^"]*"`)
	images  = regexp.MustCompile(`data:image/png;base64,[0-9A-Za-z+/=]+`)
	ids     = regexp.MustCompile(`3EB0[0-9A-F]{18}`)
)

// plain replaces what differs from run to run.
func plain(body string) string {
	body = uuids.ReplaceAllString(body, "UUID")
	body = times.ReplaceAllString(body, "TIME")
	body = moments.ReplaceAllString(body, "MOMENT")
	body = images.ReplaceAllString(body, "PICTURE")
	body = strings.ReplaceAll(body, apitest.QR, "QR")
	body = ids.ReplaceAllString(body, "MESSAGE-ID")
	return blobs.ReplaceAllString(body, `"URL"`)
}

func want(t *testing.T, what string, a apitest.Answer, status int, body string) {
	t.Helper()
	if a.Status != status {
		t.Errorf("%s: status %d, want %d", what, a.Status, status)
	}
	if diff := cmp.Diff(body, plain(a.Body)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// TestErrorBodies are the exact bodies of section 1.2 of the contract.
func TestErrorBodies(t *testing.T) {
	t.Parallel()
	w := apitest.New(t, apitest.Options{MaxBody: 2000})
	w.Create(t, "X", "token")
	w.Host.Tell(func(h *apitest.Host) { h.Absent["5511000000000"], h.Absent["551100000000"] = true, true })
	linked := w.Create(t, "L", "token-l")
	w.Link(t, linked)
	unauthorized := `{"status":401,"error":"Unauthorized","response":{"message":"Unauthorized"}}`
	bad := func(message string) string {
		return `{"status":400,"error":"Bad Request","response":{"message":` + message + `}}`
	}
	for _, c := range []struct {
		name, method, path, key, body string
		status                        int
		want                          string
	}{
		{"no key", "GET", "/instance/connectionState/X", "", "", 401, unauthorized},
		{"name taken", "POST", "/instance/create", "", `{"instanceName":"X"}`, 403, `{"status":403,"error":"Forbidden","response":{"message":["This name \"X\" is already in use."]}}`},
		{"unknown instance", "GET", "/instance/connect/Y", "", "", 404, `{"status":404,"error":"Not Found","response":{"message":["The \"Y\" instance does not exist"]}}`},
		{"unknown route", "POST", "/No/Where?a=b&c", "", "", 404, `{"status":404,"error":"Not Found","response":{"message":["Cannot POST /No/Where?a=b&c"]}}`},
		{"unknown route below an instance", "GET", "/message/sendText/X", "", "", 404, `{"status":404,"error":"Not Found","response":{"message":["Cannot GET /message/sendText/X"]}}`},
		{"filter misses", "GET", "/instance/fetchInstances?instanceName=a", apitest.AdminKey, "", 404, `{"status":404,"error":"Not Found","response":{"message":["Instance \"a\" not found"]}}`},
		{"filters miss", "GET", "/instance/fetchInstances?instanceName=a&instanceName=b", apitest.AdminKey, "", 404, `{"status":404,"error":"Not Found","response":{"message":["Instances \"a, b\" not found"]}}`},
		{"filter by id misses", "GET", "/instance/fetchInstances?instanceId=z", apitest.AdminKey, "", 404, `{"status":404,"error":"Not Found","response":{"message":["Instance \"z\" not found"]}}`},
		{"missing fields", "POST", "/message/sendText/X", "token", `{}`, 400, bad(`[["instance requires property \"number\"","instance requires property \"text\""]]`)},
		{"wrong types", "POST", "/message/sendText/X", "token", `{"number":1,"text":2,"delay":1.5,"mentioned":[]}`, 400, bad(`[["Invalid format","text is not of a type(s) string","Enter a value in milliseconds","mentioned does not meet minimum length of 1"]]`)},
		{"wrong items", "POST", "/message/sendText/X", "token", `{"number":"1","text":"a","mentioned":["x"],"quoted":{"key":{"id":""}}}`, 400, bad(`[["The \"id\" cannot be empty","\"mentioned\" must be an array of numeric strings"]]`)},
		{"quoted without id", "POST", "/message/sendText/X", "token", `{"number":"1","text":"a","quoted":{"key":{}}}`, 400, bad(`[["quoted.key requires property \"id\""]]`)},
		{"an array", "POST", "/message/sendText/X", "token", `[]`, 400, bad(`[["instance is not of a type(s) object"]]`)},
		{"blank text", "POST", "/message/sendText/X", "token", `{"number":"1","text":" "}`, 400, bad(`["Text is required"]`)},
		{"bad enum", "POST", "/message/sendMedia/X", "token", `{"number":"1","mediatype":"gif"}`, 400, bad(`[["mediatype is not one of enum values: image,document,video,audio"]]`)},
		{"no media", "POST", "/message/sendMedia/X", "token", `{"number":"1","mediatype":"image","media":"!"}`, 400, bad(`["Owned media must be a url or base64"]`)},
		{"local media", "POST", "/message/sendMedia/X", "token", `{"number":"1","mediatype":"image","media":"http://localhost/a.png"}`, 400, bad(`["Owned media must be a url or base64"]`)},
		{"nameless document", "POST", "/message/sendMedia/X", "token", `{"number":"1","mediatype":"document","media":"aGVsbG8="}`, 400, bad(`["For base64 the file name must be informed."]`)},
		{"no webhook", "POST", "/webhook/set/X", "token", `{}`, 400, bad(`[["instance requires property \"webhook\""]]`)},
		{"webhook not enabled", "POST", "/webhook/set/X", "token", `{"webhook":{"url":"https://a.example"}}`, 400, bad(`[["webhook requires property \"enabled\""]]`)},
		{"empty webhook url", "POST", "/webhook/set/X", "token", `{"webhook":{"enabled":true,"url":""}}`, 400, bad(`[["The \"url\" cannot be empty"]]`)},
		{"odd webhook url", "POST", "/webhook/set/X", "token", `{"webhook":{"enabled":true,"url":"ftp://a","events":[]}}`, 400, bad(`["Invalid \"url\" property"]`)},
		{"settings", "POST", "/settings/set/X", "token", `{"rejectCall":"no"}`, 400, bad(`[["rejectCall is not of a type(s) boolean","instance requires property \"groupsIgnore\"","instance requires property \"alwaysOnline\"","instance requires property \"readMessages\"","instance requires property \"readStatus\"","instance requires property \"syncFullHistory\""]]`)},
		{"no integration", "POST", "/instance/create", apitest.AdminKey, `{"instanceName":"Z"}`, 400, bad(`["Invalid integration"]`)},
		{"empty name", "POST", "/instance/create", apitest.AdminKey, `{"instanceName":""}`, 400, bad(`[["The \"instanceName\" cannot be empty"]]`)},
		{"odd number", "POST", "/instance/create", apitest.AdminKey, `{"instanceName":"Z","number":"x"}`, 400, bad(`[["number does not match pattern \"^\\\\d+[\\\\.@\\\\w-]+\""]]`)},
		{"not connected", "DELETE", "/instance/logout/X", "token", "", 400, bad(`["The \"X\" instance is not connected"]`)},
		{"socket down", "POST", "/message/sendText/X", "token", `{"number":"1","text":"a"}`, 500, `{"status":500,"error":"Internal Server Error","response":{"message":"Connection Closed"}}`},
		{"not on WhatsApp", "POST", "/message/sendText/L", "token-l", `{"number":"+55 11 0 0000-0000","text":"a"}`, 400, bad(`[{"jid":"5511000000000@s.whatsapp.net","exists":false,"number":"+55 11 0 0000-0000"}]`)},
		{"no number", "POST", "/message/sendText/L", "token-l", `{"number":"x","text":"a"}`, 400, bad(`[{"jid":"@s.whatsapp.net","exists":false,"number":"x"}]`)},
		{"malformed", "POST", "/message/sendText/X", "token", `{"number":}`, 400, `{"status":400,"error":"Internal Server Error","response":{"message":"invalid character '}' looking for beginning of value"}}`},
		{"too large", "POST", "/message/sendText/X", "token", `{"text":"` + strings.Repeat("a", 2000) + `"}`, 413, `{"status":413,"error":"Internal Server Error","response":{"message":"request entity too large"}}`},
		{"numbers missing", "POST", "/chat/whatsappNumbers/L", "token-l", `{}`, 400, `{"status":400,"error":"Bad Request","message":[["instance requires property \"numbers\""]]}`},
		{"the same number twice", "POST", "/chat/whatsappNumbers/L", "token-l", `{"numbers":["1","1"]}`, 400, `{"status":400,"error":"Bad Request","message":[["numbers contains duplicate item"]]}`},
		{"no numbers", "POST", "/chat/whatsappNumbers/L", "token-l", `{"numbers":[]}`, 400, `{"status":400,"error":"Bad Request","message":[["numbers does not meet minimum length of 1"]]}`},
		{"numbers as such", "POST", "/chat/whatsappNumbers/L", "token-l", `{"numbers":[1]}`, 400, `{"status":400,"error":"Bad Request","message":[["\"numbers\" must be an array of numeric strings"]]}`},
		{"empty webhook url with more", "POST", "/webhook/set/X", "token", `{"webhook":{"enabled":true,"url":"","events":[]}}`, 400, bad(`["Invalid \"url\" property"]`)},
		{"numbers while closed", "POST", "/chat/whatsappNumbers/X", "token", `{"numbers":["1"]}`, 400, `{"data":null,"isBoom":true,"isServer":false,"output":{"statusCode":428,"payload":{"statusCode":428,"error":"Precondition Required","message":"Connection Closed"},"headers":{}}}`},
		{"no QR", "GET", "/instance/qr/X", "token", "", 404, `{"status":404,"error":"Not Found","response":{"message":["The \"X\" instance has no QR code, connect it first"]}}`},
		{"no passkey", "GET", "/instance/passkey/X", "token", "", 404, `{"status":404,"error":"Not Found","response":{"message":["WhatsApp does not ask the \"X\" instance for a passkey"]}}`},
		{"no archive", "GET", "/instance/archive/X", apitest.AdminKey, "", 404, `{"status":404,"error":"Not Found","response":{"message":["There is no archive of an instance \"X\""]}}`},
	} {
		want(t, c.name, w.Do(t, c.method, c.path, c.key, c.body), c.status, c.want)
	}
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}
