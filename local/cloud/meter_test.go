package cloud_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log" //nolint:depguard // httputil wants one
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// services are those of AWS that Roost uses, as the SDK's variables name them.
var services = []string{"DYNAMODB", "SQS", "S3", "KMS"}

func endpointVariable(service string) string { return "AWS_ENDPOINT_URL_" + service }

// traffic is what somebody has asked of AWS.
type traffic struct {
	ReadUnits, WriteUnits     float64 // of the table, as it says what requests cost
	Queue                     float64 // requests
	ObjectReads, ObjectWrites float64 // requests; deletions cost nothing
	Keys                      float64 // requests
	Operations                map[string]int
	Units                     map[string]float64 // of the table, by operation
}

// plus is a and what b counts in the table's rows of docs/costs.md.
func (a traffic) plus(b traffic, times float64) traffic {
	a.ReadUnits += b.ReadUnits * times
	a.WriteUnits += b.WriteUnits * times
	a.Queue += b.Queue * times
	a.ObjectReads += b.ObjectReads * times
	a.ObjectWrites += b.ObjectWrites * times
	a.Keys += b.Keys * times
	return a
}

// meter stands before the emulators and counts what one part of Roost sends to
// them. It asks the table to tell what each request costs.
type meter struct {
	urls map[string]string // by service

	mu  sync.Mutex
	sum traffic
}

func newMeter(t *testing.T) *meter {
	t.Helper()
	m := &meter{urls: map[string]string{}, sum: traffic{Operations: map[string]int{}, Units: map[string]float64{}}}
	for _, service := range services {
		target, err := url.Parse(os.Getenv(endpointVariable(service)))
		must(t, err)
		proxy := &httputil.ReverseProxy{
			Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(target) },
			ModifyResponse: m.answered,
			ErrorLog:       log.New(io.Discard, "", 0), // polls end with the test
		}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			m.asked(service, r)
			proxy.ServeHTTP(w, r)
		}))
		t.Cleanup(server.Close)
		m.urls[service] = server.URL
	}
	return m
}

// env names the meter's endpoints to a process.
func (m *meter) env() []string {
	var out []string
	for service, address := range m.urls {
		out = append(out, endpointVariable(service)+"="+address)
	}
	return out
}

func (m *meter) read() traffic {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.sum
	now.Operations, now.Units = maps.Clone(m.sum.Operations), maps.Clone(m.sum.Units)
	return now
}

// reads are the table's operations that cost read units.
var reads = map[string]bool{"GetItem": true, "BatchGetItem": true, "Query": true, "TransactGetItems": true}

func (m *meter) asked(service string, r *http.Request) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if service == "S3" {
		operation = r.Method
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sum.Operations[service+"."+operation]++
	switch service {
	case "DYNAMODB":
		body := tellCapacity(r)
		if operation == transaction {
			units := transactionUnits(body)
			m.sum.Units[operation] += units
			m.sum.WriteUnits += units
		}
	case "SQS":
		m.sum.Queue++
	case "KMS":
		m.sum.Keys++
	case "S3":
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			m.sum.ObjectReads++
		case http.MethodPut, http.MethodPost:
			m.sum.ObjectWrites++
		}
	}
}

// tellCapacity adds to a request for the table that its answer is to tell its
// cost (DynamoDB API reference, ReturnConsumedCapacity), and returns its body.
func tellCapacity(r *http.Request) []byte {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil // the proxy will fail as well
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) == nil && fields["ReturnConsumedCapacity"] == nil {
		fields["ReturnConsumedCapacity"] = json.RawMessage(`"TOTAL"`)
		if extended, err := json.Marshal(fields); err == nil {
			body = extended
		}
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return body
}

// answered adds what an answer of the table has cost.
func (m *meter) answered(response *http.Response) error {
	_, operation, ofTable := strings.Cut(response.Request.Header.Get("X-Amz-Target"), "DynamoDB_20120810.")
	if !ofTable || operation == transaction { // counted when it was asked
		return nil
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	var one struct {
		ConsumedCapacity struct{ CapacityUnits float64 }
	}
	var several struct {
		ConsumedCapacity []struct{ CapacityUnits float64 }
	}
	units := 0.0
	if json.Unmarshal(body, &several) == nil {
		for _, c := range several.ConsumedCapacity {
			units += c.CapacityUnits
		}
	} else if json.Unmarshal(body, &one) == nil {
		units = one.ConsumedCapacity.CapacityUnits
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sum.Units[operation] += units
	if reads[operation] {
		m.sum.ReadUnits += units
	} else {
		m.sum.WriteUnits += units
	}
	return nil
}
