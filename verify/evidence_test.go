package verify_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestEvidenceKeepsAnswersAndErrorsByName(t *testing.T) {
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	a := prometheusOf(t, map[string]served{"up": number(1), "bad(": status(400, badQuery), "half": partial(3)})
	got := a.client(t, 0).Evidence(t.Context(), map[string]string{"b": "up", "c": "bad(", "a": "half"}, at)
	want := []struct{ name, says string }{{"a", "store 2 did not answer"}, {"b", `"1"`}, {"c", "error: bad_data"}}
	for i, w := range want {
		if got[i].Name != w.name || !strings.Contains(got[i].Answer, w.says) || !got[i].At.Equal(at) {
			t.Errorf("got %+v, want %q with %q", got[i], w.name, w.says)
		}
	}
	if asked := a.came["up"][0]; asked != fmt.Sprint(at.Unix()) {
		t.Errorf("asked about %s", asked)
	}
}

func TestRangeNeverAsksForMorePointsThanAreAllowed(t *testing.T) {
	to := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	cases := []struct {
		span, step time.Duration
		want       string
	}{
		{time.Hour, 15 * time.Second, "15"},
		{24 * time.Hour, time.Second, "9"},
		{time.Hour, 0, "1"},
	}
	for _, c := range cases {
		var step string
		p := prometheusOf(t, map[string]served{"up": func(w http.ResponseWriter, r *http.Request) {
			step = r.FormValue("step")
			fmt.Fprint(w, `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"7"]]}]}}`)
		}}).client(t, 0)
		q := p.Range(t.Context(), "up", "up", to.Add(-c.span), to, c.step)
		if step != c.want || !strings.Contains(q.Answer, `"7"`) || !q.At.Equal(to) {
			t.Errorf("%s by %s: step %q, want %q; %+v", c.span, c.step, step, c.want, q)
		}
	}
}
