package bench

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkInFlight is what open releases cost that go well, each with eight triggers, 12
// pods and 576 series: the monitor's questions, the watcher's gates, the looks at the store,
// and the rules; beyond what the same services cost without a release.
func BenchmarkInFlight(b *testing.B) {
	needsLong(b)
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprintf("releases=%d", n), func(b *testing.B) { inFlight(b, n) })
	}
}

func inFlight(b *testing.B, n int) {
	const span = time.Minute
	f := newFleet(b, n, "", func(text string) string { return text })
	for b.Loop() {
		time.Sleep(6 * benchInterval) // windows fill, and what a start costs is over
		daemon, prom := f.cmd.Process.Pid, f.prom.PID()
		idle := f.spend(span)
		before := memoryOf(daemon, "VmRSS")
		f.release()
		time.Sleep(2 * benchInterval)
		open := f.spend(span)
		each := float64(n) * float64(span/benchInterval)
		b.ReportMetric((open.daemon-idle.daemon)*1000/each, "daemon-cpu-ms/release-interval")
		b.ReportMetric(open.daemon/span.Seconds()*100, "daemon-cpu-%")
		b.ReportMetric(memoryOf(daemon, "VmRSS"), "daemon-MiB")
		b.ReportMetric(before, "daemon-MiB-before")
		b.ReportMetric((open.prometheus-idle.prometheus)*1000/each, "prometheus-cpu-ms/release-interval")
		b.ReportMetric(idle.prometheus/span.Seconds()*100, "prometheus-cpu-%-before")
		b.ReportMetric(open.prometheus/span.Seconds()*100, "prometheus-cpu-%")
		b.ReportMetric(memoryOf(prom, "VmRSS"), "prometheus-MiB")
	}
	b.ReportMetric(0, "ns/op")
}

// spent is processor time, in seconds.
type spent struct{ daemon, prometheus float64 }

func (f *fleet) spend(span time.Duration) spent {
	daemon, prom := cpuOf(f.cmd.Process.Pid), cpuOf(f.prom.PID())
	time.Sleep(span)
	return spent{cpuOf(f.cmd.Process.Pid) - daemon, cpuOf(f.prom.PID()) - prom}
}
