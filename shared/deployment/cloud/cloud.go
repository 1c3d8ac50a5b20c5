// Package cloud opens a deployment on AWS as environment variables name it:
//
//	ROOST_TABLE             the DynamoDB table
//	ROOST_QUEUE_PREFIX      what the names of the SQS queues begin with
//	ROOST_BUCKET            the S3 bucket
//	ROOST_KMS_KEY           id, ARN or alias of the KMS key; for parts that seal
//	ROOST_SERVER_URL        where clients reach the API; may be empty
//	ROOST_ALLOWED_NETWORKS  networks beside the public internet that URLs of
//	                        users may lead to, "10.0.0.0/8,fd00::/8"; may be
//	                        empty. What listens there is open to every user, and
//	                        127.0.0.0/8 is a function's own runtime: never on AWS
//	ROOST_ARCHIVE_DAYS      days that archives and exports are kept; empty or 0
//	                        is for ever
//	ROOST_LOG_LEVEL         debug, info (default), warn or error
//
// Region, credentials and endpoints are the SDK's own variables (AWS_REGION,
// AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL_SQS, AWS_ENDPOINT_URL_S3,
// AWS_ENDPOINT_URL_KMS ...).
package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"roost/shared/blob/s3"
	"roost/shared/deployment"
	"roost/shared/queue/sqs"
	"roost/shared/seal/kms"
	"roost/shared/table/dynamo"
)

// Open opens a deployment for a part that seals nothing. Its log is JSON on
// out. It makes no request. The error tells in one line of every variable that
// is missing or wrong.
func Open(ctx context.Context, getenv func(string) string, out io.Writer) (deployment.Deployment, error) {
	e := environment{getenv: getenv}
	d, _, err := e.open(ctx, out)
	return d, err
}

// OpenSealed is Open for a part that needs the key.
func OpenSealed(ctx context.Context, getenv func(string) string, out io.Writer) (deployment.Deployment, error) {
	e := environment{getenv: getenv}
	key := e.must("ROOST_KMS_KEY")
	d, cfg, err := e.open(ctx, out)
	if err != nil {
		return deployment.Deployment{}, err
	}
	d.Wrapper = kms.New(awskms.NewFromConfig(cfg), key)
	return d, nil
}

// environment reads variables and remembers what is wrong with them.
type environment struct {
	getenv func(string) string
	wrong  []string
}

func (e *environment) open(ctx context.Context, out io.Writer) (deployment.Deployment, aws.Config, error) {
	table, prefix, bucket := e.must("ROOST_TABLE"), e.must("ROOST_QUEUE_PREFIX"), e.must("ROOST_BUCKET")
	d := deployment.Deployment{
		ServerURL: e.serverURL(), Networks: e.networks(), HTTP: e.flag("ROOST_ALLOW_HTTP"), KeepArchives: e.days("ROOST_ARCHIVE_DAYS"),
		Log: slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: e.level()})),
	}
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return deployment.Deployment{}, cfg, fmt.Errorf("read the AWS variables: %w", err)
	}
	if cfg.Region == "" {
		e.wrong = append(e.wrong, "AWS_REGION is not set")
	}
	if len(e.wrong) > 0 {
		return deployment.Deployment{}, cfg, errors.New(strings.Join(e.wrong, "; "))
	}
	d.Table = dynamo.New(awsdynamodb.NewFromConfig(cfg), table)
	d.Queues = sqs.New(awssqs.NewFromConfig(cfg), prefix)
	d.Bucket = s3.New(awss3.NewFromConfig(cfg, func(o *awss3.Options) {
		// A bucket's own name resolves on AWS only.
		o.UsePathStyle = o.BaseEndpoint != nil
		o.DisableLogOutputChecksumValidationSkipped = true // not all objects have one
	}), bucket)
	return d, cfg, nil
}

func (e *environment) must(name string) string {
	value := e.getenv(name)
	if value == "" {
		e.wrong = append(e.wrong, name+" is not set")
	}
	return value
}

func (e *environment) serverURL() string {
	value := strings.TrimSuffix(e.getenv("ROOST_SERVER_URL"), "/")
	if u, err := url.Parse(value); value != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		e.wrong = append(e.wrong, fmt.Sprintf("ROOST_SERVER_URL %q is no http URL", value))
	}
	return value
}

func (e *environment) networks() []netip.Prefix {
	var out []netip.Prefix
	for field := range strings.SplitSeq(e.getenv("ROOST_ALLOWED_NETWORKS"), ",") {
		if field = strings.TrimSpace(field); field == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(field)
		if err != nil {
			e.wrong = append(e.wrong, fmt.Sprintf("ROOST_ALLOWED_NETWORKS: %q is no network such as 10.0.0.0/8", field))
			continue
		}
		out = append(out, prefix)
	}
	return out
}

func (e *environment) flag(name string) bool {
	switch value := e.getenv(name); value {
	case "", "false":
		return false
	case "true":
		return true
	default:
		e.wrong = append(e.wrong, fmt.Sprintf("%s %q is neither true nor false", name, value))
		return false
	}
}

// maxDays is a hundred years.
const maxDays = 36500

func (e *environment) days(name string) time.Duration {
	value := e.getenv(name)
	if value == "" {
		return 0
	}
	days, err := strconv.Atoi(value)
	if err != nil || days < 0 || days > maxDays {
		e.wrong = append(e.wrong, fmt.Sprintf("%s %q is no number of days", name, value))
		return 0
	}
	return time.Duration(days) * 24 * time.Hour
}

func (e *environment) level() slog.Level {
	var level slog.Level // info
	if value := e.getenv("ROOST_LOG_LEVEL"); value != "" && level.UnmarshalText([]byte(value)) != nil {
		e.wrong = append(e.wrong, fmt.Sprintf("ROOST_LOG_LEVEL %q is none of debug, info, warn, error", value))
	}
	return level
}
