package delivery

import (
	"net/http"
	"time"

	"roost/shared/egress"
)

// limit is how long a receiver may take for its answer.
const limit = 15 * time.Second

// NewClient makes the client that webhooks are called with. It follows no
// redirects, whatever p says.
func NewClient(p egress.Policy) *http.Client {
	p.Redirects, p.Timeout = 0, limit
	return egress.NewClient(p)
}
