package cloud_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"roost/simulator/content"
)

// The table is between these lines of docs/costs.md.
const (
	costs      = "../../docs/costs.md"
	costsBegin = "<!-- counts: begin -->\n"
	costsEnd   = "<!-- counts: end -->"
)

const (
	day = 24 * time.Hour
	// pollers are those that Lambda has behind a queue that nothing comes from,
	// with waits of 20 s (AWS: "Using Lambda with Amazon SQS").
	pollers = 5
)

// bill is a column of the table.
type bill struct {
	traffic
	runs, milliseconds, requests float64
}

func (b bill) plus(c bill, times float64) bill {
	return bill{b.traffic.plus(c.traffic, times), b.runs + c.runs*times, b.milliseconds + c.milliseconds*times, b.requests + c.requests*times}
}

// rows are the table's, in its order.
var rows = []struct {
	name string
	of   func(bill) float64
}{
	{"table: write units", func(b bill) float64 { return b.WriteUnits }},
	{"table: read units", func(b bill) float64 { return b.ReadUnits }},
	{"queue requests", func(b bill) float64 { return b.Queue }},
	{"bucket: writes", func(b bill) float64 { return b.ObjectWrites }},
	{"bucket: reads", func(b bill) float64 { return b.ObjectReads }},
	{"KMS requests", func(b bill) float64 { return b.Keys }},
	{"function runs", func(b bill) float64 { return b.runs }},
	{"function milliseconds", func(b bill) float64 { return b.milliseconds }},
	{"API requests", func(b bill) float64 { return b.requests }},
}

// TestCosts counts what messages and idleness cost, and holds docs/costs.md to
// it: nothing may cost a half more than is written there. COSTS_WRITE=1 writes
// the table anew, COSTS_SECONDS is how long idleness is looked at.
func TestCosts(t *testing.T) { // not parallel: others would make it slow
	w := newWorld(t)
	const messages = 20
	window := 15 * time.Second
	if n, err := strconv.Atoi(os.Getenv("COSTS_SECONDS")); err == nil {
		window = time.Duration(n) * time.Second
	}
	w.startHost("host-1")
	empty := w.during(func() { w.wait(window) })
	phone := w.link("alice", "491510000001")
	bob, err := w.Contact("491510000002", "Bob")
	must(t, err)
	in := func() {
		id, err := bob.Send(phone.PN(), content.Text("in"))
		must(t, err)
		w.poll("the webhook", func() bool {
			for _, e := range w.hook.of("messages.upsert") {
				if e.message() == id {
					return true
				}
			}
			return false
		})
	}
	out := func() {
		if status, answer := w.call(http.MethodPost, "/message/sendText/alice", map[string]any{"number": bob.Number(), "text": "out"}); status != http.StatusCreated {
			t.Fatalf("sendText: %d %v", status, answer)
		}
	}
	in()
	out()
	w.wait(3 * time.Second) // receipts, and what the link leaves to be done
	idle := w.during(func() { w.wait(window) })
	second := bill{}.plus(idle, 1/window.Seconds())
	each := func(do func()) bill {
		began := time.Now()
		total := w.during(func() {
			for range messages {
				do()
			}
			w.wait(2 * time.Second)
		})
		return bill{}.plus(total.plus(second, -time.Since(began).Seconds()), 1.0/messages)
	}
	incoming, outgoing := w.byWhom("message in", messages, each, in), w.byWhom("message out", messages, each, out)
	sweep := w.during(w.sweepNow)
	days := day.Seconds() / window.Seconds()
	system := bill{}.plus(empty, days).plus(sweep, day.Minutes())
	system.Queue += 2 * pollers * day.Seconds() / 20
	columns := []bill{incoming, outgoing, bill{}.plus(idle.plus(empty, -1), days), system}
	measured := table(columns)
	t.Logf("measured:\n%s", measured)
	if os.Getenv("COSTS_WRITE") != "1" {
		compare(t, columns, days)
	} else {
		document, err := os.ReadFile(costs)
		must(t, err)
		before, rest, _ := strings.Cut(string(document), costsBegin)
		_, after, _ := strings.Cut(rest, costsEnd)
		must(t, os.WriteFile(costs, []byte(before+costsBegin+measured+costsEnd+after), 0o644))
	}
}

// wait lets time pass, which is what is measured here.
func (w *world) wait(d time.Duration) {
	select {
	case <-time.After(d):
	case <-w.ctx.Done():
		w.t.Fatal(w.ctx.Err())
	}
}

// during is what everybody has asked for while do ran. Of the event sources it
// counts the polls that brought something, and what took that off the queue:
// the others are AWS's, which has other pollers than this suite.
func (w *world) during(do func()) bill {
	w.t.Helper()
	before := w.total()
	do()
	return bill{}.plus(w.total(), 1).plus(before, -1)
}

// byWhom is each, and prints who has asked the table for what.
func (w *world) byWhom(flow string, messages int, each func(func()) bill, do func()) bill {
	w.t.Helper()
	before := map[string]traffic{}
	for who, m := range w.meters {
		before[who] = m.read()
	}
	sum := each(do)
	for who, m := range w.meters {
		now := m.read()
		for operation, units := range now.Units {
			if more := units - before[who].Units[operation]; more > 0 {
				name := "DYNAMODB." + operation
				w.t.Logf("%s, %s: %.1f %s of %.1f units in all", flow, who,
					float64(now.Operations[name]-before[who].Operations[name])/float64(messages), operation, more/float64(messages))
			}
		}
	}
	return sum
}

func (w *world) total() bill {
	var sum bill
	for who, m := range w.meters {
		if who == "sources" {
			sum.Queue += 2 * float64(m.read().Operations["SQS.DeleteMessageBatch"])
			continue
		}
		sum = sum.plus(bill{traffic: m.read()}, 1)
	}
	for _, f := range []*function{w.api, w.webhook, w.archive, w.sweep} {
		runs, ms := f.billed()
		sum.runs += float64(runs)
		sum.milliseconds += float64(ms)
		if f == w.api {
			sum.requests += float64(runs)
		}
	}
	return sum
}

// table is what stands in the document.
func table(columns []bill) string {
	var b bytes.Buffer
	b.WriteString("| | message in | message out | idle instance, a day | idle system, a day |\n|---|---|---|---|---|\n")
	for _, row := range rows {
		fmt.Fprintf(&b, "| %s |", row.name)
		for n, column := range columns {
			value := max(0, row.of(column))
			if n < 2 {
				fmt.Fprintf(&b, " %.1f |", value)
			} else {
				fmt.Fprintf(&b, " %.0f |", value)
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// compare holds the document's table to what was measured. Time depends on the
// machine, and a day is looked at for seconds only: one request more in them is
// no fault.
func compare(t *testing.T, columns []bill, days float64) {
	t.Helper()
	document, err := os.ReadFile(costs)
	must(t, err)
	_, rest, _ := strings.Cut(string(document), costsBegin)
	written, _, found := strings.Cut(rest, costsEnd)
	lines := strings.Split(strings.TrimSpace(written), "\n")
	if !found || len(lines) != len(rows)+2 {
		t.Fatalf("%s has no table of %d rows", costs, len(rows))
	}
	for n, row := range rows {
		cells := strings.Split(strings.Trim(lines[n+2], "| "), "|")
		if len(cells) != len(columns)+1 || strings.TrimSpace(cells[0]) != row.name {
			t.Errorf("%s: the row of %s is %q", costs, row.name, lines[n+2])
			continue
		}
		for c, column := range columns {
			told, err := strconv.ParseFloat(strings.TrimSpace(cells[c+1]), 64)
			slack := 1.0
			if c >= 2 {
				slack = 3 * days
			}
			if got := row.of(column); row.name != "function milliseconds" && (err != nil || got > told*1.5+slack) {
				t.Errorf("%s, column %d: %.1f measured, %q written", row.name, c+1, got, cells[c+1])
			}
		}
	}
}
