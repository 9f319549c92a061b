package exporters

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	templates "github.com/autorollback/autorollback/runbook-templates"
	"github.com/autorollback/autorollback/test/servers"
	"github.com/autorollback/autorollback/test/sim"
	"github.com/autorollback/autorollback/verify"
)

// busier is how many times the traffic of a world on a virtual clock a service has, so that
// conversions are proved within seconds.
const busier = 10

// A service is a recipe's world that a real Prometheus scrapes.
type service struct {
	name  string
	shape shape

	mu    sync.Mutex // of world, which is served as it is scraped
	world *world
	last  time.Time
	late  bool // the candidate is bad
}

// All recipes side by side in one real Prometheus: each says the right numbers, finds its bad
// release, and proves the recovery.
func TestRecipesInOnePrometheus(t *testing.T) {
	servers.NotShort(t)
	sim.Bulk(t) // it has its times, which the race detector does not keep
	byName, files := map[string]*service{}, map[string]string{}
	var all []*service
	for _, name := range templates.Recipes() {
		s := serviceOf(t, name)
		group, err := rules.Compile(s.world.runbook)
		if err != nil {
			t.Fatal(err)
		}
		text, err := rules.Marshal([]rules.Group{group})
		if err != nil {
			t.Fatal(err)
		}
		own, _, _ := strings.Cut(string(text), "\n- name: \"autorollback-watchdog\"") // there is one for all
		byName[s.name], files["rules-"+s.name+".yml"] = s, own
		all = append(all, s)
	}
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		_, _ = w.Write([]byte(byName[name].expose(rest)))
	}))
	t.Cleanup(exporter.Close)
	prom := servers.Prometheus(t, scrapeConfig(all, strings.TrimPrefix(exporter.URL, "http://")), files)
	api, err := promapi.New(prom.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	var playing sync.WaitGroup // not parallel tests, of which a small machine runs two at a time
	for _, s := range all {
		playing.Go(func() {
			if problem := s.play(api); problem != "" {
				t.Errorf("%s: %s", s.name, problem)
			}
		})
	}
	playing.Wait()
}

// serviceOf is a release that began now, of a runbook whose times are seconds.
func serviceOf(t *testing.T, name string) *service {
	t.Helper()
	s := &service{name: "svc-" + name, shape: shapeOf(t, name), last: time.Now()}
	rb := recipeOf(t, name, s.name)
	rb.Metrics.Interval, rb.Metrics.Warmup = seconds(2), seconds(2)
	if rb.Metrics.ScrapeInterval > 0 {
		rb.Metrics.ScrapeInterval = seconds(2)
	}
	rb.LastKnownGood.MaxAge, rb.Verification.Window = seconds(10), seconds(10)
	for i := range rb.Triggers {
		rb.Triggers[i].For = seconds(10)
		if rb.Triggers[i].Type == runbook.KPIDrop {
			rb.Triggers[i].For = seconds(40)
		}
	}
	versions := versionsOf(name)
	for i, v := range versions {
		versions[i] = strings.ReplaceAll(v, "ranker", s.name)
	}
	now := time.Now()
	s.world = &world{t: t, runbook: rb, rnd: rand.New(rand.NewPCG(11, 11)), source: source{name: name, versions: versions, served: serve},
		release: record.Release{Schema: 1, ID: "rel-" + s.name, Service: s.name, Region: runbook.DefaultRegion, Weight: 100 * share, Phase: record.Open,
			Stable: record.Side{Version: versions[0]}, Candidate: record.Side{Version: versions[1]}, StartedAt: now, TrafficAt: now, WeightChangedAt: now,
			Moves: []record.Move{{At: now, From: 0, To: 100 * share}}}}
	for i := range 7 {
		w := s.world
		w.pods = append(w.pods, w.pod(fmt.Sprintf("%s-%d", s.name, i), i >= 4))
		w.serve(w.pods[i], began+time.Second, time.Minute) // the first scrape sees every series: one that comes later grows unseen at first
	}
	return s
}

func seconds(n int) runbook.Duration { return runbook.Duration(time.Duration(n) * time.Second) }

// expose serves what has come since the last scrape, and writes a target's text: its number,
// and that of the pod or router.
func (s *service) expose(path string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, since := time.Now(), began+time.Second
	if s.late {
		since = onset + time.Second
	}
	for _, p := range s.world.pods {
		s.world.serve(p, since, busier*now.Sub(s.last))
	}
	s.last = now
	number, who, _ := strings.Cut(path, "/")
	i, err1 := strconv.Atoi(number)
	n, err2 := strconv.Atoi(who)
	if err1 != nil || err2 != nil {
		return ""
	}
	x := s.shape.targets[i]
	return strings.ReplaceAll(x.text(s.views(x, n)), "ranker", s.name)
}

func (s *service) views(x target, n int) []view {
	if x.routers > 0 {
		return x.routed(n, s.world.pods)
	}
	p := s.world.pods[n]
	return []view{{version: p.version, pod: p.name, seen: &p.seen}}
}

// scrapeConfig has a target for each pod and router of each service.
func scrapeConfig(all []*service, address string) string {
	var b strings.Builder
	b.WriteString("global: {scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 2s}\nrule_files: [\"rules-*.yml\"]\nscrape_configs:\n")
	for _, s := range all {
		for i, x := range s.shape.targets {
			many := x.routers
			if many == 0 {
				many = len(s.world.pods)
			}
			fmt.Fprintf(&b, "  - job_name: %s-%d\n    static_configs:\n", s.name, i)
			for n := range many {
				v := s.views(x, n)[0]
				labels := strings.NewReplacer("ranker", s.name, `",`, `", `, `="`, `: "`).Replace(v.fill(x.labels))
				fmt.Fprintf(&b, "      - {targets: [%q], labels: {__metrics_path__: /%s/%d/%d, %s}}\n", address, s.name, i, n, labels)
			}
		}
	}
	return b.String()
}

// play waits for each part of the story, and says which did not come.
func (s *service) play(api promapi.API) string {
	w := s.world
	var err error
	if w.asks, err = rules.Ask(w.runbook); err != nil {
		return err.Error()
	}
	w.prom = verify.New(api, 20*time.Second)
	w.replica = monitor.New(api, zap.NewNop()).Replica(monitor.Target{Runbook: w.runbook, Release: w.release})
	if problem := s.until(w.well); problem != "" {
		return "no right numbers: " + problem
	}
	began := time.Now()
	s.change(func() { s.late, w.harm = true, harmful })
	if problem := s.until(w.missed); problem != "" {
		return "a bad release is not found: " + problem
	}
	found := time.Since(began)
	s.change(w.rollBack)
	if problem := s.until(func() string { return w.unproved(began) }); problem != "" {
		return "no recovery: " + problem
	}
	w.t.Logf("%s: found by each trigger after %s, recovered after %s", s.name, found.Round(time.Second),
		time.Since(w.release.WeightChangedAt).Round(time.Second))
	return ""
}

func (s *service) change(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// until polls until there is no problem any more, and says the last one otherwise.
func (s *service) until(problem func() string) string {
	w, last := s.world, "never asked"
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end) && w.t.Context().Err() == nil; <-tick.C {
		snap, err := w.replica.CatchUp(w.t.Context(), time.Now())
		if err != nil {
			last = err.Error()
			continue
		}
		w.snap = snap
		if last = problem(); last == "" {
			return ""
		}
	}
	return last
}
