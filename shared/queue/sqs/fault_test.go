package sqs_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"roost/shared/emulator"
	"roost/shared/queue"
	"roost/shared/queue/sqs"
)

// attempts is how often a request is tried (cloud.Default).
const attempts = 5

// answer is what SQS says in its JSON protocol.
func answer(status int, body string) emulator.Fault {
	return emulator.Answer(status, "application/x-amz-json-1.0", body)
}

func failure(code, message string) emulator.Fault {
	return answer(http.StatusBadRequest, fmt.Sprintf(`{"__type":"com.amazonaws.sqs#%s","message":%q}`, code, message))
}

// open makes a queue of its own behind trouble.
func open(t *testing.T) (queue.Queue, *emulator.Trouble) {
	t.Helper()
	trouble := new(emulator.Trouble)
	q, err := sqs.New(connect(t, trouble.Around), prefix()).Open(t.Context(), "q", queue.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return q, trouble
}

func prefix() string { return fmt.Sprintf("t%d-", time.Now().UnixNano()) }

func message(body string) queue.Message {
	return queue.Message{Group: "g", Deduplication: body, Body: []byte(body)}
}

// holds expects these bodies in the queue and nothing else, and empties it.
func holds(t *testing.T, q queue.Queue, want ...string) {
	t.Helper()
	for len(want) > 0 {
		deliveries, err := q.Receive(t.Context(), 10, 5*time.Second, time.Minute)
		if err != nil || len(deliveries) == 0 || len(deliveries) > len(want) {
			t.Fatalf("received %v, %v; want %q", deliveries, err, want)
		}
		for i, d := range deliveries {
			if string(d.Body) != want[i] {
				t.Fatalf("received %q, want %q", d.Body, want[i])
			}
			if err := q.Delete(t.Context(), d.Receipt); err != nil {
				t.Fatal(err)
			}
		}
		want = want[len(deliveries):]
	}
	if more, err := q.Receive(t.Context(), 10, 0, time.Minute); err != nil || len(more) > 0 {
		t.Fatalf("received %v, %v; want nothing", more, err)
	}
}

// Each fault of a send in the pair: not carried out, and carried out although the
// answer was lost.
func TestSendFaults(t *testing.T) {
	t.Parallel()
	throttled := failure("RequestThrottled", "Request is throttled.")
	for name, c := range map[string]struct {
		faults []emulator.Fault
		want   error
		sent   bool
	}{
		"lost once":              {[]emulator.Fault{emulator.Lost}, nil, true},
		"unsent once":            {[]emulator.Fault{emulator.Unsent}, nil, true},
		"throttled twice":        {[]emulator.Fault{throttled, throttled}, nil, true},
		"lost always":            {emulator.Times(attempts, emulator.Lost), queue.ErrUnknownOutcome, true},
		"unsent always":          {emulator.Times(attempts, emulator.Unsent), queue.ErrUnknownOutcome, false},
		"refused always":         {emulator.Times(attempts, emulator.Refused), queue.ErrUnavailable, false},
		"lost and then refused":  {append([]emulator.Fault{emulator.Lost}, emulator.Times(attempts-1, emulator.Refused)...), queue.ErrUnknownOutcome, true},
		"garbled after carrying": {emulator.Times(attempts, garbled), queue.ErrUnknownOutcome, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, trouble := open(t)
			trouble.Next(c.faults...)
			err := q.Send(t.Context(), message("1"))
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("send: %v, want %v", err, c.want)
			}
			if n := len(trouble.Seen()); n > attempts {
				t.Errorf("%d requests", n)
			}
			trouble.Next()
			if err := q.Send(t.Context(), message("2")); err != nil {
				t.Fatal(err)
			}
			if c.sent {
				holds(t, q, "1", "2")
			} else {
				holds(t, q, "2")
			}
			// Sent again with the same id: once in all, or for the first time.
			if err := q.Send(t.Context(), message("1")); err != nil {
				t.Fatal(err)
			}
			if c.sent {
				holds(t, q)
			} else {
				holds(t, q, "1")
			}
		})
	}
}

// garbled carries a request out and answers what is no answer.
func garbled(request *http.Request, next http.RoundTripper) (*http.Response, error) {
	if _, err := emulator.Lost(request, next); err == nil {
		return nil, errors.New("not lost")
	}
	return answer(http.StatusOK, `{"Successful": [`)(request, http.DefaultTransport)
}

// A batch of which some messages were refused: each has its own error, and later
// ones of a group that may be sent again are not tried.
func TestPartialSend(t *testing.T) {
	t.Parallel()
	q, trouble := open(t)
	trouble.Next(answer(http.StatusOK, `{"Successful":[{"Id":"0","MessageId":"m","MD5OfMessageBody":"cfcd208495d565ef66e7dff9f98764da"}],"Failed":[
		{"Id":"1","SenderFault":true,"Code":"InvalidMessageContents","Message":"no"},
		{"Id":"2","SenderFault":false,"Code":"InternalError","Message":"no"},
		{"Id":"3","SenderFault":true,"Code":"RequestThrottled","Message":"no"}]}`))
	var messages []queue.Message
	for i := range 12 {
		m := message(fmt.Sprint(i))
		m.Group = fmt.Sprint("g", i)
		messages = append(messages, m)
	}
	messages[10].Group = messages[3].Group // behind the throttled one
	messages[11].Group = messages[1].Group // behind the one that never goes
	err := q.Send(t.Context(), messages...)
	each, ok := errors.AsType[*queue.SendError](err)
	if !ok || len(each.Errors) != len(messages) {
		t.Fatalf("send: %v", err)
	}
	want := map[int]error{
		1: queue.ErrInvalid, 2: queue.ErrUnknownOutcome, 3: queue.ErrUnavailable, 10: queue.ErrUnavailable,
		4: queue.ErrUnknownOutcome, 5: queue.ErrUnknownOutcome, 6: queue.ErrUnknownOutcome, // which the answer left out
		7: queue.ErrUnknownOutcome, 8: queue.ErrUnknownOutcome, 9: queue.ErrUnknownOutcome,
	}
	for i, err := range each.Errors {
		if !errors.Is(err, want[i]) || want[i] == nil && err != nil {
			t.Errorf("message %d: %v, want %v", i, err, want[i])
		}
	}
	holds(t, q, "11")
}

// After a request that failed no more are made for the same Send.
func TestSendStops(t *testing.T) {
	t.Parallel()
	q, trouble := open(t)
	trouble.Next(emulator.Times(attempts, emulator.Refused)...)
	var messages []queue.Message
	for i := range 25 {
		messages = append(messages, message(fmt.Sprint(i)))
	}
	err := q.Send(t.Context(), messages...)
	each, ok := errors.AsType[*queue.SendError](err)
	if !ok || len(trouble.Seen()) != attempts {
		t.Fatalf("%d requests, %v", len(trouble.Seen()), err)
	}
	for i, err := range each.Errors {
		if !errors.Is(err, queue.ErrUnavailable) {
			t.Errorf("message %d: %v", i, err)
		}
	}
	holds(t, q)
}

// The answer of a receive is lost: the next attempt gets the same message and
// need not wait until its visibility ends.
func TestReceiveLost(t *testing.T) {
	t.Parallel()
	q, trouble := open(t)
	if err := q.Send(t.Context(), message("1"), message("2")); err != nil {
		t.Fatal(err)
	}
	trouble.Next(emulator.Lost)
	deliveries, err := q.Receive(t.Context(), 1, 0, time.Hour)
	if err != nil || len(deliveries) != 1 || string(deliveries[0].Body) != "1" {
		t.Fatalf("received %v, %v", deliveries, err)
	}
	if err := q.Delete(t.Context(), deliveries[0].Receipt); err != nil {
		t.Fatal(err)
	}
	holds(t, q, "2")
}

func TestReceiveFaults(t *testing.T) {
	t.Parallel()
	q, trouble := open(t)
	for name, faults := range map[string][]emulator.Fault{
		"refused":    emulator.Times(attempts, emulator.Refused),
		"lost":       emulator.Times(attempts, emulator.Lost), // no more than unavailable: nothing is open
		"over limit": {failure("OverLimit", "Too many messages in flight.")},
	} {
		trouble.Next(faults...)
		if _, err := q.Receive(t.Context(), 1, 0, time.Minute); !errors.Is(err, queue.ErrUnavailable) || errors.Is(err, queue.ErrUnknownOutcome) {
			t.Errorf("%s: %v, want ErrUnavailable", name, err)
		}
	}
	trouble.Next(failure("AccessDeniedException", "no"))
	if _, err := q.Receive(t.Context(), 1, 0, time.Minute); err == nil || errors.Is(err, queue.ErrUnavailable) || len(trouble.Seen()) != 1 {
		t.Errorf("denied: %v after %d requests; want it at once and no class", err, len(trouble.Seen()))
	}
}

// What SQS, other than ElasticMQ, says of receipts that have expired.
func TestExpiredReceipt(t *testing.T) {
	t.Parallel()
	q, trouble := open(t)
	const text = "Value AQEB for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
	for _, code := range []string{"InvalidParameterValue", "MessageNotInflight", "ReceiptHandleIsInvalid"} {
		trouble.Next(failure(code, text))
		if err := q.ChangeVisibility(t.Context(), "AQEB", time.Second); !errors.Is(err, queue.ErrStaleReceipt) {
			t.Errorf("change visibility: %v", err)
		}
		trouble.Next(answer(http.StatusOK, fmt.Sprintf(`{"Successful":[],"Failed":[{"Id":"0","SenderFault":true,"Code":%q,"Message":%q}]}`, code, text)))
		if err := q.Delete(t.Context(), "AQEB"); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	trouble.Next(failure("InvalidParameterValue", "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]"))
	if err := q.ChangeVisibility(t.Context(), "AQEB", time.Second); !errors.Is(err, queue.ErrInvalid) {
		t.Errorf("beyond 12 hours: %v", err)
	}
}

// A batch of deletes in which one fails removes the others and says so.
func TestPartialDelete(t *testing.T) {
	t.Parallel()
	q, trouble := open(t)
	trouble.Next(answer(http.StatusOK, `{"Successful":[{"Id":"0"}],"Failed":[{"Id":"1","SenderFault":false,"Code":"InternalError","Message":"no"}]}`))
	receipts := make([]string, 12)
	for i := range receipts {
		receipts[i] = fmt.Sprint("AQEB", i)
	}
	if err := q.Delete(t.Context(), receipts...); !errors.Is(err, queue.ErrUnknownOutcome) {
		t.Errorf("delete: %v", err)
	}
	if n := len(trouble.Seen()); n != 2 {
		t.Errorf("%d requests for 12 receipts, want 2", n)
	}
}

// Credentials that AWS calls expired are fetched anew, and nothing is lost.
func TestExpiredCredentials(t *testing.T) {
	t.Parallel()
	trouble := new(emulator.Trouble)
	client := connect(t, trouble.Around)
	fetched := 0
	renewing := api.New(client.Options(), func(o *api.Options) {
		o.Credentials = aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			fetched++
			return aws.Credentials{AccessKeyID: fmt.Sprint("key", fetched), SecretAccessKey: "s", CanExpire: true, Expires: time.Now().Add(time.Hour)}, nil
		}))
	})
	q, err := sqs.New(renewing, prefix()).Open(t.Context(), "q", queue.Options{})
	if err != nil {
		t.Fatal(err)
	}
	trouble.Next(answer(http.StatusForbidden, `{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"The security token included in the request is expired"}`))
	if err := q.Send(t.Context(), message("1")); err != nil {
		t.Errorf("send: %v", err)
	}
	if fetched != 2 {
		t.Errorf("credentials fetched %d times, want 2", fetched)
	}
	holds(t, q, "1")
}

// A send that is canceled on its way may have happened.
func TestSendCanceled(t *testing.T) {
	t.Parallel()
	q, trouble := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	trouble.Next(func(request *http.Request, next http.RoundTripper) (*http.Response, error) {
		defer cancel()
		return emulator.Lost(request, next)
	})
	err := q.Send(ctx, message("1"))
	if !errors.Is(err, context.Canceled) || !errors.Is(err, queue.ErrUnknownOutcome) {
		t.Errorf("send: %v", err)
	}
	holds(t, q, "1")
}

// Many processes open a queue that is missing: there is one, and it is as the
// options say.
func TestOpenTogether(t *testing.T) {
	t.Parallel()
	client, prefix := connect(t), prefix()
	options := queue.Options{MaxReceives: 3, DeadLetter: "dead", Visibility: 90 * time.Second}
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			q, err := sqs.New(client, prefix).Open(t.Context(), "q", options)
			if err != nil {
				t.Error(err)
				return
			}
			if err := q.Send(t.Context(), message(fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	q, err := sqs.New(client, prefix).Open(t.Context(), "q", queue.Options{}) // which exists, so its options stay
	if err != nil {
		t.Fatal(err)
	}
	if depth, err := q.Depth(t.Context()); err != nil || depth.Waiting != 8 {
		t.Errorf("depth %+v, %v", depth, err)
	}
	url, err := client.GetQueueUrl(t.Context(), &api.GetQueueUrlInput{QueueName: aws.String(prefix + "q.fifo")})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.GetQueueAttributes(t.Context(), &api.GetQueueAttributesInput{QueueUrl: url.QueueUrl, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"FifoQueue": "true", "VisibilityTimeout": "90"} {
		if got := answer.Attributes[name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if policy := answer.Attributes["RedrivePolicy"]; policy == "" {
		t.Error("no dead-letter queue")
	}
}

// A drop whose answer was lost is tried again and finds nothing to drop.
func TestDropLost(t *testing.T) {
	t.Parallel()
	trouble := new(emulator.Trouble)
	opener := sqs.New(connect(t, trouble.Around), prefix())
	q, err := opener.Open(t.Context(), "q", queue.Options{})
	if err != nil {
		t.Fatal(err)
	}
	trouble.Next(emulator.Pass, emulator.Lost)
	if err := opener.Drop(t.Context(), "q"); err != nil {
		t.Errorf("drop: %v", err)
	}
	if err := q.Send(t.Context(), message("1")); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("send: %v", err)
	}
}

// A prefix may leave too little room.
func TestLongName(t *testing.T) {
	t.Parallel()
	opener := sqs.New(api.New(api.Options{}), "an-installation-")
	name := fmt.Sprintf("%075d", 0)
	if _, err := opener.Open(t.Context(), name, queue.Options{}); !errors.Is(err, queue.ErrInvalid) {
		t.Errorf("open: %v", err)
	}
	if err := opener.Drop(t.Context(), name); !errors.Is(err, queue.ErrInvalid) {
		t.Errorf("drop: %v", err)
	}
}
