//go:build race && unix

package knownraces

import (
	_ "embed"
	"os"
	"strings"
	"syscall"
)

//go:embed known.txt
var known []byte

const (
	variable = "GORACE"
	option   = "suppressions="
)

// Suppress is the first call of a TestMain whose tests run the client library.
// The race detector reads its options once, before main, so the program starts
// itself again with the list in a file that is gone when Suppress returns. A
// list that the caller has set in GORACE is left alone.
func Suppress() {
	before := os.Getenv(variable)
	if i := strings.Index(before, option); i >= 0 {
		restore(before, i)
		return
	}
	file, err := os.CreateTemp("", "knownraces*.txt")
	if err != nil {
		panic(err)
	}
	if _, err := file.Write(known); err != nil {
		panic(err)
	}
	if err := file.Close(); err != nil {
		panic(err)
	}
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	if err := os.Setenv(variable, before+" "+option+file.Name()); err != nil {
		panic(err)
	}
	panic(syscall.Exec(self, os.Args, os.Environ()))
}

// restore removes the file of the list, and the list from the environment, so
// that the programs a test starts do not look for it.
func restore(options string, at int) {
	path, rest, _ := strings.Cut(options[at+len(option):], " ")
	if !strings.Contains(path, "knownraces") {
		return
	}
	if err := os.Remove(path); err != nil {
		panic(err)
	}
	if err := os.Setenv(variable, strings.TrimSpace(options[:at]+rest)); err != nil {
		panic(err)
	}
}
