package sqlite

import (
	"errors"
	"os"
	"syscall"
)

// syncData makes a file's content durable, and of what is known about it only
// what reading needs: the log is mostly written over, which then takes no entry
// in the file system's journal.
func syncData(file *os.File) error {
	for {
		err := syscall.Fdatasync(int(file.Fd()))
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

func syncNames(directory *os.File) error { return directory.Sync() }
