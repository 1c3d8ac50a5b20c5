package cloud_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"roost/shared/cloud"
	"roost/shared/emulator"
)

var (
	errUnknown     = errors.New("unknown")
	errUnavailable = errors.New("unavailable")
)

func ok(request *http.Request, next http.RoundTripper) (*http.Response, error) {
	return emulator.Answer(http.StatusOK, "application/x-amz-json-1.0", `{"QueueUrl":"http://sqs/q"}`)(request, next)
}

func fails(status int, code string) emulator.Fault {
	return emulator.Answer(status, "application/x-amz-json-1.0", `{"__type":"com.amazonaws.sqs#`+code+`"}`)
}

// silent never answers.
func silent(request *http.Request, _ http.RoundTripper) (*http.Response, error) {
	<-request.Context().Done()
	return nil, request.Context().Err()
}

// connect makes a client that waits and bounds little, counted by a meter.
func connect(policy cloud.Policy) (*sqs.Client, *emulator.Trouble, *cloud.Meter) {
	trouble, meter := new(emulator.Trouble), new(cloud.Meter)
	cfg := aws.Config{
		Region: "eu-central-1", BaseEndpoint: aws.String("http://127.0.0.1:1"),
		HTTPClient: &http.Client{Transport: trouble.Around(http.DefaultTransport)},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
		}),
	}
	meter.Attach(&cfg)
	return sqs.NewFromConfig(cfg, func(o *sqs.Options) {
		o.Retryer = policy.Retryer()
		o.APIOptions = append(o.APIOptions, policy.Options(o.Credentials)...)
	}), trouble, meter
}

func brief() cloud.Policy {
	return cloud.Policy{Attempts: 3, Base: time.Millisecond, Longest: 2 * time.Millisecond, Attempt: time.Minute}
}

func TestClassify(t *testing.T) {
	t.Parallel()
	internal := fails(http.StatusInternalServerError, "InternalFailure")
	for name, c := range map[string]struct {
		faults   []emulator.Fault
		want     error // nil for success, errors.ErrUnsupported for none of the classes
		requests int
	}{
		"done":                     {[]emulator.Fault{ok}, nil, 1},
		"done at the third":        {[]emulator.Fault{emulator.Unsent, internal, ok}, nil, 3},
		"never reached":            {emulator.Times(3, emulator.Refused), errUnavailable, 3},
		"throttled":                {emulator.Times(3, fails(http.StatusBadRequest, "RequestThrottled")), errUnavailable, 3},
		"reset":                    {emulator.Times(3, emulator.Unsent), errUnknown, 3},
		"internal":                 {emulator.Times(3, internal), errUnknown, 3},
		"reset and then refused":   {[]emulator.Fault{emulator.Unsent, emulator.Refused, emulator.Refused}, errUnknown, 3},
		"reset and then denied":    {[]emulator.Fault{emulator.Unsent, fails(http.StatusBadRequest, "AccessDenied")}, errUnknown, 2},
		"denied":                   {[]emulator.Fault{fails(http.StatusBadRequest, "AccessDenied")}, errors.ErrUnsupported, 1},
		"with expired credentials": {emulator.Times(3, fails(http.StatusForbidden, "ExpiredToken")), errUnavailable, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, trouble, meter := connect(brief())
			trouble.Next(c.faults...)
			ctx, call := cloud.Follow(t.Context())
			_, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("q")})
			err = call.Classify(err, errUnknown, errUnavailable)
			none := !errors.Is(err, errUnknown) && !errors.Is(err, errUnavailable)
			switch {
			case c.want == nil && err != nil,
				errors.Is(c.want, errors.ErrUnsupported) && (err == nil || !none),
				c.want != nil && !errors.Is(c.want, errors.ErrUnsupported) && !errors.Is(err, c.want):
				t.Errorf("%v, want %v", err, c.want)
			}
			n := meter.Counts()[cloud.Operation{Service: "SQS", Name: "CreateQueue"}]
			if n.Requests != c.requests || n.Bytes != int64(c.requests*len(`{"QueueName":"q"}`)) {
				t.Errorf("counted %+v, want %d requests", n, c.requests)
			}
		})
	}
}

// An attempt that is not answered ends, and is tried again.
func TestAttemptEnds(t *testing.T) {
	t.Parallel()
	policy := brief()
	policy.Attempt = 100 * time.Millisecond
	client, trouble, _ := connect(policy)
	trouble.Next(silent, silent, silent)
	ctx, call := cloud.Follow(t.Context())
	_, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("q")})
	if err = call.Classify(err, errUnknown, errUnavailable); !errors.Is(err, errUnknown) || len(trouble.Seen()) != 3 {
		t.Errorf("never answered: %v after %d requests", err, len(trouble.Seen()))
	}
	// Many attempts, because on a busy machine even an answer may come late.
	policy.Attempts = 20
	client, trouble, _ = connect(policy)
	trouble.Next(append([]emulator.Fault{silent}, emulator.Times(policy.Attempts, ok)...)...)
	if _, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("q")}); err != nil || len(trouble.Seen()) < 2 {
		t.Errorf("answered at the second attempt: %v after %d requests", err, len(trouble.Seen()))
	}
}

// A call that waits may wait, and the caller's context ends it at once.
func TestWait(t *testing.T) {
	t.Parallel()
	policy := brief()
	policy.Attempt = time.Nanosecond
	client, trouble, _ := connect(policy)
	trouble.Next(ok)
	ctx, cancel := context.WithCancel(t.Context())
	waiting := cloud.Wait(ctx, time.Hour)
	if _, err := client.CreateQueue(waiting, &sqs.CreateQueueInput{QueueName: aws.String("q")}); err != nil {
		t.Error(err)
	}
	trouble.Next(func(request *http.Request, next http.RoundTripper) (*http.Response, error) {
		cancel()
		return silent(request, next)
	})
	followed, call := cloud.Follow(waiting)
	_, err := client.CreateQueue(followed, &sqs.CreateQueueInput{QueueName: aws.String("q")})
	if err = call.Classify(err, errUnknown, errUnavailable); !errors.Is(err, context.Canceled) || !errors.Is(err, errUnknown) || len(trouble.Seen()) != 1 {
		t.Errorf("canceled: %v after %d requests", err, len(trouble.Seen()))
	}
	if _, err = client.CreateQueue(waiting, &sqs.CreateQueueInput{QueueName: aws.String("q")}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled before: %v", err)
	}
}

func TestMeter(t *testing.T) {
	t.Parallel()
	client, trouble, meter := connect(brief())
	if len(meter.Counts()) != 0 {
		t.Error("counts before the first request")
	}
	trouble.Next(emulator.Unsent, ok)
	if _, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")}); err != nil {
		t.Fatal(err)
	}
	trouble.Next(ok)
	if _, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("q")}); err != nil {
		t.Fatal(err)
	}
	if got := meter.Total("SQS"); got.Requests != 3 || got.Failures != 1 || meter.Total("S3") != (cloud.Count{}) {
		t.Errorf("counted %+v", got)
	}
	meter.Reset()
	if got := meter.Total("SQS"); got != (cloud.Count{}) {
		t.Errorf("after the reset %+v", got)
	}
}
