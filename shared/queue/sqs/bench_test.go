package sqs_test

import (
	"crypto/md5"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	api "github.com/aws/aws-sdk-go-v2/service/sqs"

	"roost/shared/emulator"
	"roost/shared/queue"
	"roost/shared/queue/sqs"
)

// The benchmarks measure what a request costs besides the network: SQS's answer
// is always at hand.

func benchmarked(b *testing.B, reply func(request *http.Request) emulator.Fault) queue.Queue {
	b.Helper()
	transport := served(func(request *http.Request) (*http.Response, error) {
		return reply(request)(request, nil)
	})
	client := api.New(api.Options{
		Region: "eu-central-1", HTTPClient: &http.Client{Transport: transport},
		Credentials: aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider("a", "b", "")),
	})
	q, err := sqs.New(client, "").Open(b.Context(), "q", queue.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return q
}

type served func(*http.Request) (*http.Response, error)

func (f served) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

func BenchmarkSendTen(b *testing.B) {
	const body = `{"text":"hello"}`
	var sent strings.Builder
	for i := range 10 {
		fmt.Fprintf(&sent, `,{"Id":"%d","MessageId":"m","MD5OfMessageBody":"%x"}`, i, md5.Sum([]byte(body)))
	}
	answered := answer(http.StatusOK, `{"Failed":[],"Successful":[`+sent.String()[1:]+`]}`)
	q := benchmarked(b, func(request *http.Request) emulator.Fault {
		if operation(request) == "GetQueueUrl" {
			return answer(http.StatusOK, `{"QueueUrl":"https://sqs.eu-central-1.amazonaws.com/1/q.fifo"}`)
		}
		return answered
	})
	messages := make([]queue.Message, 10)
	for i := range messages {
		messages[i] = queue.Message{Group: "g", Deduplication: fmt.Sprint(i), Body: []byte(body)}
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := q.Send(b.Context(), messages...); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReceiveTen(b *testing.B) {
	body := strings.Repeat("x", 1000)
	var messages strings.Builder
	for range 10 {
		fmt.Fprintf(&messages, `,{"MessageId":"m","ReceiptHandle":"r","MD5OfBody":"%x","Body":%q,"Attributes":{
			"MessageGroupId":"g","MessageDeduplicationId":"d","ApproximateReceiveCount":"1","SentTimestamp":"1700000000000"}}`,
			md5.Sum([]byte(body)), body)
	}
	answered := answer(http.StatusOK, `{"Messages":[`+messages.String()[1:]+`]}`)
	q := benchmarked(b, func(request *http.Request) emulator.Fault {
		if operation(request) == "GetQueueUrl" {
			return answer(http.StatusOK, `{"QueueUrl":"https://sqs.eu-central-1.amazonaws.com/1/q.fifo"}`)
		}
		return answered
	})
	b.ReportAllocs()
	for b.Loop() {
		deliveries, err := q.Receive(b.Context(), 10, 0, 0)
		if err != nil || len(deliveries) != 10 {
			b.Fatal(len(deliveries), err)
		}
	}
}
