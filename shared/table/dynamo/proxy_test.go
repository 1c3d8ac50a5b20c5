package dynamo_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"roost/shared/emulator"
	"roost/shared/table/dynamo"
)

// fault is what becomes of one request on its way.
type fault struct {
	forward bool   // DynamoDB gets it
	cut     bool   // the connection ends without an answer
	status  int    // answered instead, with body
	body    string // as JSON
	// before and after run before the request is forwarded and before the answer
	// is sent or cut.
	before, after func()
	// half is sent on, the rest answered as unprocessed; whole sends nothing on.
	half, whole bool
}

var passes = fault{forward: true}

// refusal is an answer of DynamoDB that something was not done.
func refusal(code string) fault {
	return fault{status: http.StatusBadRequest, body: fmt.Sprintf(
		`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"by order of the test"}`, code)}
}

func canceled(codes ...string) fault {
	reasons := make([]string, len(codes))
	for i, code := range codes {
		reasons[i] = fmt.Sprintf(`{"Code":%q}`, code)
	}
	return fault{status: http.StatusBadRequest, body: `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",` +
		`"Message":"by order of the test","CancellationReasons":[` + strings.Join(reasons, ",") + `]}`}
}

const internalError = `{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"by order of the test"}`

// proxy stands between a client and the emulator, as a server of HTTP.
type proxy struct {
	upstream *httputil.ReverseProxy
	url      string

	mu       sync.Mutex // guards what follows; plan is called under it
	plan     func(call int, operation string) fault
	requests []string // operations
}

func newProxy(t testing.TB, plan func(call int, operation string) fault) *proxy {
	t.Helper()
	target, err := url.Parse(emulator.Endpoint(t, emulator.DynamoDB))
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 128}
	p := &proxy{plan: plan, upstream: &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport: transport,
	}}
	server := httptest.NewServer(p)
	t.Cleanup(func() { server.Close(); transport.CloseIdleConnections() })
	p.url = server.URL
	return p
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	p.mu.Lock()
	f := p.plan(len(p.requests), operation)
	p.requests = append(p.requests, operation)
	p.mu.Unlock()
	if f.before != nil {
		f.before()
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	answer := httptest.NewRecorder()
	switch {
	case f.half, f.whole:
		if err := p.partly(answer, r, body, operation, f.half); err != nil {
			answer.WriteHeader(http.StatusNotImplemented)
		}
	case f.forward:
		p.send(answer, r, body)
	}
	if f.status != 0 {
		answer = httptest.NewRecorder()
		answer.Code, answer.Body = f.status, bytes.NewBufferString(f.body)
	}
	if f.after != nil {
		f.after()
	}
	if f.cut {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			conn.Close()
		}
		return
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = answer.Body.WriteTo(w) // to a client that may have gone
}

func (p *proxy) send(w http.ResponseWriter, r *http.Request, body []byte) {
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	p.upstream.ServeHTTP(w, r)
}

// partly does half of a batch, or nothing of it, and answers the rest as
// unprocessed.
func (p *proxy) partly(w *httptest.ResponseRecorder, r *http.Request, body []byte, operation string, half bool) error {
	type part struct { // of a BatchGetItem
		Keys           []json.RawMessage
		ConsistentRead bool
	}
	split := func(all []json.RawMessage) (now, later []json.RawMessage) {
		n := 0
		if half {
			n = (len(all) + 1) / 2
		}
		return all[:n], all[n:]
	}
	var request struct{ RequestItems map[string]json.RawMessage }
	if err := json.Unmarshal(body, &request); err != nil {
		return err
	}
	field, left := "UnprocessedItems", map[string]any{}
	for name, raw := range request.RequestItems {
		var all part
		list := any(&all.Keys)
		if operation == "BatchGetItem" {
			field, list = "UnprocessedKeys", &all
		}
		if err := json.Unmarshal(raw, list); err != nil {
			return err
		}
		now, later := split(all.Keys)
		smaller, rest := any(now), any(later)
		if operation == "BatchGetItem" {
			smaller, rest = part{now, all.ConsistentRead}, part{later, all.ConsistentRead}
		}
		if len(later) > 0 {
			left[name] = rest
		}
		encoded, err := json.Marshal(smaller)
		if err != nil {
			return err
		}
		request.RequestItems[name] = encoded
	}
	result := map[string]json.RawMessage{}
	if half {
		smaller, err := json.Marshal(request)
		if err != nil {
			return err
		}
		upstream := httptest.NewRecorder()
		p.send(upstream, r, smaller)
		if err := json.Unmarshal(upstream.Body.Bytes(), &result); err != nil {
			return err
		}
	}
	unprocessed, err := json.Marshal(left)
	if err != nil {
		return err
	}
	result[field] = unprocessed
	return json.NewEncoder(w).Encode(result)
}

// seen returns how many requests passed, by operation where one is named.
func (p *proxy) seen(operation string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, one := range p.requests {
		if operation == "" || one == operation {
			n++
		}
	}
	return n
}

// obey changes the plan and counts from zero again.
func (p *proxy) obey(plan func(call int, operation string) fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.plan, p.requests = plan, nil
}

// through opens a table, or a new one, behind a proxy and also without it.
func through(t testing.TB, name string, options ...func(*dynamodb.Options)) (p *proxy, faulty, direct *dynamo.Table) {
	t.Helper()
	p = newProxy(t, func(int, string) fault { return passes })
	cfg := emulator.Config(t, emulator.DynamoDB)
	client := dynamodb.NewFromConfig(cfg)
	if name == "" {
		name = create(t, client)
	}
	options = append(options, func(o *dynamodb.Options) { o.BaseEndpoint = aws.String(p.url) })
	return p, dynamo.New(dynamodb.NewFromConfig(emulator.Config(t, emulator.DynamoDB), options...), name), dynamo.New(client, name)
}

// once gives the fault to the first call of an operation and lets all else pass.
func once(operation string, f fault) func(int, string) fault {
	met := false
	return func(_ int, name string) fault {
		if met || name != operation {
			return passes
		}
		met = true
		return f
	}
}

// always gives the fault to every call.
func always(f fault) func(int, string) fault { return func(int, string) fault { return f } }
