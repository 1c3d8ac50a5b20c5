// Package emulator leads the tests of the AWS adapters to emulators of their
// services, which .ci/emulators starts. Without it these tests are skipped and
// say so. Only tests import this package.
package emulator

import (
	"net/http"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// Service is a part of AWS, by the name that the SDKs' variables
// AWS_ENDPOINT_URL_<SERVICE> have for it.
type Service string

// The services that are emulated.
const (
	DynamoDB Service = "DYNAMODB"
	SQS      Service = "SQS"
	S3       Service = "S3"
	KMS      Service = "KMS"
)

// Endpoint is where the service is emulated, as a URL without a path. A test
// whose service is not there is skipped.
func Endpoint(t testing.TB, service Service) string {
	t.Helper()
	variable := "AWS_ENDPOINT_URL_" + string(service)
	endpoint := os.Getenv(variable)
	if endpoint == "" {
		t.Skipf("LEFT OUT: no %s here (%s is unset); .ci/emulators run -- go test ./... has it", service, variable)
	}
	return endpoint
}

// Config is how to reach the service, or the test is skipped. Its HTTP client is
// the test's own and may be replaced.
func Config(t testing.TB, service Service) aws.Config {
	t.Helper()
	Endpoint(t, service)
	transport := &http.Transport{MaxIdleConnsPerHost: 128}
	t.Cleanup(transport.CloseIdleConnections)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatalf("configure %s: %v", service, err)
	}
	cfg.HTTPClient = &http.Client{Transport: transport}
	return cfg
}
