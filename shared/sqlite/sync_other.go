//go:build !linux

package sqlite

import (
	"os"
	"runtime"
)

func syncData(file *os.File) error { return file.Sync() }

// syncNames does nothing on Windows, which has no such thing.
func syncNames(directory *os.File) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	return directory.Sync()
}
