package samples

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/shadow"
)

var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// loaded is the evidence section of a runbook, with its defaults.
func loaded(t *testing.T, section string) runbook.Evidence {
	t.Helper()
	text, err := os.ReadFile("../../runbook/testdata/good/minimal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	rb, err := runbook.Parse("r.yaml", append(text, "\nevidence:\n"+section...))
	if err != nil {
		t.Fatal(err)
	}
	return rb.Evidence
}

// askOf is the question about a minute to the only source of a section.
func askOf(t *testing.T, section string) Ask {
	t.Helper()
	ev := loaded(t, section)
	q := Ask{Source: ev.Sources()[0], Samples: ev.Samples, Logs: ev.Logs, Service: "ranker", Region: "eu", Stable: record.Side{Version: "v1", Backend: "b1"},
		Candidate: record.Side{Version: "v2", Backend: "b2"}, From: noon, To: noon.Add(time.Minute)}
	return q
}

func asker() Asker { return Asker{Client: outbound.New(outbound.Options{}), Commands: true} }

func samplesOf(t *testing.T, a Asker, q Ask) (s record.Samples) {
	t.Helper()
	files, err := a.Ask(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(files[record.SamplesName], &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func logOf(t *testing.T, a Asker, q Ask) (l record.Log) {
	t.Helper()
	files, err := a.Ask(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(files[record.LogName], &l); err != nil {
		t.Fatal(err)
	}
	return l
}

// briefly is each request as "id: why".
func briefly(t *testing.T, s record.Samples) (all []string) {
	t.Helper()
	for _, text := range s.Requests {
		var one record.SampledRequest
		if err := json.Unmarshal(text, &one); err != nil {
			t.Fatal(err)
		}
		all = append(all, one.ID+": "+strings.Join(one.Why, " "))
	}
	return all
}

func line(id, version string, after time.Duration, status int, ms float64, more string) string {
	return fmt.Sprintf(`{"id":%q,"ts":%q,"version":%q,%s"request":{"method":"POST","path":"/predict?user=7"},"response":{"status":%d,"latency_ms":%g}}`+"\n",
		id, noon.Add(after).Format(time.RFC3339Nano), version, more, status, ms)
}

// many are requests of stable that take 1 to 100 ms.
func many(version string) string {
	var b strings.Builder
	for n := range 100 {
		b.WriteString(line(fmt.Sprintf("%s-%d", version, n), version, time.Duration(n)*100*time.Millisecond, 200, float64(n+1), ""))
	}
	return b.String()
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, noon.Add(time.Minute), noon.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
}

// The worst come first, and good ones of stable are beside them; only what is of the time counts.
func TestHarmfulFirst(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.jsonl"), many("v1")+
		line("refused", "v2", time.Second, 404, 5, "")+line("fine", "v2", time.Second, 200, 5, "")+line("slow", "b2", time.Second, 200, 900, "")+
		line("failed", "v2", time.Second, 500, 7, "")+line("flagged", "v2", time.Second, 200, 5, `"flag":"odd score",`)+
		line("worst", "v2", time.Second, 503, 950, `"flag":"odd score",`)+line("stable's", "v1", time.Second, 500, 990, "")+
		line("before", "v2", -time.Second, 500, 999, "")+line("after", "v2", 2*time.Minute, 500, 999, "")+"{torn")
	s := samplesOf(t, Asker{}, askOf(t, fmt.Sprintf("  samples: {sources: [{dir: %q}], harmful: 6, good: 2}\n", dir)))
	want := []string{"worst: failed flagged slow", "failed: failed", "refused: failed", "flagged: flagged", "slow: slow", "stable's: failed slow", "v1-97: good", "v1-98: good"}
	if got := briefly(t, s); !slices.Equal(got, want) {
		t.Errorf("kept %q\nwant %q", got, want)
	}
	if s.Read != 107 || s.Harm != 6 || s.Bad != 1 || s.SlowMS != 100 {
		t.Errorf("read %d, harmful %d, bad %d, slow from %g ms", s.Read, s.Harm, s.Bad, s.SlowMS)
	}
	s = samplesOf(t, Asker{}, askOf(t, fmt.Sprintf("  samples: {sources: [{dir: %q}], harmful: 2, good: 0, slow: 940ms}\n", dir)))
	if got := briefly(t, s); !slices.Equal(got, []string{"worst: failed flagged slow", "failed: failed"}) || s.Harm != 5 {
		t.Errorf("kept %q of %d harmful", got, s.Harm)
	}
}

// Where nothing stands out, a few of the candidate's are kept.
func TestNothingStandsOut(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.jsonl"), many("v1")+line("one", "v2", time.Second, 200, 5, "")+line("two", "v2", time.Second, 200, 5, ""))
	s := samplesOf(t, Asker{}, askOf(t, fmt.Sprintf("  samples: {sources: [{dir: %q}], good: 1}\n", dir)))
	if got := briefly(t, s); !slices.Equal(got, []string{"two: nothing stands out", "v1-98: good"}) {
		t.Errorf("kept %q", got)
	}
}

// Only fields that are allowed are kept, and a field keeps what is under it.
func TestOnlyAllowedFieldsAreKept(t *testing.T) {
	const text = `{"id":"1","version":"v2","segment":{"country":"DE"},"request":{"method":"POST","path":"/p?user=CANARY","headers":{"Cookie":"CANARY"},"body":{"user":"CANARY","items":[{"price":1,"name":"CANARY"}]}},"response":{"status":500,"body":"CANARY"}}`
	for fields, want := range map[string]string{
		"": `{"id":"1","request":{"method":"POST","path":"/p"},"response":{"status":500},"segment":{"country":"DE"},"version":"v2","why":["failed"]}`,
		", fields: [id, 'request.body.items[*].price']": `{"id":"1","request":{"body":{"items":[{"price":1}]}},"why":["failed"]}`,
		", fields: ['segment.*', response.latency_ms]":  `{"segment":{"country":"DE"},"why":["failed"]}`,
		", fields: [request.method, nothing]":           `{"request":{"method":"POST"},"why":["failed"]}`,
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, "a.jsonl"), text+"\n")
		files, err := Asker{}.Ask(t.Context(), askOf(t, fmt.Sprintf("  samples: {sources: [{dir: %q}]%s}\n", dir, fields)))
		if err != nil {
			t.Fatal(err)
		}
		var s struct{ Requests []map[string]any }
		if err := json.Unmarshal(files[record.SamplesName], &s); err != nil || len(s.Requests) != 1 {
			t.Fatalf("%v: %s", err, files[record.SamplesName])
		}
		if got, _ := json.Marshal(s.Requests[0]); string(got) != want {
			t.Errorf("fields %q: kept %s\nwant %s", fields, got, want)
		}
		if strings.Contains(string(files[record.SamplesName]), "CANARY") {
			t.Errorf("fields %q: kept what is not allowed: %s", fields, files[record.SamplesName])
		}
	}
}

// A body that nobody can look into, and one that is too long, are left out; the request stays.
func TestBodiesThatAreLeftOut(t *testing.T) {
	dir := t.TempDir()
	long := strings.Repeat("x", mostSample)
	write(t, filepath.Join(dir, "a.jsonl"), `{"id":"binary","version":"v2","request":{"path":"/","body":{"$base64":"/wA="}},"response":{"status":500}}
{"id":"long","version":"v2","request":{"path":"/","body":{"a":"`+long+`"}},"response":{"status":500}}
{"id":"text","version":"v2","request":{"path":"/","body":{"$base64":"cGxhaW4="}},"response":{"status":500}}
`)
	s := samplesOf(t, Asker{}, askOf(t, fmt.Sprintf("  samples: {sources: [{dir: %q}], fields: [id, request]}\n", dir)))
	all := string(slices.Concat(s.Requests[0], s.Requests[1], s.Requests[2]))
	if len(s.Requests) != 3 || s.Left != 2 || !strings.Contains(all, `"plain"`) || strings.Contains(all, "xxx") {
		t.Errorf("%d kept, %d left out: %.300s", len(s.Requests), s.Left, all)
	}
}

// What is kept of one source has room for so much, and says what had none.
func TestRoom(t *testing.T) {
	c := choice{q: Ask{Samples: &runbook.Samples{Harmful: 100}}}
	for range 100 {
		c.take(shadow.Record{ID: "x", Request: shadow.Request{Body: shadow.Body(`"` + strings.Repeat("y", mostSample-200) + `"`)}, Response: &shadow.Answer{Status: 500}})
	}
	all, _, _ := c.end()
	fields, err := allow([]string{"id", "request"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := encodeRequests(all, fields, record.Collected{})
	if err != nil || len(s.Requests) > mostKept/(mostSample-400) || len(s.Part) != 1 || !strings.HasSuffix(s.Part[0], "more had no room") {
		t.Errorf("%v: %d kept, %q", err, len(s.Requests), s.Part)
	}
}

// What a runbook takes for the name of a field is one for package shadow.
func FuzzFieldsAreRead(f *testing.F) {
	f.Add("request.body.items[*].price")
	f.Add("**.x*[*][*]")
	text, err := os.ReadFile("../../runbook/testdata/good/minimal.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, field string) {
		quoted, err := json.Marshal([]string{field})
		if err != nil {
			t.Fatal(err)
		}
		rb, err := runbook.Parse("r.yaml", append(slices.Clone(text), "\nevidence: {samples: {sources: [{dir: /a}], fields: "+string(quoted)+"}}\n"...))
		if err != nil {
			return
		}
		if _, err := allow(rb.Evidence.Samples.Fields); err != nil {
			t.Error(err)
		}
	})
}

// A question that is called off ends at once, whatever there is to read.
func TestCalledOff(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.jsonl"), many("v1"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (Asker{}).Ask(ctx, askOf(t, fmt.Sprintf("  samples: {sources: [{dir: %q}]}\n", dir))); err == nil {
		t.Error("it read on")
	}
}
