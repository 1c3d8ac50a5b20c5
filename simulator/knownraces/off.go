//go:build !race || !unix

package knownraces

// Suppress does nothing: the race detector is not in this program.
func Suppress() {}
