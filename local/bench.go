package main

import (
	"context"
	"os"

	"roost/local/bench"
	"roost/local/bench/child"
	"roost/local/bench/floor"
	"roost/local/bench/roost"
	around "roost/local/bench/world" // whose name a test of ours has
	"roost/shared/deployment"
)

// benches are the commands of a measurement: the first is for people, the
// others are its processes.
var benches = map[string]func(context.Context, []string) error{
	bench.Command: func(ctx context.Context, args []string) error {
		return bench.Run(ctx, args, openForSeeds, os.Stdout)
	},
	around.Command: func(ctx context.Context, _ []string) error { return around.Run(ctx, os.Stdin, os.Stdout) },
	floor.Command: func(ctx context.Context, args []string) error {
		return floor.Run(ctx, args, os.Stdin, os.Stdout)
	},
	roost.Command: func(ctx context.Context, args []string) error {
		ctx, cancel := child.Until(ctx, os.Stdin)
		defer cancel()
		return run(ctx, args, os.Getenv, os.Stdout)
	},
}

// openForSeeds opens a data folder that no Roost uses, to write into it.
func openForSeeds(ctx context.Context, dir, storage string) (deployment.Deployment, func() error, error) {
	d, err := openData(ctx, config{data: dir, storage: storage, getenv: os.Getenv}, "http://127.0.0.1/blob")
	if err != nil {
		return deployment.Deployment{}, nil, err
	}
	return deployment.Deployment{Table: d.table, Queues: d.queues, Bucket: d.bucket, Wrapper: d.wrapper}, d.close, nil
}
