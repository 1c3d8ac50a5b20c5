package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"roost/local/bench/latency"
	"roost/local/bench/report"
	"roost/local/bench/roost"
	"roost/local/bench/world"
)

const (
	// given is the rate that goals are about, in messages a second.
	given = 500
	// overrun is the p99 at which a load counts as too much, in milliseconds.
	overrun = 250
	// steps are the loads of a search, in shares of the goal.
	sustainGoal = 1500
	sendGoal    = 500
)

// load is one on a fleet at a rate.
func (r *run) load(f world.Fleet, rate float64) world.Load {
	return world.Load{Fleet: f, Instances: r.cfg.instances, Rate: rate, Seconds: r.cfg.duration.Seconds()}
}

// warmed has every instance write to its contact once, so that both sides have
// a session, as people who talk have.
func (r *run) warmed(ctx context.Context) error {
	if err := r.both(ctx); err != nil {
		return err
	}
	if r.warm {
		return nil
	}
	for _, side := range r.sides() {
		if err := r.warmUp(ctx, side); err != nil {
			return err
		}
	}
	r.warm = true
	return nil
}

// warmUp is slower each time when the machine does not keep up.
func (r *run) warmUp(ctx context.Context, side side) error {
	var failure error
	for _, rate := range []float64{100, 50, 25} {
		out, err := r.world.Send(ctx, side.api, world.Load{Fleet: side.fleet, Instances: r.cfg.instances, Rate: rate, Seconds: float64(r.cfg.instances) / rate})
		if err != nil {
			return err
		}
		if out.Failed+out.Lost == 0 {
			return nil
		}
		failure = fmt.Errorf("%s: %d of %d first messages failed, %d were lost: %s", side.name, out.Failed, out.Count, out.Lost, out.Problem)
	}
	return failure
}

// side is one of the two that are compared.
type side struct {
	name  string
	fleet world.Fleet
	api   world.API
}

func (r *run) sides() []side {
	return []side{{"floor", world.Floor, r.floor.API()}, {"Roost", world.Roost, r.system.API()}}
}

// spent is what one load took of both sides.
type spent struct {
	floor, roost  time.Duration // of a processor
	before, after roost.Traffic // of Roost with its table
}

// beside puts one load on the floor, then on Roost, whose profile gets the name.
func (r *run) beside(ctx context.Context, name string, bare, own func() error) (s spent, err error) {
	before, err := r.floor.Usage()
	if err != nil {
		return s, err
	}
	if err := bare(); err != nil {
		return s, err
	}
	after, err := r.floor.Usage()
	if err != nil {
		return s, err
	}
	s.floor = difference(after, before).Processor
	if s.before, err = r.system.Traffic(ctx); err != nil {
		return s, err
	}
	if s.roost, err = r.profiled(ctx, name, own); err != nil {
		return s, err
	}
	s.after, err = r.system.Traffic(ctx)
	return s, err
}

// push measures how long a message takes to the webhook, at several rates.
func (r *run) push(ctx context.Context) error {
	if err := r.warmed(ctx); err != nil {
		return err
	}
	for _, rate := range r.cfg.rates {
		var out, bare world.Pushed
		spent, err := r.beside(ctx, fmt.Sprintf("push-%.0f", rate), func() (err error) {
			bare, err = r.world.Push(ctx, r.load(world.Floor, rate))
			return err
		}, func() (err error) {
			out, err = r.world.Push(ctx, r.load(world.Roost, rate))
			return err
		})
		if err != nil {
			return err
		}
		r.pushed(rate, out, bare)
		each := func(what float64) float64 { return what / float64(out.Sent) }
		if rate == r.cfg.rates[0] {
			r.stored(out.Sent, spent)
		}
		r.figure(report.Of(fmt.Sprintf("processor time of a message at %.0f/s", rate), "ms", each(spent.roost.Seconds()*1000)).
			Against(each(spent.floor.Seconds() * 1000)))
	}
	return nil
}

func (r *run) pushed(rate float64, out, bare world.Pushed) {
	name := func(percentile string) string {
		return fmt.Sprintf("event push at %.0f/s over %d instances, %s", rate, r.cfg.instances, percentile)
	}
	var p50, p99 []report.Goal
	if rate == given {
		p50, p99 = []report.Goal{report.Times(4)}, []report.Goal{report.AtMost(18)}
	}
	d, f := out.Latency, bare.Latency
	if d.Count == 0 || f.Count == 0 {
		r.figure(report.Missing(name("p99"), "ms", errNothing, p99...))
		return
	}
	r.figure(report.Of(name("p50"), "ms", d.P50, p50...).Against(f.P50))
	r.figure(report.Of(name("p95"), "ms", d.P95).Against(f.P95))
	r.figure(report.Of(name("p99"), "ms", d.P99, p99...).Against(f.P99))
	r.figure(report.Of(name("p99.9"), "ms", d.P999).Against(f.P999).Noted("%d sent, %d lost, %d told again; the load was up to %.1f ms late (p99 %.1f)", out.Sent, out.Lost, out.Duplicates, out.Late.Max, out.Late.P99))
	if out.Lost > 0 || bare.Lost > 0 {
		r.problem("at %.0f/s Roost lost %d of %d, the floor %d", rate, out.Lost, out.Sent, bare.Lost)
	}
	r.plotted(fmt.Sprintf("Roost, push at %.0f/s", rate), d)
	r.plotted(fmt.Sprintf("floor, push at %.0f/s", rate), f)
}

func (r *run) plotted(name string, d latency.Distribution) {
	r.report.Series = append(r.report.Series, report.Series{Name: name, Distribution: d})
}

// stored says what messages have cost the table.
func (r *run) stored(messages int, of spent) {
	n := float64(messages)
	host, functions := of.after.Host.Requests-of.before.Host.Requests, of.after.Functions.Requests-of.before.Functions.Requests
	bytes := of.after.Host.Bytes - of.before.Host.Bytes + of.after.Functions.Bytes - of.before.Functions.Bytes
	if r.cfg.hosts == 1 {
		r.figure(report.Of("table requests of the session host for a message", "requests", float64(host)/n, report.AtMost(2)))
	}
	r.figure(report.Of("table requests of the functions for a message", "requests", float64(functions)/n))
	r.figure(report.Of("bytes to and from the table for a message", "bytes", float64(bytes)/n))
}

// sustained searches the rate that Roost can take.
func (r *run) sustained(ctx context.Context) error {
	if err := r.warmed(ctx); err != nil {
		return err
	}
	best, err := r.search(ctx, sustainGoal, func(rate float64) (bool, string, error) {
		var out world.Pushed
		used, err := r.profiled(ctx, fmt.Sprintf("sustained-%.0f", rate), func() (err error) {
			out, err = r.world.Push(ctx, r.load(world.Roost, rate))
			return err
		})
		note := fmt.Sprintf("p99 %.1f ms, %d lost, %.2f cores", out.Latency.P99, out.Lost, used.Seconds()/max(out.Seconds, 1))
		return out.Lost == 0 && out.Latency.P99 <= overrun, note, err
	})
	if err != nil {
		return err
	}
	r.figure(report.Of(fmt.Sprintf("sustained inbound, nothing lost, p99 within %d ms", overrun), "messages/s", best.rate, report.AtLeast(sustainGoal)).Noted("%s", best.note))
	return nil
}

// found is the highest load that went well.
type found struct {
	rate float64
	note string
}

// search tries the goal, then more by a quarter each time while that goes well,
// or less while it does not.
func (r *run) search(ctx context.Context, goal float64, try func(rate float64) (bool, string, error)) (found, error) {
	var best found
	up := true
	for rate := goal; rate >= 50 && rate <= world.MaxRate; {
		ok, note, err := try(rate)
		if err != nil {
			return best, err
		}
		r.say("%.0f/s: %s", rate, note)
		if ok {
			best = found{rate, note}
		} else if rate == goal {
			up = false
		}
		if ok != up {
			break
		}
		if up {
			rate *= 1.25
		} else {
			rate *= 0.75
		}
		if err := pause(ctx, min(settle, r.cfg.rest)/3); err != nil {
			return best, err
		}
	}
	return best, nil
}

// send measures requests that send a message.
func (r *run) send(ctx context.Context) error {
	if err := r.warmed(ctx); err != nil {
		return err
	}
	const rate = 100
	var out, bare world.Asked
	spent, err := r.beside(ctx, fmt.Sprintf("send-%d", rate), func() (err error) {
		bare, err = r.world.Send(ctx, r.floor.API(), r.load(world.Floor, rate))
		return err
	}, func() (err error) {
		out, err = r.world.Send(ctx, r.system.API(), r.load(world.Roost, rate))
		return err
	})
	if err != nil {
		return err
	}
	if out.Failed+out.Lost > 0 {
		r.problem("at %d sends a second %d of %d failed, %d were lost: %s", rate, out.Failed, out.Count, out.Lost, out.Problem)
	}
	if out.Effect.Count == 0 || bare.Effect.Count == 0 {
		return errNothing
	}
	name := fmt.Sprintf("send at %d/s, request → message at the contact, ", rate)
	r.figure(report.Of(name+"p50", "ms", out.Effect.P50, report.AtMost(10)).Against(bare.Effect.P50))
	r.figure(report.Of(name+"p99", "ms", out.Effect.P99).Against(bare.Effect.P99).Noted("answered after %.1f ms (p50), %.1f (p99)", out.Answered.P50, out.Answered.P99))
	each := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(max(out.Count, 1)) }
	r.figure(report.Of("processor time of a send", "ms", each(spent.roost)).Against(each(spent.floor)))
	if r.cfg.hosts == 1 && out.Count > 0 {
		r.figure(report.Of("table requests of the session host for a send", "requests", float64(spent.after.Host.Requests-spent.before.Host.Requests)/float64(out.Count)))
	}
	r.plotted(fmt.Sprintf("Roost, send at %d/s", rate), out.Effect)
	r.plotted(fmt.Sprintf("floor, send at %d/s", rate), bare.Effect)
	best, err := r.search(ctx, sendGoal, func(rate float64) (bool, string, error) {
		var out world.Asked
		used, err := r.profiled(ctx, fmt.Sprintf("send-%.0f", rate), func() (err error) {
			out, err = r.world.Send(ctx, r.system.API(), r.load(world.Roost, rate))
			return err
		})
		note := fmt.Sprintf("p99 %.1f ms, %d failed, %d lost, %.2f cores", out.Effect.P99, out.Failed, out.Lost, used.Seconds()/max(out.Seconds, 1))
		return out.Failed+out.Lost == 0 && out.Effect.P99 <= overrun, note, err
	})
	if err != nil {
		return err
	}
	if best.rate == 0 {
		return errors.New("no rate of sends was kept up")
	}
	r.figure(report.Of(fmt.Sprintf("sends over %d instances, nothing lost, p99 within %d ms", r.cfg.instances, overrun), "messages/s", best.rate, report.AtLeast(sendGoal)).Noted("%s", best.note))
	return nil
}
