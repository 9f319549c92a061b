package bench

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	templates "github.com/autorollback/autorollback/runbook-templates"
	"github.com/autorollback/autorollback/test/servers"
	"github.com/autorollback/autorollback/verify"
)

// BenchmarkIdleServices is what services of the canary template cost that have no series and
// no release: a real Prometheus that evaluates their rules every 15 s, beyond what it costs
// with none, and the daemon's comparison of these rules with its runbooks.
func BenchmarkIdleServices(b *testing.B) {
	needsLong(b)
	var empty float64
	for _, n := range []int{0, 10, 100, 1000, 10_000} {
		b.Run(fmt.Sprintf("services=%d", n), func(b *testing.B) {
			runbooks, text := idleServices(b, n)
			prom := servers.Prometheus(b, "global: {evaluation_interval: 15s}\nrule_files: [rules.yml]\n", map[string]string{"rules.yml": text})
			for b.Loop() {
				used := evaluate(b, prom, n, empty)
				if n == 0 {
					empty = used
					continue
				}
				compareRules(b, prom, runbooks)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

func idleServices(b *testing.B, n int) (all []*runbook.Runbook, text string) {
	groups := make([]rules.Group, n)
	for i := range groups {
		source, err := templates.New("canary", fmt.Sprintf("service-%d", i))
		if err != nil {
			b.Fatal(err)
		}
		rb, err := runbook.Parse("idle.yaml", source)
		if err != nil {
			b.Fatal(err)
		}
		if groups[i], err = rules.Compile(rb); err != nil {
			b.Fatal(err)
		}
		all = append(all, rb)
	}
	out, err := rules.Marshal(groups)
	if err != nil {
		b.Fatal(err)
	}
	return all, string(out)
}

// evaluate watches a minute of evaluations and returns the processor time of it; empty is
// that of a Prometheus without services.
func evaluate(b *testing.B, prom *servers.PrometheusServer, n int, empty float64) float64 {
	const span = time.Minute
	s := &stage{b: b, out: os.Stderr}
	s.awaitWithin("a first evaluation of every group", 5*time.Minute, time.Second, func() error {
		if at := evaluationsOf(s, prom); int(at.groups) < n {
			return fmt.Errorf("%v evaluations", at.groups)
		}
		return nil
	})
	time.Sleep(benchInterval) // what loading cost is over
	from, cpu := evaluationsOf(s, prom), cpuOf(prom.PID())
	time.Sleep(span)
	cpu = cpuOf(prom.PID()) - cpu
	to := evaluationsOf(s, prom)
	b.ReportMetric(cpu/span.Seconds()*100, "prometheus-cpu-%")
	b.ReportMetric(memoryOf(prom.PID(), "VmRSS"), "prometheus-MiB")
	if groups := to.groups - from.groups; n > 0 {
		b.ReportMetric((cpu-empty)*1000/groups, "prometheus-cpu-ms/evaluation")
		b.ReportMetric((to.seconds-from.seconds)*1000/groups, "group-ms")
		b.ReportMetric(groups, "evaluations")
		b.ReportMetric(to.missed-from.missed, "missed")
	}
	return cpu
}

// evaluations are Prometheus' own counts: of groups, of those it was too late for, and how
// long they took.
type evaluations struct{ groups, missed, seconds float64 }

func evaluationsOf(s *stage, prom *servers.PrometheusServer) (sum evaluations) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(s.get(prom.URL + "/metrics")))
	if err != nil {
		s.b.Fatal(err)
	}
	for _, m := range families["prometheus_rule_group_iterations_total"].GetMetric() {
		sum.groups += m.GetCounter().GetValue()
	}
	for _, m := range families["prometheus_rule_group_iterations_missed_total"].GetMetric() {
		sum.missed += m.GetCounter().GetValue()
	}
	for _, m := range families["prometheus_rule_group_duration_seconds"].GetMetric() {
		sum.seconds += m.GetSummary().GetSampleSum()
	}
	return sum
}

// compareRules is the daemon's comparison: the first, which compiles every runbook, and the
// ones after it.
func compareRules(b *testing.B, prom *servers.PrometheusServer, runbooks []*runbook.Runbook) {
	client, err := promapi.New(prom.URL, nil)
	if err != nil {
		b.Fatal(err)
	}
	asked := verify.New(client, 0)
	for _, which := range []string{"first", "later"} {
		began, heap, stop := time.Now(), peak(), make(chan struct{})
		cpu, theirs := cpuOf(os.Getpid()), cpuOf(prom.PID())
		go heap.watch(stop)
		drifts, err := asked.Rules(b.Context(), runbooks)
		close(stop)
		if err != nil || len(drifts) > 0 {
			b.Fatalf("%d differ, %v", len(drifts), err)
		}
		b.ReportMetric((cpuOf(os.Getpid())-cpu)*1000, which+"-cpu-ms")
		b.ReportMetric((cpuOf(prom.PID())-theirs)*1000, which+"-prometheus-cpu-ms")
		b.ReportMetric(time.Since(began).Seconds()*1000, which+"-ms")
		b.ReportMetric(float64(heap.most-heap.from)/(1<<20), which+"-heap-peak-MiB")
	}
}
