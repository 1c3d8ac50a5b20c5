package sqs_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// elasticMQ is a transport that makes ElasticMQ 1.7 what SQS is where they
// differ: a long poll of SQS sees a message that meanwhile came to a dead-letter
// queue, one of ElasticMQ does not. So this one asks every second.
//
// Differences that stay: ElasticMQ says ReceiptHandleIsInvalid of a receipt that
// has expired, SQS InvalidParameterValue; it drops a queue and makes it again at
// once, SQS takes a minute; its numbers of messages are exact; it purges more
// than once a minute; it has no bound of messages in flight and throttles nobody.
// What SQS says then comes from the answers in fault_test.go.
type elasticMQ struct{ http.RoundTripper }

// target is the header that names the operation (AWS JSON protocol 1.0).
const target = "X-Amz-Target"

func operation(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get(target), "AmazonSQS.")
}

func (e elasticMQ) RoundTrip(request *http.Request) (*http.Response, error) {
	if operation(request) != "ReceiveMessage" {
		return e.RoundTripper.RoundTrip(request)
	}
	content, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	var call map[string]any
	if err := json.Unmarshal(content, &call); err != nil {
		return nil, err
	}
	wait, _ := call["WaitTimeSeconds"].(float64)
	attempt := call["ReceiveRequestAttemptId"]
	for slice := 0; ; slice++ {
		call["WaitTimeSeconds"] = min(wait, 1)
		call["ReceiveRequestAttemptId"] = fmt.Sprint(attempt, "-", slice)
		if content, err = json.Marshal(call); err != nil {
			return nil, err
		}
		part := request.Clone(request.Context())
		part.Body, part.ContentLength = io.NopCloser(bytes.NewReader(content)), int64(len(content))
		response, err := e.RoundTripper.RoundTrip(part)
		if err != nil {
			return nil, err
		}
		answer, err := io.ReadAll(response.Body)
		if err != nil {
			return nil, err
		}
		if err := response.Body.Close(); err != nil {
			return nil, err
		}
		response.Body = io.NopCloser(bytes.NewReader(answer))
		if wait--; wait <= 0 || response.StatusCode != http.StatusOK || bytes.Contains(answer, []byte(`"MessageId"`)) {
			return response, nil
		}
	}
}
