package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"roost/local/bench/report"
	"roost/local/bench/roost"
	"roost/local/bench/world"
)

// few is how many connections are made a second, and for how long, in the
// measurements of one at a time.
const (
	fewRate    = 10
	fewSeconds = 10
)

// errNothing stands where all that was asked for had no effect.
var errNothing = errors.New("nothing came of it")

func (r *run) few(f world.Fleet) world.Load {
	return world.Load{Fleet: f, Instances: r.cfg.instances, Rate: fewRate, Seconds: min(fewSeconds, r.cfg.duration.Seconds())}
}

// recover measures how long a connection needs that is opened again.
func (r *run) recover(ctx context.Context) error {
	return r.compared(ctx, "recover a connection from its keys to logged in", r.world.Recover, report.AtMost(50))
}

// pairing measures how long it takes until a new instance has a QR code.
func (r *run) pairing(ctx context.Context) error {
	return r.compared(ctx, "pairing, create → QR code", r.world.Pair, report.AtMost(500))
}

func (r *run) compared(ctx context.Context, name string, ask func(context.Context, world.API, world.Load) (world.Asked, error), p99 report.Goal) error {
	if err := r.both(ctx); err != nil {
		return err
	}
	bare, err := ask(ctx, r.floor.API(), r.few(world.Floor))
	if err != nil {
		return err
	}
	out, err := ask(ctx, r.system.API(), r.few(world.Roost))
	if err != nil {
		return err
	}
	if out.Failed+out.Lost+bare.Failed+bare.Lost > 0 {
		r.problem("%s: of %d Roost's %d failed and %d had no effect, the floor's %d and %d: %s%s", name, out.Count, out.Failed, out.Lost, bare.Failed, bare.Lost, out.Problem, bare.Problem)
	}
	if out.Effect.Count == 0 || bare.Effect.Count == 0 {
		r.figure(report.Missing(name+", p99", "ms", errNothing, p99))
		return nil
	}
	r.figure(report.Of(name+", p50", "ms", out.Effect.P50).Against(bare.Effect.P50))
	r.figure(report.Of(name+", p99", "ms", out.Effect.P99, p99).Against(bare.Effect.P99))
	return nil
}

// failover measures how long the instances of a session host are offline that
// was killed, while another one goes on.
func (r *run) failover(ctx context.Context) error {
	r.stopFloor()
	if _, err := r.started(ctx, min(2*r.cfg.linked, 20_000), 2); err != nil {
		return err
	}
	hosts, err := r.system.Hosts(ctx)
	if err != nil {
		return err
	}
	var victim roost.Host
	most := 0
	for _, h := range hosts {
		n, err := sessions(ctx, h)
		if err != nil {
			return err
		}
		if n > most {
			victim, most = h, n
		}
	}
	if most == 0 {
		return fmt.Errorf("none of %d session hosts has instances", len(hosts))
	}
	if err := pause(ctx, min(settle, r.cfg.rest)); err != nil { // what a start still has to do is done
		return err
	}
	if err := r.world.Mark(ctx); err != nil {
		return err
	}
	process, err := os.FindProcess(victim.PID)
	if err != nil {
		return err
	}
	killed := time.Now()
	if err := process.Kill(); err != nil {
		return fmt.Errorf("kill session host %s: %w", victim.Name, err)
	}
	back, err := r.world.Online(ctx, world.Roost, r.seeded, most)
	if err != nil {
		return err
	}
	r.figure(report.Of(fmt.Sprintf("failover of %d instances after SIGKILL until all are online", most), "s", back.Last.Sub(killed).Seconds(), report.AtMost(15)).
		Noted("two session hosts had %d instances; the longest was offline for %.1f s", r.seeded, back.Longest.Seconds()))
	r.stopSystem()
	return nil
}

// sessions is how many instances a session host has.
func sessions(ctx context.Context, h roost.Host) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+h.Address+"/health", nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	var health struct{ Sessions int }
	err = json.NewDecoder(response.Body).Decode(&health)
	return health.Sessions, err
}
