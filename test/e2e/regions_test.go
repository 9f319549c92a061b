package e2e

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/servers"
	"github.com/autorollback/autorollback/view"
)

// A land is one region: a Consul that is a datacenter of its own, behind a proxy that can cut it
// off from the daemons, a Prometheus and a service.
type land struct {
	*stack
	cut *servers.LossyProxy // between the daemons and its Consul
	txn *between            // before that: sees the rollback pass
}

// lands are eu and us with one daemon for both.
type lands struct {
	t       *testing.T
	daemon  *daemon
	eu, us  *land
	whole   *runbook.Runbook
	regions string // the region file
}

// abroad starts both with all traffic on v1.
func abroad(t *testing.T, rollout string) *lands {
	t.Helper()
	w := &lands{t: t}
	home := &stack{t: t, dir: t.TempDir()}
	home.writeRunbookIn(func(text string) string {
		return ramp(rollout)(strings.Replace(text, "service: ranker\n", "service: ranker\nregions: [eu, us]\n", 1))
	})
	w.daemon = home.newDaemonIn()
	home.daemons = []*daemon{w.daemon}
	w.daemon.args = slices.DeleteFunc(w.daemon.args, func(a string) bool { return strings.HasPrefix(a, "--store=") })
	home.startAlertmanagers(options{})
	text := "regions:\n"
	for _, region := range []string{"eu", "us"} {
		l := &land{stack: &stack{t: t, dir: home.dir, daemons: home.daemons, ams: home.ams, consul: servers.ConsulIn(t, region)}}
		l.cut = servers.Proxy(t, l.consul.Addr)
		l.txn = newBetween(t, l.cut.Addr, "routes/ranker/weights")
		w.whole = home.rb
		l.rb = home.rb.Only(region, true)
		l.openService()
		l.prometheusIn()
		text += fmt.Sprintf("  %s: {store: 'consul://%s', consul_datacenter: %s, prometheus: {url: '%s'}, alertmanagers: ['%s']}\n", region, l.txn.addr, region, l.prom.URL, home.ams[0].URL)
		if w.us = l; region == "eu" {
			w.eu = l
		}
	}
	w.regions = home.write("regions.yml", text)
	w.daemon.args = append(w.daemon.args, "--regions.file="+w.regions)
	w.daemon.start()
	home.await("the daemon to be ready", 20*time.Second, func() error { return get(t.Context(), "http://"+w.daemon.web+"/-/ready") })
	for _, l := range []*land{w.eu, w.us} {
		l.await("the level of v1 before the release", 30*time.Second, func() error { return l.has(`count_over_time(model_impressions_total{version="v1"}[1m]) > 10`) })
	}
	return w
}

// writeRunbookIn writes the demo's runbook for regions that share nothing.
func (s *stack) writeRunbookIn(change func(string) string) {
	text := change(s.replace(string(demo.Runbook), patient))
	path := s.write("runbooks/ranker.yaml", text)
	s.write("receiver.token", token+"\n")
	places := runbook.Places{"eu": {Store: "eu", Prometheus: "eu"}, "us": {Store: "us", Prometheus: "us"}}
	var err error
	if s.rb, err = places.Load(path); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stack) newDaemonIn() *daemon {
	s.consul = &servers.ConsulServer{Addr: "none"}
	return s.newDaemon(0, options{})
}

// prometheusIn starts the region's Prometheus, with the rules of the region and of no other.
func (l *land) prometheusIn() {
	l.t.Helper()
	group, err := rules.Compile(l.rb)
	if err != nil {
		l.t.Fatal(err)
	}
	text, err := rules.Marshal([]rules.Group{group})
	if err != nil {
		l.t.Fatal(err)
	}
	l.prom = servers.Prometheus(l.t, fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: %s}]}]}
scrape_configs:
- {job_name: ranker, static_configs: [{targets: %s}]}
- {job_name: autorollback, static_configs: [{targets: %s}]}
`, list([]string{l.ams[0].Addr}), list(l.service.Targets()), list([]string{l.daemons[0].web})), map[string]string{"rules.yml": string(text)})
}

func (w *lands) status() view.Status {
	w.t.Helper()
	var st view.Status
	w.eu.await("a status", 10*time.Second, func() (err error) {
		st, err = w.daemon.client().Status(w.t.Context())
		return err
	})
	return st
}

// stands is how the release of a region stands, by the daemon.
func (w *lands) stands(region string) (rel record.Release, ok bool) {
	st := w.status()
	n := slices.IndexFunc(st.Releases, func(r record.Release) bool { return r.Region == region })
	if n < 0 {
		return rel, false
	}
	return st.Releases[n], true
}

func (w *lands) becomes(region string, phase record.ReleasePhase, within time.Duration) record.Release {
	w.t.Helper()
	var rel record.Release
	w.eu.await(region+" to be "+string(phase), within, func() error {
		var ok bool
		if rel, ok = w.stands(region); !ok || rel.Phase != phase {
			return fmt.Errorf("%s is %s at %v, waiting: %s, frozen: %s; %+v", region, rel.Phase, rel.Weight, rel.Waiting, rel.Frozen, w.status().Progress)
		}
		return nil
	})
	return rel
}

// start begins a release in one region alone, and waits until its sides are compared.
func (w *lands) start(l *land) {
	w.t.Helper()
	region := l.rb.Region
	l.await("the release to be started in "+region, 20*time.Second, func() error {
		_, err := w.daemon.client().StartWith(w.t.Context(), demo.Release, api.StartOptions{Region: region})
		return err
	})
	l.await("the roles to be seen and compared in "+region, 60*time.Second, func() error {
		return l.has(fmt.Sprintf(`count_over_time(autorollback_release_role{role="candidate",region=%q}[1m]) > 8`, region))
	})
}

// A release that names no region goes from eu to us, once it is proved in eu: by the real
// watchdogs of two Prometheus, each region by its own rules and in its own datacenter.
func TestReleaseGoesFromRegionToRegion(t *testing.T) {
	t.Parallel()
	w := abroad(t, "rollout: {promote: automatic, bake: 5s, steps: [{weight: 20, for: 5s}, {weight: 100}]}\n")
	rel, err := w.daemon.client().Start(t.Context(), demo.Release)
	if err != nil || rel.Region != "eu" || rel.Regions == nil {
		t.Fatalf("started %+v, %v", rel, err)
	}
	eu := w.becomes("eu", record.Closed, 180*time.Second)
	us := w.becomes("us", record.Closed, 240*time.Second)
	if us.StartedAt.Before(eu.ClosedAt) || us.Regions.ID != eu.Regions.ID || us.ID == eu.ID {
		t.Errorf("us began at %s, eu was proved at %s; %+v", us.StartedAt, eu.ClosedAt, us.Regions)
	}
	for _, l := range []*land{w.eu, w.us} {
		if split := l.weights(); !split.Equal(record.Split{"ranker-v2": 100}) {
			t.Errorf("in %s the split is %v", l.rb.Region, split)
		}
		for _, en := range l.snapshot().Under("autorollback/v1/release/") {
			if en.Key != "autorollback/v1/release/ranker/"+l.rb.Region {
				t.Errorf("the store of %s has %s", l.rb.Region, en.Key)
			}
		}
	}
	if st := w.status(); len(st.Incidents) != 0 || len(st.Lost) != 0 {
		t.Errorf("%d incidents, lost %+v", len(st.Incidents), st.Lost)
	}
}

// Both regions breach. us is cut off just when its rollback is written: eu is done, us is named,
// and once it is back its rollback is carried out, once.
func TestARegionIsCutOffInTheMiddleOfARollback(t *testing.T) {
	t.Parallel()
	w := abroad(t, "")
	w.start(w.eu)
	w.start(w.us)
	w.us.txn.arm(otherFirst, func() { w.us.cut.Always(servers.Refuse) })
	w.eu.breakCandidate()
	w.becomes("eu", record.RolledBack, 90*time.Second)
	w.us.breakCandidate()
	w.eu.await("us to be cut off in its rollback", 90*time.Second, func() error {
		if met, _ := w.us.txn.seen(); met != 1 {
			return errors.New("its rollback was not written yet")
		}
		return nil
	})
	var eu record.Incident
	w.eu.await("us to be named in the incident of eu", 90*time.Second, func() error {
		rel, _ := w.stands("eu")
		var err error
		if eu, err = w.daemon.client().Incident(t.Context(), rel.Incident); err == nil && (len(eu.Stragglers) != 1 || eu.Stragglers[0].Region != "us") {
			err = fmt.Errorf("stragglers are %+v", eu.Stragglers)
		}
		return err
	})
	if st := w.status(); len(st.Lost) != 1 || st.Lost[0].Region != "us" {
		t.Errorf("lost are %+v", st.Lost)
	}
	w.eu.await("the page about us", 60*time.Second, func() error { return w.eu.says("kind", "straggler", "us: ") })
	if split := w.us.weights(); split.Equal(record.Split{"ranker-v1": 100}) {
		t.Fatal("us was rolled back while it was cut off")
	}
	w.us.cut.Always(servers.Pass)
	us := w.becomes("us", record.RolledBack, 120*time.Second)
	if split := w.us.weights(); !split.Equal(record.Split{"ranker-v1": 100}) {
		t.Errorf("the split in us is %v", split)
	}
	w.eu.await("us to be told as done", 90*time.Second, func() error {
		i, err := w.daemon.client().Incident(t.Context(), eu.ID)
		if err == nil && (len(i.Stragglers) != 1 || i.Stragglers[0].DoneAt.IsZero()) {
			err = fmt.Errorf("stragglers are %+v", i.Stragglers)
		}
		return err
	})
	if _, applied := w.us.txn.seen(); applied != 1 || us.Epoch != 2 {
		t.Errorf("%d rollbacks were applied in us, epoch %d", applied, us.Epoch)
	}
}

// A human rolls back everywhere while us does not answer: the command says partial, and the order
// is carried out when us is back.
func TestAHumanRollsBackEverywhere(t *testing.T) {
	t.Parallel()
	w := abroad(t, "")
	w.start(w.eu)
	w.start(w.us)
	w.us.consul.Pause()
	t.Cleanup(w.us.consul.Resume)
	bin := built.File(t)
	out, err := exec.CommandContext(t.Context(), bin, "rollback", "ranker", "--reason", "users complain", "--url", "http://"+w.daemon.web).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 || !strings.Contains(string(out), "partial: not rolled back yet in us") {
		t.Fatalf("%v: %s", err, out)
	}
	w.becomes("eu", record.RolledBack, 30*time.Second)
	w.eu.await("the page about the order", 60*time.Second, func() error { return w.eu.says("kind", "order", "users complain") })
	w.us.consul.Resume()
	w.becomes("us", record.RolledBack, 90*time.Second)
	w.eu.await("the order to be over", 60*time.Second, func() error {
		if n := len(w.eu.snapshot().Under("autorollback/v1/pending/")); n != 0 {
			return fmt.Errorf("%d orders are kept", n)
		}
		return nil
	})
	status, err := exec.CommandContext(t.Context(), bin, "release", "status", "ranker", "--url", "http://"+w.daemon.web).CombinedOutput()
	if err != nil || strings.Count(string(status), "rolled_back") < 2 {
		t.Errorf("%v: %s", err, status)
	}
	// What the daemon was given is what the command line checks.
	check, err := exec.CommandContext(t.Context(), bin, "rules", "verify", filepath.Join(w.eu.dir, "runbooks"), "--regions.file", w.regions, "--region", "us", "--prometheus.url", w.us.prom.URL).CombinedOutput()
	if err != nil {
		t.Errorf("rules verify: %v: %s", err, check)
	}
}
