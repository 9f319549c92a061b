package analysis

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// busy is a release with eight triggers on eight measures, of ten stable and two candidate
// pods: what all the figures are of.
func busy(tb testing.TB) (*Release, Counts) {
	tb.Helper()
	r, err := NewRelease(shop("error-rate", "error-increase", "latency-p95", "conversion-drop", "revenue-drop", "null-spike", "shift", "starved"))
	if err != nil {
		tb.Fatal(err)
	}
	c := Counts{}
	for i := range 12 {
		role := runbook.Stable
		if i < 2 {
			role = runbook.Candidate
		}
		p := PodCount{Pod: fmt.Sprint("pod-", i), Role: role, All: 300, Bad: 3, Squares: 30}
		for _, measure := range []string{Requests, Traffic, "kpi/conversion", "kpi/revenue", Features, Latency, "distribution/score"} {
			q := p
			switch measure {
			case Features:
				for range 10 {
					q.Parts = append(q.Parts, PartCount{300, 3})
				}
			case Latency:
				for range len(latencyBounds) + 1 {
					q.Buckets = append(q.Buckets, 300./16)
				}
			case "distribution/score":
				for range len(scoreBounds) + 1 {
					q.Buckets = append(q.Buckets, 30)
				}
			}
			c[measure] = append(c[measure], q)
		}
	}
	return r, c
}

// retained is how many bytes something holds on to.
func retained(make func() any) (uint64, any) {
	heap := func() uint64 {
		runtime.GC()
		runtime.GC() // what finalizers kept
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	kept := make()
	after := heap()
	runtime.KeepAlive(kept)
	return after - min(before, after), kept
}

// A release holds no more after two days than after four hours, and little at any time.
func TestMemoryDoesNotGrowWithAge(t *testing.T) {
	at := func(age time.Duration) uint64 {
		bytes, _ := retained(func() any {
			r, c := busy(t)
			for range int(BeforeSpan / every) {
				r.Before(c)
			}
			for range int(age / every) {
				r.Observe(c, Weight{0.1, true})
			}
			return r
		})
		t.Logf("after %s: %d KiB", age, bytes/1024)
		return bytes
	}
	before, young, old := at(0), at(4*time.Hour), at(48*time.Hour)
	if old > young+young/20 || young > old+old/20 {
		t.Errorf("%d bytes after 4 h, %d after 48 h", young, old)
	}
	const most = 600 << 10
	if before > most || young > most {
		t.Errorf("%d bytes before the release, %d after 4 h, want %d at most", before, young, most)
	}
}

// A native histogram, and pods that come and go, hold no more.
func TestMemoryOfPodsThatComeAndGo(t *testing.T) {
	at := func(hours int) uint64 {
		bytes, _ := retained(func() any {
			x, f := begin(t, nativeShop(), "latency-p95"), feed{rnd: seeded(1)}
			pod := func(name string, role runbook.Role) PodCount {
				return PodCount{Pod: name, Role: role, Native: f.exponential(0.1, 20)}
			}
			for i := range hours * 240 {
				x.Observe([]PodCount{pod("c", runbook.Candidate), pod(fmt.Sprint(i/240), runbook.Candidate), pod("s", runbook.Stable), pod(fmt.Sprint(i/240), runbook.Stable)})
			}
			return x
		})
		return bytes
	}
	// What is left of a pod that is gone is its name and its sums.
	young, old := at(6), at(48)
	if most := young + 2*42*600; old > most {
		t.Errorf("%d bytes after 6 h, %d after 48 h, want %d at most", young, old, most)
	}
}

// The cost of an interval of a release with eight triggers, and what the release holds on
// to: it grows up to the longest window of 3 h, and not with age.
func BenchmarkObserve(b *testing.B) {
	for _, age := range []time.Duration{time.Hour, 24 * time.Hour} {
		b.Run(age.String(), func(b *testing.B) {
			var c Counts
			bytes, kept := retained(func() any {
				var r *Release
				r, c = busy(b)
				for range int(age / every) {
					r.Observe(c, Weight{0.1, true})
				}
				return r
			})
			r := kept.(*Release)
			b.ReportAllocs()
			for b.Loop() {
				r.Observe(c, Weight{0.1, true})
			}
			b.ReportMetric(float64(bytes)/1024, "KiB/release")
		})
	}
}

// What the smallest provable effects of all triggers cost.
func BenchmarkSmallest(b *testing.B) {
	r, c := busy(b)
	for range 1000 {
		r.Observe(c, Weight{0.1, true})
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Smallest()
	}
}
