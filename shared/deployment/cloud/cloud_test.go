package cloud_test

import (
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"roost/shared/deployment/cloud"
)

// complete is an environment that nothing is wrong with.
func complete() map[string]string {
	return map[string]string{
		"ROOST_TABLE": "roost", "ROOST_QUEUE_PREFIX": "roost-", "ROOST_BUCKET": "roost", "ROOST_KMS_KEY": "alias/roost",
		"ROOST_SERVER_URL": "https://roost.example.com/", "ROOST_ALLOWED_NETWORKS": " 10.0.0.0/8, fd00::/8,", "ROOST_ARCHIVE_DAYS": "30",
	}
}

func awsVariables(t *testing.T, region string) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_REGION": region, "AWS_DEFAULT_REGION": "", "AWS_PROFILE": "", "AWS_CONFIG_FILE": "/dev/null",
		"AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
}

func TestOpen(t *testing.T) {
	awsVariables(t, "us-east-1")
	env := complete()
	d, err := cloud.OpenSealed(t.Context(), func(name string) string { return env[name] }, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if d.Table == nil || d.Queues == nil || d.Bucket == nil || d.Wrapper == nil {
		t.Errorf("%+v lacks a port", d)
	}
	if d.ServerURL != "https://roost.example.com" {
		t.Errorf("server URL %q", d.ServerURL)
	}
	if want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}; !slices.Equal(d.Networks, want) {
		t.Errorf("networks %v, want %v", d.Networks, want)
	}
	if d.KeepArchives != 30*24*time.Hour {
		t.Errorf("archives are kept for %v", d.KeepArchives)
	}
	delete(env, "ROOST_KMS_KEY")
	if d, err := cloud.Open(t.Context(), func(name string) string { return env[name] }, io.Discard); err != nil || d.Wrapper != nil {
		t.Errorf("without a key: wrapper %v, %v", d.Wrapper, err)
	}
}

func TestOpenNamesWhatIsWrong(t *testing.T) {
	awsVariables(t, "")
	env := map[string]string{
		"ROOST_SERVER_URL": "roost.example.com", "ROOST_ALLOWED_NETWORKS": "10.0.0.0/8,intranet", "ROOST_LOG_LEVEL": "loud", "ROOST_ARCHIVE_DAYS": "-1",
	}
	_, err := cloud.OpenSealed(t.Context(), func(name string) string { return env[name] }, io.Discard)
	if err == nil {
		t.Fatal("it opens")
	}
	for _, want := range []string{
		"ROOST_TABLE is not set", "ROOST_QUEUE_PREFIX is not set", "ROOST_BUCKET is not set", "ROOST_KMS_KEY is not set", "AWS_REGION is not set",
		`ROOST_SERVER_URL "roost.example.com"`, `ROOST_ALLOWED_NETWORKS: "intranet"`, `ROOST_LOG_LEVEL "loud"`, `ROOST_ARCHIVE_DAYS "-1"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not tell that %s", err, want)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("%q is more than a line", err)
	}
}
