package s3_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	api "github.com/aws/aws-sdk-go-v2/service/s3"

	"roost/shared/blob"
	"roost/shared/blob/blobtest"
	"roost/shared/blob/s3"
	"roost/shared/emulator"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	client, bucket := connect(t)
	blobtest.Run(t, func(t *testing.T) blob.Bucket {
		t.Helper()
		return s3.New(client, bucket)
	})
}

// connect makes a bucket. Its client has the transports around it, the first one
// outermost.
func connect(t testing.TB, around ...func(http.RoundTripper) http.RoundTripper) (client *api.Client, bucket string) {
	t.Helper()
	cfg := emulator.Config(t, emulator.S3)
	address := front(t, cfg)
	plain := func(o *api.Options) { o.UsePathStyle, o.BaseEndpoint = true, aws.String(address) }
	bucket = fmt.Sprintf("roost-%d", time.Now().UnixNano())
	if _, err := api.NewFromConfig(cfg, plain).CreateBucket(t.Context(), &api.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatalf("create bucket: %v", err)
	}
	transport := cfg.HTTPClient.(*http.Client).Transport
	for _, wrap := range slices.Backward(around) {
		transport = wrap(transport)
	}
	cfg.HTTPClient = &http.Client{Transport: transport}
	return api.NewFromConfig(cfg, plain), bucket
}
