package repair

import "time"

// SetNow gives the handler another clock.
func (h *Handler) SetNow(now func() time.Time) { h.now = now }
