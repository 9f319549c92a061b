package shadow

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

var update = flag.Bool("update", false, "write the golden files anew")

// nightReport is a small world with drift, flips, failures and a stray note.
func nightReport() *Report {
	w := newWorld(11, 30_000)
	w.drift = func(country string, hour int) float64 {
		if country == "DE" && hour < 5 {
			return .8
		}
		return 0
	}
	plan := worldPlan()
	plan.Show = []string{"outputs.prob"}
	plan.Limits.SegmentSamples, plan.Limits.DriftSamples = 100, 100
	return mustCompare(plan, w.pairs())
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
	var back Report
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
	w := newWorld(1, 1500)
	w.change = func(p *Pair, _ string, _ int) {
		p.Segment = map[string]string{hostile: hostile}
		p.Candidate.Body = body(map[string]any{hostile: hostile})
		p.Stable.Body = body(map[string]any{hostile: "x" + hostile, "class": hostile})
	}
	plan := DefaultPlan()
	plan.Show = []string{"**"}
	plan.Fields = []FieldRule{{Path: "class", Compare: byClass}}
	r, err := Compare(plan, Subject{hostile, hostile, hostile}, w.pairs(), &Run{Ended: true, FirstBad: []string{hostile}, Bad: 1}, Bad{}, time.Unix(0, 0))
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
	w := newWorld(1, 1000)
	w.change = func(p *Pair, _ string, _ int) {
		p.Candidate.Body = body(map[string]any{"name": "Erika Secret", "score": 41.234567, "city": "Ulm"})
		p.Stable.Body = body(map[string]any{"name": "Max Secret", "score": 17.765432, "city": "Bonn"})
	}
	plan := DefaultPlan()
	plan.Show = []string{"city"}
	r := mustCompare(plan, w.pairs())
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
	if len(r.Worst) != worstSamples {
		t.Errorf("%d samples", len(r.Worst))
	}
}

func TestGateOpensOnlyForItsPair(t *testing.T) {
	w := newWorld(2, 3000)
	g, err := mustCompare(worldPlan(), w.pairs()).Gate()
	if err != nil || g.Verdict != Pass || !regexp.MustCompile(`^sha256:[0-9a-f]{64}$`).MatchString(g.Report) {
		t.Fatal(g, err)
	}
	now := g.At.Add(time.Hour)
	if !g.Open("ranker", "sha256:c", "sha256:s", 24*time.Hour, now) {
		t.Error("a current pass does not open")
	}
	for name, open := range map[string]bool{
		"another service":   g.Open("other", "sha256:c", "sha256:s", 24*time.Hour, now),
		"another candidate": g.Open("ranker", "sha256:x", "sha256:s", 24*time.Hour, now),
		"another stable":    g.Open("ranker", "sha256:c", "sha256:x", 24*time.Hour, now),
		"too old":           g.Open("ranker", "sha256:c", "sha256:s", 24*time.Hour, now.Add(48*time.Hour)),
		"of tomorrow":       g.Open("ranker", "sha256:c", "sha256:s", 24*time.Hour, g.At.Add(-time.Second)),
		"no verdict":        Gate{Schema: SchemaGate, Service: "a", Candidate: "b", Stable: "c"}.Open("a", "b", "c", time.Hour, time.Time{}),
		"inconclusive": func() bool {
			h := g
			h.Verdict = Inconclusive
			return h.Open("ranker", "sha256:c", "sha256:s", 24*time.Hour, now)
		}(),
	} {
		if open {
			t.Errorf("%s opens", name)
		}
	}
}
