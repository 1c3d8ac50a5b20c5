package emulator_test

import (
	"testing"

	"roost/shared/emulator"
)

func TestLeftOutIsSaid(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL_KMS", "")
	var skipped *testing.T
	t.Run("skips", func(t *testing.T) { skipped = t; emulator.Config(t, emulator.KMS); t.Error("not skipped") })
	if skipped == nil || !skipped.Skipped() {
		t.Error("a test without its emulator runs")
	}
}

func TestEndpoint(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
	if got := emulator.Endpoint(t, emulator.S3); got != "http://127.0.0.1:1" {
		t.Errorf("endpoint %q", got)
	}
}
