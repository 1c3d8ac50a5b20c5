// Package invocation is the start of every Lambda function of Roost: it opens
// the deployment that the environment names and gives the function's handler to
// the runtime.
package invocation

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-lambda-go/lambda"

	"roost/shared/deployment"
)

// Opener is [cloud.Open] or [cloud.OpenSealed], as much as the function needs.
type Opener func(ctx context.Context, getenv func(string) string, out io.Writer) (deployment.Deployment, error)

// Serve opens the deployment, makes the handler of it, which is one that
// lambda.Start takes, and serves until the runtime ends the process. What keeps
// it from starting it tells in one line, and ends the process with 1.
func Serve(name string, open Opener, handler func(context.Context, deployment.Deployment) (any, error)) {
	ctx := context.Background() //nolint:forbidigo // it is its main
	d, err := open(ctx, os.Getenv, os.Stdout)
	if err == nil {
		var h any
		if h, err = handler(ctx, d); err == nil {
			lambda.StartWithOptions(h, lambda.WithContext(ctx))
			return
		}
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	os.Exit(1)
}
