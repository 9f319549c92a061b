package bench

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/receiver"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/servers"
)

// A fleet is many services with a release each, as in production: scraped and evaluated every
// 15 s, the daemon scraped every 5 s. Its pods are pages of counters.
type fleet struct {
	*stage
	names  []string
	broken map[string]*atomic.Int64 // from when on a service's candidate fails, in Unix ms; 0: never
	began  time.Time
}

const stablePods, candidatePods = 10, 2

// newFleet starts all of it but the releases. With an address for Alertmanager's webhooks it
// has an Alertmanager with the generated route; edit changes the runbook.
func newFleet(b *testing.B, n int, hook string, edit func(string) string, flags ...string) *fleet {
	f := &fleet{stage: newStage(b), broken: map[string]*atomic.Int64{}, began: time.Now().Add(-time.Hour).Round(0)}
	var groups []rules.Group
	for i := range n {
		name := fmt.Sprintf("ranker-%d", i)
		f.names = append(f.names, name)
		f.broken[name] = &atomic.Int64{}
		text := strings.ReplaceAll(edit(watchedRunbook), "ranker", name)
		f.write("runbooks/"+name+".yaml", text)
		rb, err := runbook.Parse(name+".yaml", []byte(text))
		if err != nil {
			b.Fatal(err)
		}
		group, err := rules.Compile(rb)
		if err != nil {
			b.Fatal(err)
		}
		groups = append(groups, group)
		if err := demo.Route(b.Context(), f.kv, rb.Routing.Key, name+"-v1"); err != nil {
			b.Fatal(err)
		}
	}
	text, err := rules.Marshal(groups)
	if err != nil {
		b.Fatal(err)
	}
	f.prom = servers.Prometheus(b, f.config(f.alertmanager(hook)), map[string]string{"rules.yml": string(text)})
	f.serve(f.consul.Addr, flags...)
	return f
}

func (f *fleet) alertmanager(hook string) string {
	if hook == "" {
		return ""
	}
	route, err := rules.Route("http://"+hook+receiver.Path, f.dir+"/token")
	if err != nil {
		f.b.Fatal(err)
	}
	am := servers.Alertmanager(f.b, string(route))
	return fmt.Sprintf("alerting: {alertmanagers: [{static_configs: [{targets: [%q]}]}]}\n", am.Addr)
}

func (f *fleet) config(alerting string) string {
	var t strings.Builder
	fmt.Fprintf(&t, "global: {scrape_interval: 15s, evaluation_interval: 15s}\nrule_files: [rules.yml]\n%sscrape_configs:\n", alerting)
	fmt.Fprintf(&t, "- {job_name: autorollback, scrape_interval: 5s, static_configs: [{targets: [%q]}]}\n- job_name: pods\n  static_configs:\n", f.web)
	addr := f.pods()
	for _, name := range f.names {
		for pod := range stablePods + candidatePods {
			version := "v1"
			if pod >= stablePods {
				version = "v2"
			}
			fmt.Fprintf(&t, "  - {targets: [%q], labels: {__metrics_path__: /%s/%s, job: %s, instance: pod-%d, version: %s}}\n",
				addr, name, version, name, pod, version)
		}
	}
	return t.String()
}

// pods serves the pages of all pods: ten requests a second each.
func (f *fleet) pods() string {
	return serveHTTP(f.b, func(w http.ResponseWriter, r *http.Request) {
		part := strings.Split(r.URL.Path, "/") // "", service, version
		// Whole numbers of one moment: to rate() a counter that falls by 1 was reset.
		now := time.Now()
		until, failed := now, 0.0
		if at := time.UnixMilli(f.broken[part[1]].Load()); part[2] == "v2" && at.After(f.began) && at.Before(now) {
			until, failed = at, math.Trunc(10*now.Sub(at).Seconds())
		}
		n := math.Trunc(10*until.Sub(f.began).Seconds()) + failed
		var t bytes.Buffer
		podSeries(n, failed, func(name, labels string, v float64) { fmt.Fprintf(&t, "%s{%s} %.0f\n", name, labels, v) })
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		_, _ = w.Write(t.Bytes())
	})
}

// release starts one of each service, and returns once each is judged.
func (f *fleet) release() {
	client := api.Client{URL: "http://" + f.web}
	for _, name := range f.names {
		text := bytes.ReplaceAll(demo.Release, []byte("ranker"), []byte(name))
		if _, err := client.Start(f.b.Context(), text); err != nil {
			f.b.Fatal(err)
		}
	}
	f.awaitWithin("the significance of all", 10*time.Minute, time.Second, func() error {
		page := f.get("http://" + f.web + "/metrics")
		if got := bytes.Count(page, []byte("\nautorollback_trigger_significance{")); got < 7*len(f.names) {
			return fmt.Errorf("%d triggers have one", got)
		}
		return nil
	})
}

// breakAtRandom has each candidate fail all requests from a moment of its own on.
func (f *fleet) breakAtRandom(within time.Duration) map[string]time.Time {
	onset := map[string]time.Time{}
	for _, name := range f.names {
		at := time.Now().Add(rand.N(within)).Truncate(time.Millisecond)
		onset[name] = at
		f.broken[name].Store(at.UnixMilli())
	}
	return onset
}
