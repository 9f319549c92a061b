package receiver_test

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/receiver"
	"github.com/autorollback/autorollback/record"
)

// keepAll returns an intake that remembers, with all it was given.
func keepAll() (intake, *[]record.Alert) {
	var got []record.Alert
	return func(_ context.Context, a []record.Alert) error { got = append(got, a...); return nil }, &got
}

func recorded(t testing.TB, name string) string {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestRecordedBodies(t *testing.T) {
	type alert struct {
		service, trigger, region string
		firing                   bool
	}
	latency := alert{"ranker", "latency", "default", true}
	over := latency
	over.firing = false
	for scene, want := range map[string]struct {
		alerts []alert
		counts map[string]float64
	}{
		"firing":       {[]alert{latency}, map[string]float64{"firing": 1}},
		"repeated":     {[]alert{latency}, map[string]float64{"firing": 1}},
		"resolved":     {[]alert{over}, map[string]float64{"resolved": 1}},
		"both-firing":  {[]alert{{"ranker", "latency", "eu-west-1", true}, {"ranker", "latency", "us-east-1", true}}, map[string]float64{"firing": 2}},
		"one-resolved": {[]alert{{"ranker", "latency", "eu-west-1", false}, {"ranker", "latency", "us-east-1", true}}, map[string]float64{"firing": 1, "resolved": 1}},
		"truncated":    {[]alert{{"ranker", "conversion", "default", true}, {"ranker", "errors", "default", true}}, map[string]float64{"firing": 2, "truncated": 2}},
		"not-ours":     {nil, map[string]float64{"ignored": 1}},
		"watchdog":     {[]alert{{"", "watchdog", "", true}}, map[string]float64{"unknown": 1}},
		"hostile-text": {[]alert{{"ranker", "errors", "default", true}}, map[string]float64{"firing": 1}},
		"hostile-name": {nil, map[string]float64{"malformed": 1}},
	} {
		for _, from := range []string{"alertmanager-0.25.0", "alertmanager-0.34.2"} {
			t.Run(from+"/"+scene, func(t *testing.T) {
				in, got := keepAll()
				d := open(t, in, receiver.Config{Known: func(service, _ string) bool { return service == "ranker" }})
				if w := d.serve(call(recorded(t, from+"/"+scene+".json"))); w.Code != 200 {
					t.Fatalf("answers %d: %s", w.Code, w.Body)
				}
				var alerts []alert
				for _, a := range *got {
					alerts = append(alerts, alert{a.Service, a.Trigger, a.Region, a.Firing})
					if a.Source != record.Webhook || a.StartsAt.IsZero() || a.ReceivedAt.IsZero() || len(a.Fingerprint) != 16 {
						t.Errorf("incomplete: %+v", a)
					}
				}
				if !slices.Equal(alerts, want.alerts) {
					t.Errorf("got %v, want %v", alerts, want.alerts)
				}
				for _, o := range []string{"firing", "resolved", "unknown", "ignored", "malformed", "truncated"} {
					if n := d.counter(t, "autorollback_webhook_alerts_total", "outcome", o); n != want.counts[o] {
						t.Errorf("%s: counted %v, want %v", o, n, want.counts[o])
					}
				}
			})
		}
	}
}

func TestHostileTextIsTamed(t *testing.T) {
	in, got := keepAll()
	d := open(t, in, receiver.Config{})
	d.serve(call(recorded(t, "alertmanager-0.34.2/hostile-text.json")))
	a := (*got)[0]
	if want := "<script>alert(1)</script> gnp.exe [31mred  next <!channel>"; a.Labels["note"] != want {
		t.Errorf("note is %q, want %q", a.Labels["note"], want)
	}
	if n := len(a.Labels["long"]); n > 1024 || n < 1020 || strings.ContainsRune(a.Labels["long"], '\uFFFD') {
		t.Errorf("long has %d bytes", n)
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	pairs := map[string]string{"autorollback": "true", "service": "ranker", "trigger": "latency"}
	for i := range 3000 {
		pairs["l"+strconv.Itoa(i)] = strings.Repeat("x", 1000)
	}
	in, got := keepAll()
	d := open(t, in, receiver.Config{})
	var labels []string
	for _, k := range slices.Sorted(maps.Keys(pairs)) {
		labels = append(labels, strconv.Quote(k)+":"+strconv.Quote(pairs[k]))
	}
	body := `{"version":"4","alerts":[{"status":"firing","labels":{` + strings.Join(labels, ",") + `},"annotations":{"summary":"s"}}]}`
	if w := d.serve(call(body)); w.Code != 200 {
		t.Fatalf("answers %d", w.Code)
	}
	size := 0
	for k, v := range (*got)[0].Labels {
		size += len(k) + len(v)
	}
	if size > 16<<10 || len((*got)[0].Labels) > 64 {
		t.Errorf("kept %d labels of %d bytes", len((*got)[0].Labels), size)
	}
}

// A name that would only be right after fixing is not a name.
func TestNamesAreNotMended(t *testing.T) {
	for _, name := range []string{"rank\u202eer", "ranker\n", " ranker", "RANKER", "ra/nker", "../ranker", strings.Repeat("a", 64), "ranker\u0000"} {
		in, got := keepAll()
		d := open(t, in, receiver.Config{})
		body := strings.Replace(firing, `"ranker"`, strconv.QuoteToASCII(name), 1)
		body = strings.ReplaceAll(body, `\x00`, `\u0000`)
		if w := d.serve(call(body)); w.Code != 200 || len(*got) != 0 {
			t.Errorf("%q: answers %d, passes %v on", name, w.Code, *got)
		}
		if n := d.counter(t, "autorollback_webhook_alerts_total", "outcome", "malformed"); n != 1 {
			t.Errorf("%q: counted %v as malformed", name, n)
		}
	}
}

// Two Alertmanagers send the same, and late ones send old news: all is passed on as
// it came, each answered 200, whatever the message's own status says.
func TestDuplicatesAndStaleBodies(t *testing.T) {
	in, got := keepAll()
	d := open(t, in, receiver.Config{})
	var want []bool
	for _, scene := range []string{"firing", "firing", "resolved", "repeated", "resolved", "firing"} {
		if w := d.serve(call(recorded(t, "alertmanager-0.34.2/"+scene+".json"))); w.Code != 200 {
			t.Errorf("%s: answers %d", scene, w.Code)
		}
		want = append(want, scene != "resolved")
	}
	var firing []bool
	for _, a := range *got {
		firing = append(firing, a.Firing)
		if a.Fingerprint != (*got)[0].Fingerprint || !a.StartsAt.Equal((*got)[0].StartsAt) {
			t.Errorf("not the same alert any more: %+v", a)
		}
	}
	if !slices.Equal(firing, want) {
		t.Errorf("firing %v, want %v", firing, want)
	}
}

func FuzzBody(f *testing.F) {
	files, err := filepath.Glob("testdata/alertmanager-*/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Add([]byte(many(1001)))
	var got []record.Alert
	d := open(f, func(_ context.Context, a []record.Alert) error { got = a; return nil }, receiver.Config{})
	f.Fuzz(func(t *testing.T, body []byte) {
		got = nil
		w := httptest.NewRecorder()
		d.ServeHTTP(w, call("", func(r *http.Request) { r.Body = io.NopCloser(bytes.NewReader(body)); r.ContentLength = -1 }))
		if !slices.Contains([]int{200, 400, 413}, w.Code) {
			t.Fatalf("answers %d", w.Code)
		}
		for _, a := range got {
			if a.Trigger == "" || len(a.Service) > 63 || len(a.Labels) > 64 || strings.ContainsAny(a.Service+a.Trigger+a.Region, "/\\\x00 \n") {
				t.Fatalf("kept %+v", a)
			}
		}
		if w.Code != 200 && got != nil {
			t.Fatal("passed on what it then refused")
		}
	})
}
