package report

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"roost/local/bench/latency"
)

// Report is a whole run.
type Report struct {
	When     time.Time          `json:"when"`
	Took     string             `json:"took"`
	Commit   string             `json:"commit"`
	Machine  Machine            `json:"machine"`
	Command  string             `json:"command"`
	Storage  string             `json:"storage"`
	Figures  []Figure           `json:"figures"`
	Series   []Series           `json:"latencies"`
	Problems []string           `json:"problems,omitempty"` // what went wrong on the way
	Details  map[string]float64 `json:"details,omitempty"`
}

// Series is a distribution with its name.
type Series struct {
	Name         string               `json:"name"`
	Distribution latency.Distribution `json:"distribution"`
}

// The files of a report, below its folder.
const (
	Page = "BENCHMARKS.md"
	Data = "docs/benchmarks.json"
	Plot = "docs/benchmarks.svg"
)

// Table writes the figures for a terminal.
func (r Report) Table(w io.Writer) {
	rows := [][]string{header}
	for _, f := range r.Figures {
		rows = append(rows, f.cells())
	}
	widths := make([]int, len(header))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(strings.Trim(cell, "*")))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			cell = strings.Trim(cell, "*")
			gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i >= 1 && i <= 4 && i != 3 { // numbers
				cell = gap + cell
			} else {
				cell += gap
			}
			line.WriteString(cell + "  ")
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
	for _, p := range r.Problems {
		fmt.Fprintln(w, "problem:", p)
	}
}

// Write writes the files into a folder. What stands in BENCHMARKS.md outside of
// the generated part stays.
func (r Report) Write(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "docs"), 0o755); err != nil { //nolint:gosec // for everybody to read
		return fmt.Errorf("make the folder of the report: %w", err)
	}
	encoded, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	page, err := os.ReadFile(filepath.Join(dir, Page))
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("read %s: %w", Page, err)
	}
	for name, content := range map[string]string{Data: string(encoded) + "\n", Plot: plot(r.Series), Page: r.page(string(page))} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil { //nolint:gosec // for everybody to read
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}
