package cloud_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/uuid"
)

// gateway is an API Gateway HTTP API with one function behind $default. Its
// events are made from the one in events/ (AWS: "Create AWS Lambda proxy
// integrations for HTTP APIs", payload format 2.0).
type gateway struct {
	api   *function
	event events.APIGatewayV2HTTPRequest
}

// integrationTimeout is how long an HTTP API waits for its function.
const integrationTimeout = 30 * time.Second

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	event, err := json.Marshal(g.eventOf(r, body))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	began := time.Now()
	answer, err := g.api.invoke(r.Context(), event)
	if time.Since(began) > integrationTimeout {
		http.Error(w, `{"message":"Service Unavailable"}`, http.StatusServiceUnavailable)
		return
	}
	var response events.APIGatewayV2HTTPResponse
	if err == nil {
		err = json.Unmarshal(answer, &response)
	}
	if err != nil {
		g.api.t.Logf("the API function has failed: %v", err)
		http.Error(w, `{"message":"Internal Server Error"}`, http.StatusInternalServerError)
		return
	}
	for name, value := range response.Headers {
		w.Header().Set(name, value)
	}
	out := []byte(response.Body)
	if response.IsBase64Encoded {
		if out, err = base64.StdEncoding.DecodeString(response.Body); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
	}
	w.WriteHeader(response.StatusCode)
	_, _ = w.Write(out)
}

func (g *gateway) eventOf(r *http.Request, body []byte) events.APIGatewayV2HTTPRequest {
	e := g.event
	e.RawPath, e.RawQueryString, e.Cookies, e.Body = r.URL.EscapedPath(), r.URL.RawQuery, nil, string(body)
	if e.IsBase64Encoded = !utf8.Valid(body); e.IsBase64Encoded {
		e.Body = base64.StdEncoding.EncodeToString(body)
	}
	e.Headers, e.QueryStringParameters = map[string]string{"host": r.Host}, map[string]string{}
	for name, values := range r.Header {
		e.Headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	for name, values := range r.URL.Query() {
		e.QueryStringParameters[name] = strings.Join(values, ",")
	}
	c := &e.RequestContext
	c.RequestID, c.DomainName, c.Time, c.TimeEpoch = uuid.NewString(), r.Host, time.Now().UTC().Format("02/Jan/2006:15:04:05 -0700"), time.Now().UnixMilli()
	c.HTTP.Method, c.HTTP.Path, c.HTTP.SourceIP, c.HTTP.UserAgent = r.Method, e.RawPath, "127.0.0.1", r.UserAgent()
	return e
}
