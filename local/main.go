// Command local is the whole of Roost in one process on embedded storage: the
// API, the session host and the functions, driven through the same handlers
// that run on AWS.
//
//	go run ./local            the real WhatsApp
//	go run ./local -simulate  a simulated one in the same process
//	go run ./local -hosts 3   three session hosts, each a process of its own
//
// Everything it keeps is in one folder (-data, ./.roost): a SQLite file, a
// folder of objects and three key files. Losing master.key loses the keys of
// every linked phone.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if len(os.Args) > 1 && os.Args[1] == hostCommand {
		err = runChild(ctx, os.Args[2:], os.Stdin, os.Stdout, os.Stderr)
	} else {
		err = run(ctx, os.Args[1:], os.Getenv, os.Stdout)
	}
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	default:
		fmt.Fprintln(os.Stderr, "roost:", err)
		os.Exit(1)
	}
}
