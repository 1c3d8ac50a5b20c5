// Command provision makes on emulators of AWS what template.yaml declares there:
// the table, the queues, the bucket and the KMS key. What is there already stays.
//
//	go run ./local/provision [-template template.yaml]
//
// It goes where the SDK's variables AWS_ENDPOINT_URL_DYNAMODB, _SQS, _S3 and _KMS
// say, and does nothing unless all four are set: on AWS the stack is made by sam.
// Names are ROOST_TABLE, ROOST_QUEUE_PREFIX, which ends with "-", ROOST_BUCKET
// and ROOST_KMS_KEY, which is an alias.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"roost/local/stack"
)

// attempts is how often a request is tried: with the SDK's pauses, for a minute
// and a half, since emulators that were started just now take some seconds.
const attempts = 10

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "provision:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	flags := flag.NewFlagSet("provision", flag.ContinueOnError)
	flags.SetOutput(out)
	path := flags.String("template", "template.yaml", "`file` that declares what to make")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("read the command line: %w", err)
	}
	names, err := namesFrom(getenv)
	if err != nil {
		return err
	}
	template, err := stack.Read(*path)
	if err != nil {
		return err
	}
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRetryMaxAttempts(attempts))
	if err != nil {
		return fmt.Errorf("read the AWS variables: %w", err)
	}
	e := emulators{
		names: names, template: template,
		tables: dynamodb.NewFromConfig(cfg), queues: sqs.NewFromConfig(cfg), keys: kms.NewFromConfig(cfg),
		buckets: s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }),
	}
	made, err := e.make(ctx)
	for _, what := range made {
		fmt.Fprintln(out, what)
	}
	return err
}

// names are those of the parts, as the processes find them.
type names struct{ table, prefix, bucket, key string }

// namesFrom refuses to touch what may be AWS itself, and reports everything that
// is missing at once.
func namesFrom(getenv func(string) string) (names, error) {
	var missing []string
	must := func(name string) string {
		value := getenv(name)
		if value == "" {
			missing = append(missing, name)
		}
		return value
	}
	for _, service := range []string{"DYNAMODB", "SQS", "S3", "KMS"} {
		must("AWS_ENDPOINT_URL_" + service)
	}
	n := names{table: must("ROOST_TABLE"), prefix: must("ROOST_QUEUE_PREFIX"), bucket: must("ROOST_BUCKET"), key: must("ROOST_KMS_KEY")}
	switch {
	case len(missing) > 0:
		return names{}, fmt.Errorf("not set: %s", strings.Join(missing, ", "))
	case !strings.HasSuffix(n.prefix, "-"):
		return names{}, fmt.Errorf("ROOST_QUEUE_PREFIX %q does not end with -", n.prefix)
	case !strings.HasPrefix(n.key, "alias/"):
		return names{}, fmt.Errorf("ROOST_KMS_KEY %q does not begin with alias/", n.key)
	}
	return n, nil
}
