package notify

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/servers"
)

// quiet is a configuration that notifies nobody.
const quiet = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"

type seenAlert struct {
	Labels, Annotations map[string]string
	StartsAt, EndsAt    time.Time
	GeneratorURL        string
	Status              struct{ State string }
}

func seen(t *testing.T, am *servers.AlertmanagerServer, query string) []seenAlert {
	t.Helper()
	resp, err := http.Get(am.URL + "/api/v2/alerts?" + query)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out []seenAlert
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

func poster(urls ...string) Alertmanager {
	return Alertmanager{
		URLs: urls, Runbook: func(string) *runbook.Runbook { return ranker() },
		IncidentURL: func(id string) string { return "https://autorollback.example/incidents/" + id },
	}
}

// recent moves an incident to now, as a real Alertmanager needs it.
func recent(m record.Message) record.Message {
	now := time.Now().Truncate(time.Millisecond)
	m.StartsAt, m.CreatedAt = now.Add(-time.Minute), now
	return m
}

// TestAlertmanagerReal posts to a real Alertmanager: the alert is there with its
// labels, a re-send doubles nothing, its end ends it.
func TestAlertmanagerReal(t *testing.T) {
	am := servers.Alertmanager(t, quiet)
	a := poster(am.URL)
	m := recent(report.Asking(incidents()["awaiting"], ranker(), breach))
	for range 3 {
		if err := a.Send(t.Context(), m, "https://autorollback.example/approve/t"); err != nil {
			t.Fatal(err)
		}
	}
	all := seen(t, am, "")
	if len(all) != 1 {
		t.Fatalf("%d alerts, want one: %+v", len(all), all)
	}
	got := all[0]
	for name, want := range map[string]string{
		"alertname": AlertName, "service": "ranker", "region": "eu", "incident": "inc-0123456789ab", "kind": "approval", "severity": "page", "team": "ranking", "autorollback": "",
	} {
		if got.Labels[name] != want {
			t.Errorf("label %s is %q, want %q", name, got.Labels[name], want)
		}
	}
	for name, want := range map[string]string{"summary": m.Title, "description": m.Text, "approval": "https://autorollback.example/approve/t", "owner": "ranking #ranking-oncall"} {
		if got.Annotations[name] != want {
			t.Errorf("annotation %s is %q, want %q", name, got.Annotations[name], want)
		}
	}
	if !got.StartsAt.Equal(m.StartsAt) || !got.EndsAt.Equal(m.CreatedAt.Add(alertLife)) || got.GeneratorURL != "https://autorollback.example/incidents/inc-0123456789ab" {
		t.Errorf("times and address: %+v", got)
	}
	if other := seen(t, am, url.Values{"filter": {`autorollback="true"`}}.Encode()); len(other) != 0 {
		t.Errorf("our own alert would come back to us: %+v", other)
	}
}

// TestAlertmanagerRealEnds tells a whole incident: the verdict ends what was said
// before it, stays on show for a while itself, and then ends.
func TestAlertmanagerRealEnds(t *testing.T) {
	am := servers.Alertmanager(t, quiet)
	inc := incidents()["recovered"]
	began := time.Now().Add(-10 * time.Minute).Truncate(time.Second)
	inc.Breach.StartedAt, inc.Verdict.At = began, time.Now()
	a := poster(am.URL)
	a.Incident = func(context.Context, string) (record.Incident, error) { return inc, nil }
	for _, m := range []record.Message{report.Opened(inc, ranker(), began), report.Acted(inc, ranker(), began)} {
		inc.Fire(m.Kind, m.Page)
		if err := a.Send(t.Context(), m, ""); err != nil {
			t.Fatal(err)
		}
	}
	if all := seen(t, am, ""); len(all) != 2 {
		t.Fatalf("%d alerts are active, want opened and acted: %+v", len(all), all)
	}
	if err := a.Send(t.Context(), report.VerdictMsg(inc, ranker(), time.Now()), ""); err != nil {
		t.Fatal(err)
	}
	all := seen(t, am, "")
	if len(all) != 1 || all[0].Labels["kind"] != report.KindVerdict {
		t.Fatalf("only the verdict must be active: %+v", all)
	}
	if left := time.Until(all[0].EndsAt); left < alertShow-time.Minute || left > alertShow {
		t.Errorf("the verdict is on show for %s, want %s", left, alertShow)
	}
	late := report.VerdictMsg(inc, ranker(), began.Add(-time.Hour))
	late.EndsAt = time.Now().Add(-time.Second)
	if err := a.Send(t.Context(), late, ""); err != nil {
		t.Fatal(err)
	}
	if all := seen(t, am, ""); len(all) != 0 {
		t.Errorf("nothing must be active: %+v", all)
	}
}

// What belongs to no incident is over with a message of its own, in the real Alertmanager too:
// nobody is paged for a day about pods that came back, or rules that were fixed.
func TestAlertmanagerRealEndsWhatHasNoIncident(t *testing.T) {
	began, now := time.Now().Add(-10*time.Minute).Truncate(time.Second), time.Now()
	rel := record.Release{ID: "rel-1", Service: "ranker", Region: "eu", Phase: record.Open, Stable: record.Side{Version: "v1"},
		Standby: &record.Standby{State: record.Cold, Why: "v1 has 0 pods ready and needs 2", Since: began, ToldAt: began}}
	check := record.RulesCheck{Service: "ranker", State: record.RulesDrifted, Since: began}
	back := rel
	back.Phase, back.Incident = record.RolledBack, "inc-1"
	back.Applied = &record.Applied{WrittenAt: began, Instances: []record.RouterInstance{{Address: "http://10.0.0.5:8080", AppliedAt: now, LateAt: began}}}
	inc := record.Incident{ID: "inc-1", Service: "ranker", Region: "eu", Candidate: record.Side{Version: "v2"},
		Stragglers: []record.Straggler{{Region: "us", Since: began, DoneAt: now}}}
	order := record.PendingRollback{ID: "order-1", Service: "ranker", Region: "us", Caller: record.Caller{Name: "ann"}, At: began}
	mirror := record.Mirror{Service: "ranker", Region: "eu", Backend: "v2", Percent: 5, StartedAt: began, Waiting: "a typo", Op: "12345678"}
	for kind, c := range map[string]struct{ begins, ends record.Message }{
		report.KindInstanceNotApplied: {report.InstanceNotAppliedMsg(back, ranker(), back.Applied.Instances, "1", began), report.InstanceAppliedMsg(back, ranker(), back.Applied.Instances, "2", now)},
		report.KindStraggler:          {report.StragglerMsg(inc, ranker(), inc.Stragglers[0], began), report.StragglerDoneMsg(inc, ranker(), inc.Stragglers[0], now)},
		report.KindOrder:              {report.PendingMsg(order, "eu", "refused", began), report.PendingDoneMsg(order, "eu", "rolled back", true, now)},
		report.KindMirrorWaits:        {report.MirrorWaitsMsg(mirror, ranker(), began), report.MirrorEndedMsg(mirror, ranker(), now)},
		report.KindNoRollback:         {report.NoRollbackMsg(rel, ranker(), began), report.NoRollbackEndedMsg(rel, ranker(), now)},
		report.KindRuleDrift:          {report.DriftMsg(check, ranker(), true, began), report.DriftEndedMsg(check, ranker(), now)},
		report.KindRuleDrift + " #2":  {report.DriftMsg(check, ranker(), false, began), report.DriftEndedMsg(check, ranker(), now)},
	} {
		t.Run(kind, func(t *testing.T) {
			am := servers.Alertmanager(t, quiet)
			a := poster(am.URL)
			for _, step := range []struct {
				m    record.Message
				want []string // the kinds that are shown
			}{{c.begins, []string{c.begins.Kind}}, {c.ends, []string{c.ends.Kind}}, {c.ends, []string{c.ends.Kind}}} {
				if err := a.Send(t.Context(), step.m, ""); err != nil {
					t.Fatal(err)
				}
				var shown []string
				for _, alert := range seen(t, am, "") {
					shown = append(shown, alert.Labels["kind"])
				}
				if !slices.Equal(shown, step.want) {
					t.Errorf("after %s it shows %v, want %v", step.m.Kind, shown, step.want)
				}
			}
		})
	}
}

// TestAlertmanagerRealHostile posts text that is not kind to any format.
func TestAlertmanagerRealHostile(t *testing.T) {
	am := servers.Alertmanager(t, quiet)
	m := recent(report.Asking(hostileIncident(), nil, breach))
	if err := poster(am.URL).Send(t.Context(), m, ""); err != nil {
		t.Fatal(err)
	}
	all := seen(t, am, "")
	if len(all) != 1 || all[0].Annotations["summary"] != m.Title || strings.ContainsAny(all[0].Annotations["description"], "<>") {
		t.Errorf("got %+v", all)
	}
}

func TestAlertmanagerOneIsEnough(t *testing.T) {
	var mu sync.Mutex
	var bodies []string
	server := func(status int) *httptest.Server {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if r.URL.Path == "/am/api/v2/alerts" && status == http.StatusOK {
				mu.Lock()
				bodies = append(bodies, string(body))
				mu.Unlock()
			}
			if r.URL.Path == "/login" {
				return // 200: what a login page says to a client that follows redirects
			}
			w.Header().Set("Location", "/login")
			w.WriteHeader(status)
		}))
		t.Cleanup(s.Close)
		return s
	}
	good, bad, login := server(http.StatusOK), server(http.StatusInternalServerError), server(http.StatusFound)
	dead := httptest.NewServer(nil)
	dead.Close()
	core, logged := observer.New(zap.WarnLevel)
	m := report.Opened(incidents()["acted"], ranker(), breach)
	for name, c := range map[string]struct {
		urls []string
		ok   bool
		warn int
	}{
		"all":                 {[]string{good.URL + "/am/", good.URL + "/am"}, true, 0},
		"one of three":        {[]string{dead.URL, bad.URL, good.URL + "/am"}, true, 1},
		"none":                {[]string{dead.URL, bad.URL}, false, 0},
		"a login page":        {[]string{login.URL}, false, 0},
		"none configured":     {nil, false, 0},
		"not even an address": {[]string{"http://[::1"}, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			logged.TakeAll()
			a := poster(c.urls...)
			a.Log = zap.New(core)
			if err := a.Send(t.Context(), m, ""); (err == nil) != c.ok {
				t.Errorf("got %v", err)
			}
			if logged.Len() != c.warn {
				t.Errorf("%d warnings, want %d", logged.Len(), c.warn)
			}
		})
	}
	for _, b := range bodies {
		if b != bodies[0] {
			t.Errorf("two posts of one message differ:\n%s\n%s", b, bodies[0])
		}
	}
}

func TestAlertEnd(t *testing.T) {
	for name, c := range map[string]struct {
		ends, want time.Time
	}{
		"open":            {time.Time{}, breach.Add(24 * time.Hour)},
		"over at once":    {breach, breach.Add(15 * time.Minute)},
		"over in the end": {breach.Add(time.Hour), breach.Add(time.Hour)},
	} {
		if got := alertEnd(record.Message{CreatedAt: breach, EndsAt: c.ends}); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
