// Command sweep is the Lambda function of the one-minute schedule: it mends what
// was left half done. See package repair, and package cloud for its variables;
// it needs no ROOST_KMS_KEY.
package main

import (
	"context"

	"roost/functions/invocation"
	"roost/functions/sweep/repair"
	"roost/shared/deployment"
	"roost/shared/deployment/cloud"
)

func main() {
	invocation.Serve("sweep", cloud.Open, func(ctx context.Context, d deployment.Deployment) (any, error) {
		h, err := repair.Open(ctx, d)
		if err != nil {
			return nil, err
		}
		return h.Handle, nil
	})
}
