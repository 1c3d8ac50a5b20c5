package report

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
)

// Machine is where a run was.
type Machine struct {
	Processor string  `json:"processor"`
	Cores     int     `json:"cores"`
	Memory    int64   `json:"memory_bytes"`
	System    string  `json:"system"`
	Go        string  `json:"go"`
	Load      float64 `json:"load"` // average of the last minute before the run
}

func (m Machine) String() string {
	return fmt.Sprintf("%d cores of %s, %d GiB, %s, %s; load before the run %s", m.Cores, m.Processor, m.Memory>>30, m.System, m.Go, number(m.Load))
}

// ThisMachine looks around. What cannot be found out stays empty.
func ThisMachine() Machine {
	m := Machine{Processor: value("/proc/cpuinfo", "model name"), Cores: runtime.GOMAXPROCS(0), System: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version()}
	if m.Processor == "" {
		m.Processor = runtime.GOARCH
	}
	kilobytes, _, _ := strings.Cut(value("/proc/meminfo", "MemTotal"), " ")
	n, _ := strconv.ParseInt(kilobytes, 10, 64)
	m.Memory = n << 10
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		first, _, _ := strings.Cut(string(text), " ")
		m.Load, _ = strconv.ParseFloat(first, 64)
	}
	return m
}

// value finds a line "name : value".
func value(path, name string) string {
	file, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if key, v, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// Commit is what is measured, as git names it; with "+changes" when the folder
// holds more.
func Commit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty=+changes", "--exclude=*").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
