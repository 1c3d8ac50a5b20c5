package report

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// The plot: percentiles to the right, each nine as wide as the one before;
// latency upwards, logarithmic.
const (
	plotWidth, plotHeight = 900, 480
	left, right           = 84, 230
	top, bottom           = 30, 50
)

var colours = []string{"#1b6ca8", "#e07b39", "#3a9e5c", "#b0413e", "#7d5ba6", "#6b6b6b", "#c2a000", "#008b8b"}

// plot draws how latencies are spread.
func plot(all []Series) string {
	var drawn []Series
	low, high := math.Inf(1), math.Inf(-1)
	for _, s := range all {
		if len(s.Distribution.Curve) == 0 || len(drawn) == len(colours) {
			continue
		}
		drawn = append(drawn, s)
		for _, p := range s.Distribution.Curve {
			low, high = min(low, p.Milliseconds), max(high, p.Milliseconds)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", plotWidth, plotHeight)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", plotWidth, plotHeight)
	if len(drawn) == 0 {
		b.WriteString(`<text x="70" y="60">nothing was measured</text></svg>` + "\n")
		return b.String()
	}
	floor, ceiling := math.Floor(math.Log10(max(low, 0.01))), math.Ceil(math.Log10(max(high, 0.1)))
	if ceiling <= floor {
		ceiling = floor + 1
	}
	x := func(share float64) float64 {
		nines := -math.Log10(max(1-share, 1e-4))
		return left + nines/4*(plotWidth-left-right)
	}
	y := func(ms float64) float64 {
		part := (math.Log10(max(ms, math.Pow(10, floor))) - floor) / (ceiling - floor)
		return plotHeight - bottom - part*(plotHeight-top-bottom)
	}
	for _, share := range []float64{0, 0.5, 0.9, 0.99, 0.999, 0.9999} {
		fmt.Fprintf(&b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="#ddd"/>`, x(share), top, x(share), plotHeight-bottom)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%s %%</text>`+"\n", x(share), plotHeight-bottom+18, trim(fmt.Sprintf("%.2f", 100*share)))
	}
	for e := floor; e <= ceiling; e++ {
		ms := math.Pow(10, e)
		fmt.Fprintf(&b, `<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#ddd"/>`, left, y(ms), plotWidth-right, y(ms))
		fmt.Fprintf(&b, `<text x="%d" y="%.1f" text-anchor="end">%s ms</text>`+"\n", left-6, y(ms)+4, number(ms))
	}
	for i, s := range drawn {
		var points []string
		for _, p := range s.Distribution.Curve {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(p.Share), y(p.Milliseconds)))
		}
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="2" points="%s"/>`, colours[i], strings.Join(points, " "))
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="%s">%s</text>`+"\n", plotWidth-right+12, top+14+18*i, colours[i], html.EscapeString(s.Name))
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">share that took at most so long</text>`, (left+plotWidth-right)/2, plotHeight-10)
	b.WriteString("</svg>\n")
	return b.String()
}
