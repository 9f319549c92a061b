package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/servers"
)

// Two real Traefiks, of which one is frozen: the rollback is done and proved, the frozen one
// is named within 15 s and pages, and it is told when it follows.
func TestAFrozenRouterInstanceIsNamed(t *testing.T) {
	t.Parallel()
	consul := servers.Consul(t)
	serves, frozen := servers.Traefik(t, consul.Addr, 100*time.Millisecond), servers.Traefik(t, consul.Addr, 100*time.Millisecond)
	s := start(t, options{server: consul, users: throughTraefik(serves), runbook: func(text string) string { return byTraefik(t, text, serves, frozen) }})
	s.await("both to serve 95 to 5", 30*time.Second, func() error {
		rel, err := s.client().Release(t.Context(), "ranker", "default")
		if err == nil && (rel.Applied == nil || rel.Applied.AppliedAt.IsZero() || rel.Moves[0].AppliedAt.IsZero()) {
			err = fmt.Errorf("applied: %+v", rel.Applied)
		}
		return err
	})

	frozen.Pause()
	if _, err := s.client().Rollback(t.Context(), "ranker", "default", "users complain"); err != nil {
		t.Fatal(err)
	}
	inc := s.incident("a closed incident that names the frozen one", 90*time.Second, func(i record.Incident) bool {
		return settled(i) && len(i.Applied.Late()) > 0
	})
	if inc.Verdict.Outcome != record.Recovered {
		t.Errorf("verdict %+v", inc.Verdict)
	}
	a := inc.Applied
	first, late := a.Instances[0], a.Instances[1]
	t.Logf("after the write: read back %s, %s; named %s; drained %s; recovered %s", a.ReadBackAt.Sub(a.WrittenAt),
		first.AppliedAt.Sub(a.WrittenAt), late.LateAt.Sub(a.WrittenAt), inc.DrainedAt.Sub(a.WrittenAt), inc.Verdict.At.Sub(a.WrittenAt))
	if first.Address != serves.APIURL || first.AppliedAt.IsZero() || !first.LateAt.IsZero() {
		t.Errorf("the one that serves: %+v", first)
	}
	s.servedNobodyAfter(first.AppliedAt)
	if named := late.LateAt.Sub(a.WrittenAt); late.Address != frozen.APIURL || named > 15*time.Second || !strings.Contains(late.Problem, "does not answer within") {
		t.Errorf("the frozen one was named %s after the write: %+v", named, late)
	}
	if !a.AppliedAt.IsZero() {
		t.Errorf("applied at %s, and one is frozen", a.AppliedAt)
	}
	s.await("the page", 30*time.Second, func() error { return s.posted("kind", report.KindInstanceNotApplied) })
	s.instanceMetric(frozen.APIURL, 0)
	s.instanceMetric(serves.APIURL, 1)
	text, err := s.client().Markdown(t.Context(), inc.ID)
	if want := "does not follow, told at"; err != nil || !strings.Contains(string(text), want) {
		t.Errorf("the incident page does not say %q: %v\n%s", want, err, text)
	}

	frozen.Resume()
	inc = s.incident("the frozen one to follow", 60*time.Second, func(i record.Incident) bool { return !i.Applied.AppliedAt.IsZero() })
	if back := inc.Applied.Instances[1]; back.AppliedAt.IsZero() || back.LateAt.IsZero() {
		t.Errorf("%+v", back)
	}
	s.await("the word that it follows", 30*time.Second, func() error { return s.posted("kind", report.KindInstanceApplied) })
	s.instanceMetric(frozen.APIURL, 1)
}

// servedNobodyAfter checks that the candidate answered no request that was sent after the daemon says
// that the router served the rollback.
func (s *stack) servedNobodyAfter(applied time.Time) {
	s.t.Helper()
	last := s.service.Traffic.LastSent("v2")
	if last.IsZero() || last.After(applied) {
		s.t.Errorf("v2 answered a request that was sent at %s, and the router served the rollback at %s", last, applied)
	}
	s.t.Logf("v2's last request was sent %s before the router is said to serve the rollback", applied.Sub(last))
}

// One of two Traefiks reads another store: it is named with what it serves, nothing is
// promoted, by a human neither, and the ramp goes on once it is out of the runbook.
func TestARouterOfAnotherStoreStopsTheRamp(t *testing.T) {
	t.Parallel()
	consul, another := servers.Consul(t), servers.Consul(t)
	serves, astray := servers.Traefik(t, consul.Addr, 100*time.Millisecond), servers.Traefik(t, another.Addr, 100*time.Millisecond)
	steps := ramp("rollout: {promote: automatic, bake: 10m, steps: [{weight: 20, for: 5s}, {weight: 50, for: 10m}, {weight: 100}]}\n")
	s := start(t, options{server: consul, users: throughTraefik(serves), runbook: func(text string) string { return steps(byTraefik(t, text, serves, astray)) }})
	s.await("the ramp to stop", 60*time.Second, func() error {
		rel, err := s.client().Release(t.Context(), "ranker", "default")
		if err == nil && (rel.Weight != 5 || !strings.Contains(rel.Waiting, "does not serve 5 % everywhere") || !strings.Contains(rel.Waiting, astray.APIURL)) {
			err = fmt.Errorf("%v %%, waiting: %s", rel.Weight, rel.Waiting)
		}
		return err
	})
	s.await("the page", 30*time.Second, func() error { return s.posted("kind", report.KindInstanceNotApplied) })
	if _, err := s.client().Promote(t.Context(), "ranker", "default"); err == nil || !strings.Contains(err.Error(), "does not serve 5 % everywhere") {
		t.Errorf("a human promoted over it: %v", err)
	}
	found, err := s.client().Examine(t.Context())
	if err != nil || !slices.ContainsFunc(found.Checks, func(c record.Check) bool {
		return c.Part == "router" && c.State == record.CheckOff && strings.Contains(c.What, astray.APIURL)
	}) {
		t.Errorf("doctor does not name it: %+v, %v", found.Checks, err)
	}
	text, err := os.ReadFile(s.rb.File)
	if err != nil {
		t.Fatal(err)
	}
	edited := edit(t, string(text), ", "+astray.APIURL, "")
	s.write("runbooks/ranker.yaml", edited)
	if s.rb, err = runbook.Parse(s.rb.File, []byte(edited)); err != nil {
		t.Fatal(err)
	}
	s.loadRules(s.ruleFile()) // they are of this version of the runbook
	if err := s.reloadDaemon(); err != nil {
		t.Fatal(err)
	}
	s.weighs(20, record.Open, 90*time.Second)
	if rel := s.newest(); rel.Moves[0].AppliedAt.IsZero() {
		t.Errorf("moves %+v", rel.Moves)
	}
}

// byTraefik lets the demo's users go through Traefik, by instances that the runbook names.
func byTraefik(t *testing.T, text string, instances ...*servers.TraefikServer) string {
	t.Helper()
	var addresses []string
	for _, i := range instances {
		addresses = append(addresses, i.APIURL)
	}
	text = edit(t, text, "  router: json\n  key: routes/ranker/weights\n",
		fmt.Sprintf("  router: traefik\n  service: ranker\n  instances: [%s]\n", strings.Join(addresses, ", ")))
	return edit(t, text, "  mirror: {}", "  #")
}

// throughTraefik writes what a Traefik needs to send users to the pods, with all traffic on v1.
func throughTraefik(traefik *servers.TraefikServer) func(*stack) {
	return func(s *stack) { s.layOut(traefik) }
}

func (s *stack) layOut(traefik *servers.TraefikServer) {
	s.t.Helper()
	s.service.Traffic.URL = traefik.URL + "/predict"
	keys := map[string]string{"routers/ranker/rule": "PathPrefix(`/`)", "routers/ranker/service": "ranker"}
	pods := s.service.Targets()
	for n, side := range []struct {
		name   string
		weight string
		pods   []string
	}{{"ranker-v1", "100", pods[:3]}, {"ranker-v2", "0", pods[3:5]}} {
		keys[fmt.Sprintf("services/ranker/weighted/services/%d/name", n)] = side.name
		keys[fmt.Sprintf("services/ranker/weighted/services/%d/weight", n)] = side.weight
		for i, pod := range side.pods {
			keys[fmt.Sprintf("services/%s/loadbalancer/servers/%d/url", side.name, i)] = "http://" + pod
		}
	}
	var ops []store.Op
	for key, value := range keys {
		ops = append(ops, store.Op{Verb: store.Set, Key: "traefik/http/" + key, Value: []byte(value)})
	}
	if err := s.kv.Commit(s.t.Context(), store.NewTx(ops...)); err != nil {
		s.t.Fatal(err)
	}
}

// instanceMetric waits for what a daemon exports about an instance of the router.
func (s *stack) instanceMetric(instance string, want int) {
	s.t.Helper()
	line := fmt.Sprintf("autorollback_router_instance_applied{instance=%q,region=%q,service=\"ranker\"} %d\n", instance, runbook.DefaultRegion, want)
	s.await(strings.TrimSpace(line), 20*time.Second, func() error {
		text, err := s.fetch(&http.Client{Transport: signedIn{}, Timeout: 5 * time.Second}, "http://"+s.daemons[0].web+"/metrics")
		if err == nil && !strings.Contains(text, line) {
			err = errors.New("it is not exported")
		}
		return err
	})
}
