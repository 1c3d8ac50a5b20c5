package simulator

import (
	"context"
	"slices"
)

// maxJournal bounds what a person remembers of one kind of event.
const maxJournal = 1000

// journal keeps what happened to a person, oldest first, and wakes who waits
// for more. User.mu guards it. The zero value is empty.
type journal[T any] struct {
	list    []T
	changed chan struct{} // closed and replaced at each change; nil while nobody waits
}

func (j *journal[T]) add(v T) {
	if len(j.list) >= maxJournal {
		j.list = slices.Clone(j.list[maxJournal/2:])
	}
	j.list = append(j.list, v)
	j.stir()
}

func (j *journal[T]) stir() {
	if j.changed != nil {
		close(j.changed)
		j.changed = nil
	}
}

// awaitEntry returns the first entry, past or coming, that match accepts.
func awaitEntry[T any](ctx context.Context, u *User, j *journal[T], match func(T) bool) (T, error) {
	for {
		u.mu.Lock()
		if i := slices.IndexFunc(j.list, match); i >= 0 {
			found := j.list[i]
			u.mu.Unlock()
			return found, nil
		}
		if j.changed == nil {
			j.changed = make(chan struct{})
		}
		changed := j.changed
		u.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			var none T
			return none, context.Cause(ctx)
		}
	}
}
