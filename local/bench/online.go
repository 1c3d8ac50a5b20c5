package bench

import (
	"context"
	"fmt"
	"time"

	"roost/local/bench/child"
	"roost/local/bench/floor"
	"roost/local/bench/report"
	"roost/local/bench/world"
)

// settle is how long a process rests before its memory is looked at.
const settle = 3 * time.Second

// online measures how long a start takes, and what idle instances take.
func (r *run) online(ctx context.Context) error {
	empty, bare, err := r.empty(ctx)
	if err != nil {
		return err
	}
	n := r.cfg.linked
	took, err := r.started(ctx, n, r.cfg.hosts)
	if err != nil {
		return err
	}
	floorTook, err := r.floored(ctx)
	if err != nil {
		return err
	}
	r.figure(report.Of(fmt.Sprintf("start with %d linked instances until all are online", n), "s", took.Seconds(), report.AtMost(5)).Against(floorTook.Seconds()))
	if err := pause(ctx, min(settle, r.cfg.rest)); err != nil {
		return err
	}
	look := func() (system, floor child.Usage, err error) {
		if system, err = r.system.Usage(ctx); err == nil {
			floor, err = r.floor.Usage()
		}
		return system, floor, err
	}
	system0, floor0, err := look()
	if err != nil {
		return err
	}
	if err := pause(ctx, r.cfg.rest); err != nil {
		return err
	}
	system1, floor1, err := look()
	if err != nil {
		return err
	}
	r.figure(memory(n, difference(system1, empty), difference(floor1, bare)))
	share := func(u child.Usage) float64 {
		return 100 * u.Processor.Seconds() / r.cfg.rest.Seconds() * 1000 / float64(n)
	}
	r.figure(report.Of("idle processor time of 1,000 instances", "% of a core", share(difference(system1, system0)), report.Times(1.5)).Against(share(difference(floor1, floor0))))
	return nil
}

func memory(n int, system, bare child.Usage) report.Figure {
	each := func(u child.Usage) float64 { return float64(u.Resident) / 1024 / float64(n) }
	return report.Of(fmt.Sprintf("memory of an online instance, resident, of %d", n), "KiB", each(system), report.AtMost(250), report.Times(2)).Against(each(bare))
}

// empty is what both take without instances.
func (r *run) empty(ctx context.Context) (system, bare child.Usage, err error) {
	p, err := r.start(ctx, "empty", r.cfg.hosts)
	if err != nil {
		return system, bare, err
	}
	defer p.Stop()
	f, err := floor.Start(ctx, floor.Args{World: r.world.URL, Fleet: world.Floor})
	if err != nil {
		return system, bare, err
	}
	defer f.Stop()
	if err := pause(ctx, min(settle, r.cfg.rest)); err != nil {
		return system, bare, err
	}
	if system, err = p.Usage(ctx); err == nil {
		bare, err = f.Usage()
	}
	return system, bare, err
}

// large measures memory, start and idleness with many instances.
func (r *run) large(ctx context.Context) error {
	n := r.cfg.large
	if n == 0 {
		return nil
	}
	r.stopFloor()
	empty, bare, err := r.empty(ctx)
	if err != nil {
		return err
	}
	took, err := r.started(ctx, n, r.cfg.hosts)
	if err != nil {
		return err
	}
	if err := pause(ctx, min(settle, r.cfg.rest)); err != nil {
		return err
	}
	system, err := r.system.Usage(ctx)
	if err != nil {
		return err
	}
	if err := pause(ctx, r.cfg.rest); err != nil { // one ping at least

		return err
	}
	rested, err := r.system.Usage(ctx)
	if err != nil {
		return err
	}
	idle := report.Of(fmt.Sprintf("idle processor time of an instance, of %d", n), "µs/s", difference(rested, system).Processor.Seconds()*1e6/r.cfg.rest.Seconds()/float64(n))
	if r.cfg.hosts == 1 {
		goroutines, err := r.system.Goroutines(ctx)
		if err != nil {
			return err
		}
		idle = idle.Noted("%.1f goroutines an instance", float64(goroutines)/float64(n))
	}
	r.stopSystem()
	floorTook, err := r.startFloor(ctx, world.Large, n)
	if err != nil {
		return err
	}
	if err := pause(ctx, min(settle, r.cfg.rest)); err != nil {
		return err
	}
	floor, err := r.floor.Usage()
	if err != nil {
		return err
	}
	r.figure(report.Of(fmt.Sprintf("start with %d linked instances until all are online", n), "s", took.Seconds()).Against(floorTook.Seconds()))
	r.figure(memory(n, difference(system, empty), difference(floor, bare)))
	r.figure(idle)
	return nil
}
