// Command archive is the Lambda function behind the archive queue: it moves the
// transcripts of deleted instances into the bucket. See package export, and
// package cloud for its variables; it needs no ROOST_KMS_KEY.
package main

import (
	"context"

	"roost/functions/archive/export"
	"roost/functions/invocation"
	"roost/shared/deployment"
	"roost/shared/deployment/cloud"
)

func main() {
	invocation.Serve("archive", cloud.Open, func(ctx context.Context, d deployment.Deployment) (any, error) {
		h, err := export.Open(ctx, d)
		if err != nil {
			return nil, err
		}
		return h.Handle, nil
	})
}
