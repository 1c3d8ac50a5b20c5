// Package report is what a run of the benchmarks says: a table on the terminal,
// a file for programs, a plot, and BENCHMARKS.md.
package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Figure is one line of the table.
type Figure struct {
	Name     string   `json:"name"`
	Unit     string   `json:"unit"`
	Measured *float64 `json:"measured"` // nil when it could not be measured
	Floor    *float64 `json:"floor,omitempty"`
	Ratio    *float64 `json:"ratio,omitempty"`
	Goals    []Goal   `json:"goals,omitempty"`
	Met      *bool    `json:"met,omitempty"` // nil without goals or without a value
	Note     string   `json:"note,omitempty"`
}

// Goal bounds a figure.
type Goal struct {
	Kind  string  `json:"kind"`
	Value float64 `json:"value"`
}

const (
	atMost  = "at most"
	atLeast = "at least"
	times   = "at most times the floor"
)

// AtMost is a goal that a figure must not exceed.
func AtMost(v float64) Goal { return Goal{atMost, v} }

// AtLeast is a goal that a figure must reach.
func AtLeast(v float64) Goal { return Goal{atLeast, v} }

// Times is a goal for the ratio to the floor, not to be exceeded.
func Times(v float64) Goal { return Goal{times, v} }

func (g Goal) String() string {
	switch g.Kind {
	case atLeast:
		return "≥ " + number(g.Value)
	case times:
		return "≤ " + number(g.Value) + "× floor"
	default:
		return "≤ " + number(g.Value)
	}
}

// Of makes a figure that was measured.
func Of(name, unit string, measured float64, goals ...Goal) Figure {
	return Figure{Name: name, Unit: unit, Measured: &measured, Goals: goals}.judged()
}

// Against is a figure beside its floor.
func (f Figure) Against(floor float64) Figure {
	f.Floor = &floor
	if f.Measured != nil && floor > 0 {
		ratio := *f.Measured / floor
		f.Ratio = &ratio
	}
	return f.judged()
}

// Noted is a figure with something to say about it.
func (f Figure) Noted(format string, args ...any) Figure {
	f.Note = fmt.Sprintf(format, args...)
	return f
}

// Missing is a figure that could not be measured, and why.
func Missing(name, unit string, err error, goals ...Goal) Figure {
	return Figure{Name: name, Unit: unit, Goals: goals, Note: err.Error()}
}

// judged holds the figure against its goals.
func (f Figure) judged() Figure {
	f.Met = nil
	if f.Measured == nil || len(f.Goals) == 0 {
		return f
	}
	met := true
	for _, g := range f.Goals {
		switch g.Kind {
		case atMost:
			met = met && *f.Measured <= g.Value
		case atLeast:
			met = met && *f.Measured >= g.Value
		case times:
			met = met && f.Ratio != nil && *f.Ratio <= g.Value
		}
	}
	f.Met = &met
	return f
}

// cells are the columns of a table.
func (f Figure) cells() []string {
	goals := make([]string, len(f.Goals))
	for i, g := range f.Goals {
		goals[i] = g.String()
	}
	met := ""
	switch {
	case f.Met != nil && *f.Met:
		met = "yes"
	case f.Met != nil:
		met = "**no**"
	}
	ratio := optional(f.Ratio)
	if ratio != "" {
		ratio += "×"
	}
	return []string{f.Name, optional(f.Measured), optional(f.Floor), f.Unit, ratio, strings.Join(goals, ", "), met}
}

var header = []string{"figure", "measured", "floor", "unit", "ratio", "goal", "met"}

func optional(v *float64) string {
	if v == nil {
		return ""
	}
	return number(*v)
}

// number writes three digits that count, and no more.
func number(v float64) string {
	switch a := math.Abs(v); {
	case a >= 1000:
		return thousands(int64(math.Round(v)))
	case a >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return trim(strconv.FormatFloat(v, 'f', 1, 64))
	default:
		return trim(strconv.FormatFloat(v, 'f', 2, 64))
	}
}

func trim(s string) string {
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
