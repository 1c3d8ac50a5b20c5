// Command sweep is the Lambda function of the one-minute schedule: it mends what
// was left half done. See package repair.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"roost/functions/sweep/repair"
)

func main() {
	ports, err := open(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, "sweep:", err)
		os.Exit(1)
	}
	ports.Log = slog.New(slog.NewJSONHandler(os.Stdout, nil))
	lambda.Start(repair.New(ports).Handle)
}

// errNoAdapters is all that this build can say in the cloud.
var errNoAdapters = errors.New("the AWS adapters are not part of this build yet; run the whole system with: go run ./local")

// open connects to the ports that the environment names.
func open(context.Context) (repair.Config, error) {
	return repair.Config{}, errNoAdapters
}
