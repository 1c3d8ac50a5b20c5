//go:build unix

package child

import (
	"os/exec"
	"syscall"
)

// apart gives a child a process group of its own, so that Ctrl-C in a terminal
// reaches the parent only, which ends its children in order.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
