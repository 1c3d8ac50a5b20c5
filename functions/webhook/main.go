// Command webhook is the Lambda function behind the events queue: transcript
// first, then the webhooks. See package delivery, and package cloud for its
// variables.
package main

import (
	"context"

	"roost/functions/invocation"
	"roost/functions/webhook/delivery"
	"roost/shared/deployment"
	"roost/shared/deployment/cloud"
)

func main() {
	invocation.Serve("webhook", cloud.OpenSealed, func(ctx context.Context, d deployment.Deployment) (any, error) {
		h, err := delivery.Open(ctx, d)
		if err != nil {
			return nil, err
		}
		return h.Handle, nil
	})
}
