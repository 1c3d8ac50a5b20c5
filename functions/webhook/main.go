// Command webhook is the Lambda function behind the events queue: transcript
// first, then the webhooks. See package delivery.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"roost/functions/webhook/delivery"
)

func main() {
	ports, err := open(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "webhook:", err)
		os.Exit(1)
	}
	ports.Log = slog.New(slog.NewJSONHandler(os.Stdout, nil))
	lambda.Start(delivery.New(ports).Handle)
}

// errNoAdapters is all that this build can say in the cloud.
var errNoAdapters = errors.New("the AWS adapters are not part of this build yet; run the whole system with: go run ./local")

// open connects to the ports that the environment names.
func open(context.Context) (delivery.Config, error) {
	return delivery.Config{}, errNoAdapters
}
