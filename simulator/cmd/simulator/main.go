// Command simulator runs a simulated WhatsApp on one port: the WebSocket for
// clients, the media servers, and the control API that holds the phones.
//
//	go run ./simulator/cmd/simulator -listen 127.0.0.1:8090
//
// It is for tests in other processes and other languages; tests in Go import
// the package roost/simulator instead. The control API is described in its file
// control_doc.go. The command ends within 2 s of SIGINT or SIGTERM.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "simulator:", err)
		os.Exit(1)
	}
}
