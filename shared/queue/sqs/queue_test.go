package sqs_test

import (
	"flag"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	api "github.com/aws/aws-sdk-go-v2/service/sqs"

	"roost/shared/emulator"
	"roost/shared/queue"
	"roost/shared/queue/queuetest"
	"roost/shared/queue/sqs"
)

func TestMain(m *testing.M) {
	// The tests wait for visibilities to end, most of the time: more of them
	// at once than there are processors.
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	m.Run()
}

func TestConformance(t *testing.T) {
	t.Parallel()
	client := connect(t)
	queuetest.Run(t, func(t *testing.T) queue.Opener {
		t.Helper()
		return sqs.New(client, fmt.Sprintf("r%d-", time.Now().UnixNano()%1e6))
	})
}

// connect has the transports around ElasticMQ, the first one outermost.
func connect(t testing.TB, around ...func(http.RoundTripper) http.RoundTripper) *api.Client {
	t.Helper()
	cfg := emulator.Config(t, emulator.SQS)
	var transport http.RoundTripper = elasticMQ{cfg.HTTPClient.(*http.Client).Transport}
	for _, wrap := range slices.Backward(around) {
		transport = wrap(transport)
	}
	cfg.HTTPClient = &http.Client{Transport: transport}
	return api.NewFromConfig(cfg)
}
