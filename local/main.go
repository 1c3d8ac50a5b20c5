// Command local is the whole of Roost in one process on embedded storage: the
// API, the session host and the functions, driven through the same handlers
// that run on AWS.
//
//	go run ./local            the real WhatsApp
//	go run ./local -simulate  a simulated one in the same process
//	go run ./local -hosts 3   three session hosts, each a process of its own
//	go run ./local bench      measures it, see package bench
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
	switch command := os.Args[1:]; {
	case len(command) > 0 && command[0] == hostCommand:
		err = runChild(ctx, command[1:], os.Stdin, os.Stdout, os.Stderr)
	case len(command) > 0 && benches[command[0]] != nil:
		err = benches[command[0]](ctx, command[1:])
	default:
		err = run(ctx, command, os.Getenv, os.Stdout)
	}
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	default:
		fmt.Fprintln(os.Stderr, "roost:", err)
		os.Exit(1)
	}
}
