package evolution

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

// TooMany refuses a request that comes too soon.
func TooMany(w http.ResponseWriter, r *http.Request, wait time.Duration) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Retry-After", strconv.Itoa(max(int(math.Ceil(wait.Seconds())), 1)))
	e := envelope{Status: http.StatusTooManyRequests, Error: http.StatusText(http.StatusTooManyRequests)}
	e.Response.Message = []string{"Too many requests"}
	answer{status: e.Status, value: e}.write(w, r)
}
