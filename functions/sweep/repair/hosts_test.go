package repair_test

import (
	"strings"
	"testing"
	"time"

	"roost/functions/sweep/repair"
	"roost/shared/fleet"
	"roost/shared/instance"
)

// A host that does not renew is ended, however old its record claims to be, and
// one that does is not. What the ended one held is told to another, or set right.
func TestHosts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	join := func(name string) fleet.Host {
		host := fleet.Host{Name: name, Term: name, Beat: 1, Lease: time.Second, Capacity: 10}
		if err := h.hosts.Join(t.Context(), host); err != nil {
			t.Fatal(err)
		}
		return host
	}
	join("dead")
	alive := join("alive")
	renewing, stop := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(renewing)
		for {
			alive.Beat++
			if err := h.hosts.Renew(t.Context(), alive); err != nil {
				t.Error(err)
				return
			}
			select {
			case <-time.After(50 * time.Millisecond):
			case <-stop:
				return
			}
		}
	}()
	h.create(instance.Instance{ID: "wanted", Name: "a", State: instance.Connecting, JID: "4930:1@s.whatsapp.net", Host: "dead", Wanted: true})
	h.create(instance.Instance{ID: "pairing", Name: "b", State: instance.Starting, Host: "dead"})
	h.create(instance.Instance{ID: "held", Name: "c", State: instance.Open, JID: "4931:1@s.whatsapp.net", Host: "alive", Wanted: true})
	h.now = h.now.Add(10 * time.Minute)
	h.sweep(repair.Report{Hosts: 1, Orphans: 2})
	close(stop)
	<-renewing
	all, err := h.hosts.List(t.Context())
	if err != nil || len(all) != 2 || all[0].Ended || !all[1].Ended {
		t.Errorf("hosts %+v, %v", all, err)
	}
	if told := h.receive(h.commands); len(told) != 1 || !strings.Contains(told[0], `"wanted"`) || !strings.Contains(told[0], `"take"`) {
		t.Errorf("commands %v", told)
	}
	got, err := h.instances.Get(t.Context(), "pairing")
	if err != nil || got.Host != "" || got.State != instance.Closed {
		t.Errorf("pairing %+v, %v", got, err)
	}
	if got, err = h.instances.Get(t.Context(), "held"); err != nil || got.Host != "alive" {
		t.Errorf("held %+v, %v", got, err)
	}
}
