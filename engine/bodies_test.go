package engine

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/receiver"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/test/sim"
)

const bodyToken = "a-token-of-the-tests-9f3b7c5e1d2a"

// A hook is the webhook with an engine behind it, which has a release under way.
type hook struct {
	heardBy
	*receiver.Receiver
}

// hookIn is a hook in one of the worlds that testdata/bodies.txt names.
func hookIn(t *testing.T, world string) hook {
	t.Helper()
	h := listening(t)
	switch world {
	case "errors", "slowish":
		h.f.breaking[world] = true
	case "silent":
		h.f.silent = map[string]bool{"errors": true}
	case "down":
		h.f.down = true
	case "over":
		if _, err := h.Rollback(t.Context(), "ranker", "", fixture.By("ann"), "because"); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(t.TempDir(), "token")
	must(t, os.WriteFile(file, []byte(bodyToken+"\n"), 0o600))
	r, err := receiver.New(h.Engine, receiver.Config{TokenFile: file}, zap.NewNop(), h.reg)
	if err != nil {
		t.Fatal(err)
	}
	h.logs.TakeAll()
	return hook{h, r}
}

func (h hook) post(body string) int {
	req := httptest.NewRequest(http.MethodPost, receiver.Path, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+bodyToken)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w.Code
}

// madeBy are the label values that there may be: those of the runbook, and ours.
var madeBy = []string{"", "ranker", other, "errors", "slow", "slowish", "slo", blind, watchdog, doctor}

// outcomes are what the alerts of the webhook came to, by outcome.
func (h hook) outcomes(t *testing.T) map[string]int {
	t.Helper()
	all := map[string]int{}
	ch := make(chan prometheus.Metric, 4096)
	h.metrics.alerts.Collect(ch)
	close(ch)
	for m := range ch {
		var d dto.Metric
		must(t, m.Write(&d))
		labels := map[string]string{}
		for _, l := range d.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		if !slices.Contains(madeBy, labels["service"]) || !slices.Contains(madeBy, labels["trigger"]) {
			t.Fatalf("a body made the series %v", labels)
		}
		if n := int(d.GetCounter().GetValue()); n > 0 && labels["source"] == string(record.Webhook) {
			all[labels["outcome"]] += n
		}
	}
	return all
}

func sum(m map[string]int) (n int) {
	for _, v := range m {
		n += v
	}
	return n
}

// Fifty bodies by hand: each alert comes to what stands beside it, and no series is made of a
// name in a body.
func TestEveryAlertOfABodyHasOneOutcome(t *testing.T) {
	f, err := os.Open("testdata/bodies.txt")
	must(t, err)
	defer f.Close()
	read := 0
	for lines := bufio.NewScanner(f); lines.Scan(); {
		part := strings.SplitN(lines.Text(), " | ", 4)
		if len(part) != 4 || strings.HasPrefix(part[0], "#") {
			continue
		}
		read++
		t.Run(part[0], func(t *testing.T) {
			h := hookIn(t, part[1])
			if code := h.post(`{"version":"4","alerts":` + part[3] + `}`); code != http.StatusOK {
				t.Fatalf("answers %d", code)
			}
			var got []string
			for o, n := range h.outcomes(t) {
				got = append(got, slices.Repeat([]string{o}, n)...)
			}
			slices.Sort(got)
			if have := strings.Join(got, " "); have != part[2] {
				t.Errorf("came to %q, want %q", have, part[2])
			}
			var logged int
			for _, o := range got {
				if o != string(record.NotOurs) && o != string(record.Malformed) { // of those the receiver tells
					logged++
				}
			}
			if lines := h.logs.FilterMessage("alert").Len(); lines != logged {
				t.Errorf("%d lines about %d alerts", lines, logged)
			}
		})
	}
	if read < 50 {
		t.Errorf("%d bodies were read", read)
	}
}

// Ten thousand bodies by chance, whole ones and damaged ones, in every world: of each that is
// answered 200 or 503 every alert has one outcome, and of others none has any.
func TestEveryAlertOfAnyBodyHasOneOutcome(t *testing.T) {
	chance := rand.New(rand.NewPCG(10, 2026))
	worlds := []string{"quiet", "errors", "slowish", "silent", "down", "over"}
	total, codes := 0, map[int]int{}
	var h hook
	was := 0
	for n := range sim.Size(10000, 10000, 2000) {
		if n%100 == 0 {
			h, was = hookIn(t, worlds[n/100%len(worlds)]), 0
			if n/100%7 == 0 { // the store cannot be read: what concerns the release comes again
				must(t, put(h.st, store.ReleaseKey("ranker", "default"), `{"schema":99}`))
			}
		}
		body := anyBody(chance)
		code := h.post(body)
		codes[code]++
		in := 0
		if code == http.StatusOK || code == http.StatusServiceUnavailable {
			var got struct {
				Alerts []json.RawMessage `json:"alerts"`
			}
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatalf("%s is answered %d: %v", body, code, err)
			}
			in = len(got.Alerts)
		}
		now := h.outcomes(t)
		if sum(now) != was+in {
			t.Fatalf("body %d, answered %d: %d alerts came to %d outcomes: %v\n%s", n, code, in, sum(now)-was, now, body)
		}
		was, total = sum(now), total+in
	}
	if total < 1000 || codes[200] < 100 || codes[400] < 100 || codes[503] < 10 {
		t.Errorf("%d alerts, answers %v: the bodies do not reach everything", total, codes)
	}
}

func pick(chance *rand.Rand, from ...string) string { return from[chance.IntN(len(from))] }

// anyBody is a body of some alerts, one in four with damage.
func anyBody(chance *rand.Rand) string {
	var alerts []string
	for range chance.IntN(6) {
		labels := map[string]string{}
		for _, one := range [][]string{
			{"autorollback", "true", "true", "true", "true", "false", ""},
			{"service", "ranker", "ranker", "ranker", "ranker", "nobody", "RANKER", "", "rank\u202eer", strings.Repeat("a", 70)},
			{"trigger", "errors", "errors", "slow", "slowish", "slo", "blind", "watchdog", "doctor", "cosmic-rays", "", "a b", fmt.Sprintf("forged-%d", chance.IntN(1000))},
			{"region", "default", "default", "", "mars", "a/b"},
			{"severity", "severe", "mild", "none", ""},
		} {
			labels[one[0]] = pick(chance, one[1:]...)
		}
		if chance.IntN(10) == 0 {
			delete(labels, pick(chance, "service", "trigger", "autorollback"))
		}
		text, _ := json.Marshal(labels) // strings always encode
		alerts = append(alerts, fmt.Sprintf(`{"status":%q,"labels":%s,"startsAt":%q}`, pick(chance, "firing", "firing", "firing", "resolved", "perhaps", ""),
			text, pick(chance, "2030-05-06T09:00:00Z", "0001-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "1926-01-01T00:00:00Z")))
	}
	body := []byte(`{"version":"4","status":"firing","alerts":[` + strings.Join(alerts, ",") + `]}`)
	if chance.IntN(4) > 0 {
		return string(body)
	}
	for range 1 + chance.IntN(3) {
		switch at := chance.IntN(len(body)); chance.IntN(3) {
		case 0:
			body[at] = byte(chance.IntN(256))
		case 1:
			body = slices.Delete(body, at, min(at+1+chance.IntN(8), len(body)))
		default:
			body = slices.Insert(body, at, body[:min(len(body), chance.IntN(20))]...)
		}
		if len(body) == 0 {
			return ""
		}
	}
	return string(body)
}
