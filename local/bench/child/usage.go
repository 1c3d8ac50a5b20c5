package child

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"
)

// Usage is what processes take, as the kernel counts it.
type Usage struct {
	Processor time.Duration // since their start
	Resident  int64         // bytes
}

// ticks is how many clock ticks of /proc are a second (USER_HZ, fixed by Linux
// for all architectures that Go runs on).
const ticks = 100

// ErrNoUsage means that this system has no /proc.
var ErrNoUsage = errors.New("what a process takes can be read on Linux only")

// UsageOf sums what processes take.
func UsageOf(pids ...int) (Usage, error) {
	var sum Usage
	for _, pid := range pids {
		dir := "/proc/" + strconv.Itoa(pid)
		stat, err := os.ReadFile(dir + "/stat")
		if err != nil {
			return Usage{}, fmt.Errorf("%w: %w", ErrNoUsage, err)
		}
		// After the name, which may hold anything but ends with the last ")".
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) < 22 {
			return Usage{}, ErrNoUsage
		}
		number := func(i int) int64 { n, _ := strconv.ParseInt(string(fields[i]), 10, 64); return n }
		sum.Processor += time.Duration(number(11)+number(12)) * time.Second / ticks // utime, stime
		sum.Resident += number(21) * int64(os.Getpagesize())
	}
	return sum, nil
}
