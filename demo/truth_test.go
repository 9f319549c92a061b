package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
)

// near is how far what people are told may be from the truth.
const near = 0.2

// Every mode of demo --breach, with the demo's own runbook: what the page and the messages say of times
// and harm is within 20 % of what the world itself counted.
func TestTruthOfEveryBreach(t *testing.T) {
	t.Parallel()
	for name, b := range Breaches() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := string(Runbook)
			if b.Well != nil { // slower than the demo's limit on every version
				text = strings.Replace(text, "below: 200ms", "below: 2s", 1)
			}
			rb, err := runbook.Parse("demo.yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) { tellTruth(t, rb, b) })
		})
	}
}

// The stories of blue and green, with the runbook and the traffic that the demo plays them with.
func TestTruthOfEveryFlip(t *testing.T) {
	t.Parallel()
	for name, f := range Flips() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rb, err := runbook.Parse("demo.yaml", []byte(string(Runbook)+f.Rollout))
			if err != nil {
				t.Fatal(err)
			}
			synctest.Test(t, func(t *testing.T) { tellFlip(t, rb, f) })
		})
	}
}

func tellFlip(t *testing.T, rb *runbook.Runbook, f Flip) {
	v := newVirtual(t, rb, newFleetOf(ofDemo, Well, float64(f.Rate), 3, 2))
	defer v.stop()
	time.Sleep(60 * time.Second)
	v.start(0)
	v.until("green to be warm", 2*time.Minute, func() bool {
		_, err := v.engine.Flip(t.Context(), "ranker", "", fixture.By("alice"))
		return err == nil
	})
	time.Sleep(rb.Metrics.Warmup.Std() + 7*time.Second)
	v.fleet.behave("v2", func(b *Behaviour) { *b = f.Bad })
	inc := v.approved(6 * time.Minute)
	if inc.Verdict.Outcome != record.Recovered {
		t.Errorf("the verdict is %+v", inc.Verdict)
	}
	v.bracket(inc)
	v.told(inc, kindsOf(Breach{Acts: []Act{{Candidate: &f.Bad}}})...)
}

func tellTruth(t *testing.T, rb *runbook.Runbook, b Breach) {
	well := Well
	if b.Well != nil {
		well = *b.Well
	}
	v := newVirtual(t, rb, newFleetOf(ofDemo, well, 200, 3, 2))
	defer v.stop()
	time.Sleep(60 * time.Second)
	v.start(5)
	time.Sleep(rb.Metrics.Warmup.Std() + 30*time.Second)
	harmed := time.Now()
	for _, a := range b.Acts {
		time.Sleep(time.Until(harmed.Add(a.After)))
		for version, to := range map[string]*Behaviour{"v1": a.Stable, "v2": a.Candidate} {
			if to != nil {
				v.fleet.behave(version, func(b *Behaviour) { *b = *to })
			}
		}
	}
	if b.Outcome == "" {
		time.Sleep(b.Watch)
		if st, err := v.engine.Status(t.Context()); err != nil || len(st.Incidents) > 0 {
			t.Errorf("a good release has incidents: %+v, %v", st.Incidents, err)
		}
		return
	}
	inc := v.approved(b.Watch)
	if inc.Verdict.Outcome != b.Outcome {
		t.Errorf("the verdict is %s, want %s", inc.Verdict.Outcome, b.Outcome)
	}
	v.bracket(inc)
	v.told(inc, kindsOf(b)...)
	if inc.Impact.Ongoing {
		time.Sleep(20 * time.Second)
		v.growing(inc.ID)
	}
}

// kindsOf is what users lose by a breach.
func kindsOf(b Breach) (kinds []record.LossKind) {
	for _, a := range b.Acts {
		if a.Candidate.Errors > Well.Errors {
			kinds = append(kinds, record.Failures)
		}
		if a.Stable == nil && a.Candidate.Latency > Well.Latency {
			kinds = append(kinds, record.Slow)
		}
		if a.Candidate.Conversion < Well.Conversion {
			kinds = append(kinds, record.Missed)
		}
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// approved returns the incident once its evidence is sealed. A question is answered after ten seconds,
// in which the impact grows and stays true.
func (v *virtual) approved(within time.Duration) (inc record.Incident) {
	v.t.Helper()
	answered, moved := false, false
	v.until("sealed evidence", within, func() bool {
		st, err := v.engine.Status(v.t.Context())
		v.must(err)
		if len(st.Incidents) != 1 {
			return false
		}
		if inc = st.Incidents[0]; inc.Phase == record.Awaiting && !answered {
			time.Sleep(10 * time.Second)
			v.growing(inc.ID)
			_, err := v.engine.Answer(v.t.Context(), inc.Approval, fixture.By("demo"), record.Reply{Yes: true, Reason: "it is slow"})
			v.must(err)
			answered = true
		}
		if !inc.ActedAt.IsZero() && inc.EvidenceAt.IsZero() && !moved {
			moved = true
			time.Sleep(3 * time.Second)
			v.moved(inc)
		}
		return inc.Verdict != nil && !inc.EvidenceAt.IsZero()
	})
	return inc
}

// moved: seconds after the traffic's move the impact is what the world counted until then.
func (v *virtual) moved(inc record.Incident) {
	v.t.Helper()
	x := v.engine.ImpactNow(v.t.Context(), inc)
	if x == nil || x.Problem != "" || !x.Until.After(inc.ActedAt) {
		v.t.Fatalf("traffic moved at %s, and at %s the impact is %+v", inc.ActedAt, time.Now(), x)
	}
	for _, l := range x.Losses {
		if l.Low > 0 {
			v.close("after the move, "+string(l.Kind), l.Excess, v.lost(l, time.Time{}, x.Until, x.Whole))
		}
	}
}

// sealed is the incident with the impact that its evidence has.
func (v *virtual) sealed(inc record.Incident) record.Incident {
	v.t.Helper()
	inc.Impact = nil
	v.must(json.Unmarshal([]byte(v.read(inc, report.ImpactName)), &inc.Impact))
	return inc
}

// growing: the impact so far is what the world counted until then, and its rate what it does.
func (v *virtual) growing(id string) {
	v.t.Helper()
	inc, err := v.engine.Incident(v.t.Context(), id)
	v.must(err)
	x := inc.Impact
	if x == nil || !x.Ongoing || x.Problem != "" || len(x.Losses) == 0 || time.Since(x.Until) > 5*time.Second {
		v.t.Fatalf("at %s the impact so far is %+v", time.Now(), x)
	}
	for _, l := range x.Losses {
		if l.Low <= 0 {
			continue
		}
		want := v.lost(l, time.Time{}, x.Until, x.Whole)
		v.close("so far, "+string(l.Kind), l.Excess, want)
		began := x.Until.Add(-min(time.Minute, x.Until.Sub(x.From)))
		v.close("each second, "+string(l.Kind), l.Rate, v.lost(l, began, x.Until, x.Whole)/x.Until.Sub(began).Seconds())
	}
}

// harmed is when harm began: with the first interval in which a version was not as good as it was.
func (v *virtual) harmed() time.Time {
	f := v.fleet
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range f.did {
		if d.Behaviour != f.well {
			return d.at.Add(-v.rb.Metrics.Interval.Std())
		}
	}
	return time.Time{}
}

// bracket: harm began within what the incident says.
func (v *virtual) bracket(inc record.Incident) {
	v.t.Helper()
	h, truth := inc.Harm(), v.harmed()
	v.t.Logf("harm began %s; said: between %s and %s, most likely %s", truth.Format(time.TimeOnly), h.From.Format(time.TimeOnly), h.To.Format(time.TimeOnly), h.At.Format(time.TimeOnly))
	if h.From.After(truth) || h.To.Before(truth) {
		v.t.Errorf("harm began %s, and the incident says between %s and %s", truth, h.From, h.To)
	}
}

// told: the record, the page and the messages say these losses and no others, and the times as they were.
func (v *virtual) told(inc record.Incident, kinds ...record.LossKind) {
	v.t.Helper()
	if inc = v.sealed(inc); inc.Impact.Problem != "" {
		v.t.Fatalf("the impact is %+v", inc.Impact)
	}
	var found []record.LossKind
	messages := v.sent.texts()
	for _, l := range inc.Impact.Losses {
		if l.Low <= 0 {
			continue
		}
		found = append(found, l.Kind)
		want := v.lost(l, time.Time{}, v.countedUntil(inc), inc.Impact.Whole)
		v.t.Logf("%s: the truth is %.0f, the incident says %.0f (%.0f to %.0f)", l.Kind, want, l.Excess, l.Low, l.High)
		v.close(string(l.Kind), l.Excess, want)
		if l.Low > want || l.High < want {
			v.t.Errorf("%s is %.0f, and the bounds are %.0f and %.0f", l.Kind, want, l.Low, l.High)
		}
		v.close(string(l.Kind)+" on the page", number(v.t, v.read(inc, "incident.md"), pageWords[l.Kind]), want)
		v.close(string(l.Kind)+" in the last message", number(v.t, messages[len(messages)-1], messageWords[l.Kind]), want)
	}
	slices.Sort(found)
	if slices.Sort(kinds); !slices.Equal(found, kinds) {
		v.t.Errorf("users lost %v, and the incident says %+v", kinds, inc.Impact.Losses)
	}
	v.timely(inc, v.read(inc, "incident.md"), pageTimes)
	for _, m := range messages {
		if _, times, ok := strings.Cut(m, "Since harm began: "); ok {
			v.timely(inc, times, messageTimes)
		}
	}
}

// countedUntil is the end of what the incident's impact can hold: of an ongoing one, when it was counted.
func (v *virtual) countedUntil(inc record.Incident) time.Time {
	if inc.Impact.Ongoing {
		return inc.Impact.Until
	}
	return time.Now()
}

var (
	pageWords = map[record.LossKind]string{record.Failures: `Failed requests \| ([0-9,.]+) more`, record.Slow: `Slow requests \| ([0-9,.]+) more`,
		record.Missed: `Conversion \| ([0-9,.]+) fewer`}
	messageWords = map[record.LossKind]string{record.Failures: `about ([0-9,.]+) failed requests`, record.Slow: `about ([0-9,.]+) slow requests`,
		record.Missed: `about ([0-9,.]+) lost successes of conversion`}
)

func number(t *testing.T, text, pattern string) float64 {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		t.Errorf("no %q in %s", pattern, text)
		return math.NaN()
	}
	n, err := strconv.ParseFloat(strings.ReplaceAll(m[1], ",", ""), 64)
	if err != nil {
		t.Error(err)
	}
	return n
}

// close: a number is within 20 % of the truth.
func (v *virtual) close(what string, said, truth float64) {
	v.t.Helper()
	if !(math.Abs(said-truth) <= near*math.Abs(truth)) {
		v.t.Errorf("%s: the truth is %.4g, and people are told %.4g", what, truth, said)
	}
}

// How the page and the messages give the steps, since harm began.
var (
	pageTimes    = regexp.MustCompile(`\| (Alert fired|Found by the watcher|Decided|Traffic moved|Drain measured|Recovery proved) \| [^|]*\(\+([^)]*)\) \|`)
	messageTimes = regexp.MustCompile(`(alert|found|decided|moved|drained|verdict) \+([0-9.]+ (?:ms|s|m|h)(?: [0-9.]+ (?:s|m))*)`)
	canonical    = map[string]string{"Alert fired": "alert", "Found by the watcher": "found", "Decided": "decided", "Traffic moved": "moved",
		"Drain measured": "drained", "Recovery proved": "recovered", "verdict": "recovered"}
)

// timely: the times that a text gives since harm began are as they were.
func (v *virtual) timely(inc record.Incident, text string, steps *regexp.Regexp) {
	v.t.Helper()
	harmed, said := v.harmed(), map[string]time.Duration{}
	for _, m := range steps.FindAllStringSubmatch(text, -1) {
		d, err := time.ParseDuration(strings.ReplaceAll(m[2], " ", ""))
		v.must(err)
		said[cmp.Or(canonical[m[1]], m[1])] = d
	}
	v.t.Logf("people are told %v", said)
	truth := map[string]time.Time{}
	if inc.Source == record.Webhook {
		truth["alert"] = v.firstAlert()
	}
	if !inc.ActedAt.IsZero() {
		truth["moved"] = v.movedAway()
	}
	for name, at := range truth {
		got, ok := said[name]
		if !ok {
			v.t.Errorf("no %s in %s", name, text)
		}
		v.close(name+" since harm began", got.Seconds(), at.Sub(harmed).Seconds())
	}
	if d, ok := said["drained"]; ok && harmed.Add(d).Before(v.lastServed()) {
		v.t.Errorf("drain was measured %s after harm began, and v2 was served at %s", d, v.lastServed())
	}
	order := []time.Duration{0}
	for _, name := range []string{"alert", "found", "decided", "moved", "drained", "recovered"} {
		if d, ok := said[name]; ok {
			order = append(order, d)
		}
	}
	if !slices.IsSorted(order) {
		v.t.Errorf("the times are not in order: %v", said)
	}
}

// movedAway is when the router's keys gave v2 nothing any more.
func (v *virtual) movedAway() (at time.Time) {
	for n, m := range v.moves {
		if m.weight == 0 && n > 0 && v.moves[n-1].weight > 0 {
			at = m.at
		}
	}
	return at
}

// firstAlert is when the first alert fired.
func (v *virtual) firstAlert() (first time.Time) {
	v.sent.mu.Lock()
	defer v.sent.mu.Unlock()
	for _, at := range v.sent.fired {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	return first
}

// lastServed is the end of the last interval in which v2 was sent anything.
func (v *virtual) lastServed() (at time.Time) {
	v.fleet.mu.Lock()
	defer v.fleet.mu.Unlock()
	for _, d := range v.fleet.did {
		if d.version == "v2" && d.requests > 0 {
			at = d.at
		}
	}
	return at
}

// lost is what v2 (or all traffic) did between two moments beyond what a good version would have done of
// the same requests, as the fleet itself counted; of slow answers, by how their times are drawn.
func (v *virtual) lost(l record.Loss, from, until time.Time, whole bool) (sum float64) {
	f := v.fleet
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, d := range f.did {
		if !d.at.After(from) || d.at.After(until) || d.Behaviour == f.well || d.version != "v2" && !whole {
			continue
		}
		switch l.Kind {
		case record.Failures:
			sum += d.failed - f.well.Errors*d.requests
		case record.Slow:
			sum += d.requests * (f.above(l.Limit, d.Behaviour) - f.above(l.Limit, f.well))
		case record.Missed:
			sum += f.well.Conversion*d.tried - d.success
		}
	}
	return sum
}

// sent are the messages that reached somebody, and when alerts first fired.
type sent struct {
	mu    sync.Mutex
	all   []record.Message
	fired map[string]time.Time
}

// Send takes a message.
func (s *sent) Send(_ context.Context, m record.Message, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, m)
	return nil
}

func (s *sent) texts() (all []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.all {
		all = append(all, m.Title+"\n"+m.Text)
	}
	return all
}

// fires notes that an alert fires since then.
func (s *sent) fires(trigger string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fired == nil {
		s.fired = map[string]time.Time{}
	}
	if _, known := s.fired[trigger]; !known {
		s.fired[trigger] = at
	}
}
