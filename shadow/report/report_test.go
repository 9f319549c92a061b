package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/shadow/diff"
	"github.com/autorollback/autorollback/test/ranker"
	"golang.org/x/net/html"
)

var update = flag.Bool("update", false, "write the golden files anew")

// nightReport is a small world with drift, flips, failures and a stray note.
func nightReport() *diff.Report {
	w := ranker.New(11, 30_000)
	w.Drift = func(country string, hour int) float64 {
		if country == "DE" && hour < 5 {
			return .8
		}
		return 0
	}
	plan := ranker.Plan()
	plan.Show = []string{"outputs.prob"}
	plan.Limits.SegmentSamples, plan.Limits.DriftSamples = 100, 100
	return mustReport(plan, w.Pairs())
}

func TestGoldenPages(t *testing.T) {
	r := nightReport()
	page, err := HTML(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	gate, err := r.Gate()
	if err != nil {
		t.Fatal(err)
	}
	gateText, err := json.MarshalIndent(gate, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string][]byte{"night.md": Markdown(r), "night.html": page, "night.gate.json": append(gateText, '\n')} {
		golden(t, name, got)
	}
	var back diff.Report
	if err := json.Unmarshal(text, &back); err != nil || back.Verdict != r.Verdict || len(back.Slices) != len(r.Slices) {
		t.Errorf("the JSON report does not read back: %v", err)
	}
}

// golden compares with a file in testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; look at it and run go test -update", name)
	}
}

const hostile = `"><script>alert(1)</script><img src=x onerror=y>|[a](http://evil.example)` + "\n# x\u202e"

// Text from recordings never becomes markup, in none of the forms.
func TestHostileTextIsEscaped(t *testing.T) {
	w := ranker.New(1, 1500)
	w.Change = func(p *shadow.Pair, _ string, _ int) {
		p.Segment = map[string]string{hostile: hostile}
		p.Candidate.Body = ranker.Body(map[string]any{hostile: hostile})
		p.Stable.Body = ranker.Body(map[string]any{hostile: "x" + hostile, "class": hostile})
	}
	plan := shadow.DefaultPlan()
	plan.Show = []string{"**"}
	plan.Fields = []shadow.FieldRule{{Path: "class", Compare: shadow.ByClass}}
	r, err := diff.Compare(plan, diff.Subject{Service: hostile, Candidate: hostile, Stable: hostile}, w.Pairs(), &shadow.Run{Ended: true, FirstBad: []string{hostile}, Bad: 1}, shadow.Bad{}, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	page, err := HTML(r)
	if err != nil {
		t.Fatal(err)
	}
	for z := html.NewTokenizer(bytes.NewReader(page)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		tag := z.Token()
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		if tag.Data == "script" || tag.Data == "img" || tag.Data == "a" {
			t.Errorf("the page has a %s", tag.Data)
		}
		for _, a := range tag.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "href" || a.Key == "src" {
				t.Errorf("the page has an attribute %s", a.Key)
			}
		}
	}
	md := string(Markdown(r))
	for _, bad := range []string{"<script", "<img", "://", "\n# x", "|[a]"} {
		if strings.Contains(md, bad) {
			t.Errorf("the Markdown has %q", bad)
		}
	}
	for line := range strings.Lines(md) {
		if strings.HasPrefix(line, "|") && strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") > 12 {
			t.Errorf("a cell broke out of its table: %s", line)
		}
	}
}

// Nothing is shown that the plan does not allow.
func TestSamplesAreRedacted(t *testing.T) {
	w := ranker.New(1, 1000)
	w.Change = func(p *shadow.Pair, _ string, _ int) {
		p.Candidate.Body = ranker.Body(map[string]any{"name": "Erika Secret", "score": 41.234567, "city": "Ulm"})
		p.Stable.Body = ranker.Body(map[string]any{"name": "Max Secret", "score": 17.765432, "city": "Bonn"})
	}
	plan := shadow.DefaultPlan()
	plan.Show = []string{"city"}
	r := mustReport(plan, w.Pairs())
	page, err := HTML(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	for name, out := range map[string][]byte{"markdown": Markdown(r), "html": page, "json": text} {
		if !bytes.Contains(out, []byte("Ulm")) {
			t.Errorf("%s: the allowed value is not shown", name)
		}
		for _, secret := range []string{"Secret", "41.234567", "17.765432", `"r7"`} {
			if bytes.Contains(out, []byte(secret)) {
				t.Errorf("%s shows %s", name, secret)
			}
		}
	}
	if len(r.Worst) != 20 {
		t.Errorf("%d samples", len(r.Worst))
	}
}

func FuzzPages(f *testing.F) {
	f.Add(`{"a":[1,2]}`, `{"a":[1,"2"]}`)
	f.Add(`1e999`, `-1e999`)
	plan := shadow.DefaultPlan()
	plan.Fields = []shadow.FieldRule{{Path: "a", Compare: shadow.ByClass}, {Path: "b", Compare: shadow.BySet}, {Path: "c", Compare: shadow.ByTopK, K: 3}}
	f.Fuzz(func(t *testing.T, a, b string) {
		r := mustReport(plan, func(yield func(shadow.Pair, error) bool) {
			yield(shadow.Pair{ID: "1", Stable: shadow.Answer{Body: shadow.Body(a)}, Candidate: shadow.Answer{Body: shadow.Body(b)}, Again: &shadow.Answer{Body: shadow.Body(a)}}, nil)
		})
		if _, err := HTML(r); err != nil {
			t.Error(err)
		}
		if Markdown(r) == nil {
			t.Error("no page")
		}
	})
}

func mustReport(plan shadow.Plan, pairs iter.Seq2[shadow.Pair, error]) *diff.Report {
	r, err := diff.Compare(plan, diff.Subject{Service: "ranker", Candidate: "sha256:c", Stable: "sha256:s"}, pairs, &shadow.Run{Ended: true}, shadow.Bad{}, time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC))
	if err != nil {
		panic(err)
	}
	return r
}
