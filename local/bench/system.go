package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"roost/local/bench/child"
	"roost/local/bench/floor"
	"roost/local/bench/roost"
	"roost/local/bench/world"
)

// loginsAtOnce is how many bare clients log in at a time: as many as a session
// host opens.
const loginsAtOnce = 16

// seed makes linked instances until there are so many. Roost must not run.
func (r *run) seed(ctx context.Context, count int) error {
	if count <= r.seeded {
		return nil
	}
	begin := time.Now()
	d, done, err := r.open(ctx, filepath.Join(r.dir, "data"), r.cfg.storage)
	if err != nil {
		return err
	}
	err = roost.Seed(ctx, d, roost.Seeds{World: r.world.URL, Hook: r.world.Hook(), First: r.seeded, Count: count - r.seeded, PreKeys: uint32(r.cfg.preKeys)})
	if closing := done(); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("make linked instances: %w", err)
	}
	r.say("%d instances made in %s", count-r.seeded, time.Since(begin).Round(time.Millisecond))
	r.seeded = count
	return nil
}

// started runs Roost with so many linked instances, or goes on with the one that
// runs. took is how long it was until the last was online, 0 if it ran already.
func (r *run) started(ctx context.Context, count, hosts int) (took time.Duration, err error) {
	if r.system != nil && r.seeded >= count && r.hosts == hosts {
		return 0, nil
	}
	r.stopSystem()
	if err := r.seed(ctx, count); err != nil {
		return 0, err
	}
	if r.system, err = r.start(ctx, "data", hosts); err != nil {
		return 0, err
	}
	r.hosts = hosts
	back, err := r.world.Online(ctx, world.Roost, r.seeded, 0)
	if err != nil {
		return 0, fmt.Errorf("%w\n%s", err, r.system.Output())
	}
	took = back.Last.Sub(r.system.Began)
	r.say("Roost has %d instances online after %s", r.seeded, took.Round(time.Millisecond))
	return took, nil
}

func (r *run) start(ctx context.Context, data string, hosts int) (*roost.Process, error) {
	return roost.Start(ctx, roost.Config{World: r.world.URL, Data: filepath.Join(r.dir, data), Storage: r.cfg.storage, Hosts: hosts})
}

func (r *run) stopSystem() {
	if r.system != nil {
		r.system.Stop()
		r.system = nil
	}
}

// floored runs the floor with the usual number of clients, or goes on with the
// one that runs.
func (r *run) floored(ctx context.Context) (took time.Duration, err error) {
	if r.floor != nil {
		return 0, nil
	}
	return r.startFloor(ctx, world.Floor, r.cfg.linked)
}

func (r *run) startFloor(ctx context.Context, fleet world.Fleet, count int) (took time.Duration, err error) {
	r.stopFloor()
	args := floor.Args{World: r.world.URL, Fleet: fleet, Count: count, PreKeys: uint32(r.cfg.preKeys), Rate: loginsAtOnce}
	if r.floor, err = floor.Start(ctx, args); err != nil {
		return 0, err
	}
	begin := time.Now()
	if err := r.floor.Connect(ctx); err != nil {
		return 0, err
	}
	back, err := r.world.Online(ctx, fleet, count, 0)
	if err != nil {
		return 0, err
	}
	took = back.Last.Sub(begin)
	r.say("the floor has %d clients online after %s", count, took.Round(time.Millisecond))
	return took, nil
}

func (r *run) stopFloor() {
	if r.floor != nil {
		r.floor.Stop()
		r.floor = nil
	}
}

// both runs Roost and the floor with the usual number of instances.
func (r *run) both(ctx context.Context) error {
	if _, err := r.started(ctx, r.cfg.linked, r.cfg.hosts); err != nil {
		return err
	}
	_, err := r.floored(ctx)
	return err
}

// profiled measures what do takes of Roost's processor, and writes a profile
// when that is wanted.
func (r *run) profiled(ctx context.Context, name string, do func() error) (time.Duration, error) {
	written := make(chan error, 1)
	recording, stop := context.WithCancel(ctx)
	defer stop()
	if r.cfg.profile != "" {
		seconds := max(1, int(r.cfg.duration.Seconds()))
		go func() {
			written <- r.system.Profile(recording, fmt.Sprintf("profile?seconds=%d", seconds), filepath.Join(r.cfg.profile, name+".cpu.pprof"))
		}()
	} else {
		written <- nil
	}
	before, err := r.system.Usage(ctx)
	if err != nil {
		return 0, err
	}
	if err := do(); err != nil {
		return 0, err
	}
	after, err := r.system.Usage(ctx)
	if err != nil {
		return 0, err
	}
	if err := <-written; err != nil {
		r.problem("profile of %s: %v", name, err)
	}
	if r.cfg.profile != "" {
		if err := r.system.Profile(ctx, "heap", filepath.Join(r.cfg.profile, name+".heap.pprof")); err != nil {
			r.problem("profile of %s: %v", name, err)
		}
	}
	return after.Processor - before.Processor, nil
}

// difference is what was taken between two looks.
func difference(after, before child.Usage) child.Usage {
	return child.Usage{Processor: after.Processor - before.Processor, Resident: after.Resident - before.Resident}
}
