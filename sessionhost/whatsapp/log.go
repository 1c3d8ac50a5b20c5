package whatsapp

import (
	"fmt"
	"log/slog"

	signallogger "go.mau.fi/libsignal/logger"
	waLog "go.mau.fi/whatsmeow/util/log"
)

// logger passes the library's errors on. What it says below that level quotes
// stanzas, which hold phone numbers and keys, and is dropped.
type logger struct{ to *slog.Logger }

func (l logger) Errorf(format string, args ...any) {
	l.to.Warn("whatsapp library", "text", fmt.Sprintf(format, args...))
}
func (l logger) Warnf(string, ...any)    {}
func (l logger) Infof(string, ...any)    {}
func (l logger) Debugf(string, ...any)   {}
func (l logger) Sub(string) waLog.Logger { return l }

// init keeps libsignal from printing to standard output, which it does by
// default, after starting its logger without a lock: it must be set before the
// first goroutine uses it.
func init() { //nolint:gochecknoinits // see above
	var silent signallogger.Loggable = mute{}
	signallogger.Setup(&silent)
}

type mute struct{}

func (mute) Debug(string, string)   {}
func (mute) Info(string, string)    {}
func (mute) Warning(string, string) {}
func (mute) Error(string, string)   {}
func (mute) Configure(string)       {}
