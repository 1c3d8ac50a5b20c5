package report

import (
	"fmt"
	"strings"
)

// The generated part of BENCHMARKS.md stands between these lines.
const (
	begin = "<!-- measured: begin -->\n"
	end   = "<!-- measured: end -->\n"
)

// fresh is the page when there is none.
const fresh = "# Benchmarks\n\n" + begin + end

// page puts the run into the page that is there.
func (r Report) page(before string) string {
	head, rest, ok := strings.Cut(before, begin)
	_, foot, closed := strings.Cut(rest, end)
	if !ok || !closed {
		head, foot = strings.Split(fresh, begin)[0], ""
	}
	return head + begin + r.measured() + end + foot
}

// measured is the generated part.
func (r Report) measured() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nMeasured %s at commit %s in %s by\n\n    %s\n\n", r.When.UTC().Format("2006-01-02 15:04 UTC"), r.Commit, r.Took, r.Command)
	fmt.Fprintf(&b, "on %s. Storage: %s.\n\n", r.Machine, r.Storage)
	fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(header, " | "), "---|---:|---:|---|---:|---|---|")
	for _, f := range r.Figures {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(f.cells(), " | "))
	}
	b.WriteString("\n![Latency of event pushes by percentile](docs/benchmarks.svg)\n\n")
	if notes := r.notes(); notes != "" {
		b.WriteString(notes + "\n")
	}
	b.WriteString("| latency, ms | count | p50 | p95 | p99 | p99.9 | max |\n|---|---:|---:|---:|---:|---:|---:|\n")
	for _, s := range r.Series {
		d := s.Distribution
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s |\n", s.Name, thousands(d.Count), number(d.P50), number(d.P95), number(d.P99), number(d.P999), number(d.Max))
	}
	b.WriteString("\n")
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "Problem of this run: %s\n\n", p)
	}
	return b.String()
}

// notes are what figures have to say.
func (r Report) notes() string {
	var b strings.Builder
	for _, f := range r.Figures {
		if f.Note != "" {
			fmt.Fprintf(&b, "- %s: %s\n", f.Name, f.Note)
		}
	}
	return b.String()
}
