package guid

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"roost/shared/fault"
	"roost/shared/instance"
)

// Codes of business errors, which have HTTP 200.
const (
	codeNoKeys        = 10001 // link it first
	codeRejected      = 10002 // WhatsApp has refused the keys
	codeBanned        = 10003
	codeReplaced      = 10004 // keys in use elsewhere
	codePending       = 10005 // not done in time; it goes on
	codeOtherAccount  = 10006
	codeOnline        = 10007 // no QR code for what is linked
	codeQuota         = 10008
	codeProxy         = 10009
	codeOutdated      = 10010
	codeUnknownClient = 10013
)

// answer is the envelope.
type answer struct {
	Code    int    `json:"code"`
	Data    any    `json:"data"`
	Message string `json:"msg"`
	Request string `json:"requestId"` // finds the request in the log
}

// newRequestID names a request.
func newRequestID() string { return uuid.Must(uuid.NewV7()).String() }

func (a answer) write(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(a) // a client that is gone needs no answer
}

// problem is an answer that says why not.
type problem struct {
	status  int
	Code    int
	Message string
	Data    any
	wait    time.Duration // until a retry, 0 for nothing
}

func (p *problem) Error() string { return p.Message }

func (p *problem) write(w http.ResponseWriter, request string) {
	if p.wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(p.wait.Seconds()))))
	}
	answer{Code: p.Code, Data: p.Data, Message: p.Message, Request: request}.write(w, p.status)
}

// TooMany refuses a request that comes too soon.
func TooMany(w http.ResponseWriter, _ *http.Request, wait time.Duration) {
	(&problem{status: http.StatusTooManyRequests, Code: http.StatusTooManyRequests, Message: "too many requests", wait: wait}).write(w, newRequestID())
}

func business(code int, message string, data any) *problem {
	return &problem{status: http.StatusOK, Code: code, Message: message, Data: data}
}

func unknownClient() *problem {
	return business(codeUnknownClient, "guid unknown or already deregistered", nil)
}

// businessCodes are the dialect's numbers for the codes of faults.
var businessCodes = map[string]int{
	"no_keys": codeNoKeys, instance.ReasonLoggedOut: codeRejected, instance.ReasonUserLogout: codeRejected,
	instance.ReasonAccountLocked: codeRejected, instance.ReasonBanned: codeBanned, instance.ReasonReplaced: codeReplaced,
	"recover_pending": codePending, "wrong_account": codeOtherAccount, instance.ReasonProxyDown: codeProxy, instance.ReasonProxyRefused: codeProxy,
	instance.ReasonOutdated: codeOutdated,
}

// statuses are HTTP's for kinds of faults, which are their codes as well.
var statuses = map[fault.Kind]int{
	fault.Invalid: http.StatusBadRequest, fault.Unauthorized: http.StatusUnauthorized, fault.TooLarge: http.StatusRequestEntityTooLarge,
	fault.RateLimited: http.StatusTooManyRequests, fault.Unavailable: http.StatusServiceUnavailable,
}

// problemOf puts a fault into the dialect's words.
func problemOf(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	if f, ok := errors.AsType[*fault.Error](err); ok && businessCodes[f.Code] != 0 {
		return business(businessCodes[f.Code], f.Public, nil)
	}
	kind := fault.KindOf(err)
	switch {
	case kind == fault.NotFound:
		return unknownClient()
	case kind == fault.Conflict: // it does not fit where the client stands: see its state
		return business(codePending, fault.PublicOf(err), nil)
	case statuses[kind] == 0:
		return &problem{status: http.StatusInternalServerError, Code: http.StatusInternalServerError, Message: "internal error"}
	}
	return &problem{status: statuses[kind], Code: statuses[kind], Message: fault.PublicOf(err)}
}
