package cloud_test

import (
	"os/exec"
	"syscall"
)

// bind lets a process end with this one, however that dies.
func bind(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
