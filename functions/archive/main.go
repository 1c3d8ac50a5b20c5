// Command archive is the Lambda function behind the archive queue: it moves the
// transcripts of deleted instances into the bucket. See package export.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"roost/functions/archive/export"
)

func main() {
	ports, err := open(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "archive:", err)
		os.Exit(1)
	}
	ports.Log = slog.New(slog.NewJSONHandler(os.Stdout, nil))
	lambda.Start(export.New(ports).Handle)
}

// errNoAdapters is all that this build can say in the cloud.
var errNoAdapters = errors.New("the AWS adapters are not part of this build yet; run the whole system with: go run ./local")

// open connects to the ports that the environment names.
func open(context.Context) (export.Config, error) {
	return export.Config{}, errNoAdapters
}
