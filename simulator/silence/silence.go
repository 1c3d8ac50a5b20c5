// Package silence keeps libsignal quiet in whatever program imports it, unless
// the program has given libsignal a logger. libsignal prints its warnings to
// standard output, and makes the logger for that at its first message, without
// a lock: a data race as soon as two devices, or two servers, work at once.
package silence

import "go.mau.fi/libsignal/logger"

func init() {
	if logger.Logger == nil {
		logger.Logger = silent{}
	}
}

type silent struct{}

func (silent) Debug(_, _ string)   {}
func (silent) Info(_, _ string)    {}
func (silent) Warning(_, _ string) {}
func (silent) Error(_, _ string)   {}
func (silent) Configure(string)    {}
