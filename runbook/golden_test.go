package runbook_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/runbook"
)

const goldenSection = `
  golden:
    url: http://{backend}.ranker.svc:8080/predict
    file: golden.jsonl
    ignore: [request_id]
  pairing: {metric: model_bundle_info, bundle_label: bundle, encoder_label: encoder}
`

// withGolden writes a runbook with the section at its end, and the file beside it.
func withGolden(t *testing.T, section, lines string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "ranker.yaml")
	text := strings.TrimRight(string(read(t, "testdata/good/minimal.yaml")), "\n") + section
	for name, text := range map[string]string{path: text, filepath.Join(dir, "golden.jsonl"): lines} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func TestGoldenPredictionsAreReadFromTheFileBesideTheRunbook(t *testing.T) {
	rb, err := runbook.Load(withGolden(t, goldenSection, `{"name":"new user","version":"v1","request":{"user":1},"answer":{"score":0.5}}

{"request":{"user":2},"answer":[1,2]}
`))
	if err != nil {
		t.Fatal(err)
	}
	g := rb.Verification.Golden
	if g.Tolerance != 0.001 || g.Timeout != 2*second || len(g.Of("v1")) != 2 || len(g.Of("v2")) != 1 || g.Of("v2")[0].Name != "line 3" || g.Of("v1")[0].Answer != `{"score":0.5}` {
		t.Errorf("got %+v", g)
	}
	if at := g.At("v1", "ranker/v1"); !g.Reaches() || at != "http://ranker%2Fv1.ranker.svc:8080/predict" {
		t.Errorf("it reaches %v at %s", g.Reaches(), at)
	}
	if p := rb.Verification.Pairing; p == nil || strings.Join(p.Labels(), " ") != "bundle encoder" {
		t.Errorf("pairing is %+v", p)
	}
}

func TestGoldenMistakesAreNamedByLine(t *testing.T) {
	good := `{"request":1,"answer":2}` + "\n"
	for _, c := range []struct{ name, section, lines, want string }{
		{"not JSON", goldenSection, good + "{\n", "golden.jsonl:2: is not one"},
		{"unknown key", goldenSection, good + `{"request":1,"anwser":2}`, "golden.jsonl:2: is not one"},
		{"no answer", goldenSection, good + good + `{"request":1}`, "golden.jsonl:3: needs a request and an answer"},
		{"two on a line", goldenSection, `{"request":1,"answer":2} {}`, "golden.jsonl:1: has more after it"},
		{"empty", goldenSection, "\n", "golden.jsonl:1: holds no prediction"},
		{"too many", goldenSection, strings.Repeat(`{"version":"v1","request":1,"answer":2}`+"\n", runbook.MaxGolden+1), "51 predictions for version \"v1\""},
		{"too long", goldenSection, good + `{"request":"` + strings.Repeat("x", 300<<10) + `"}`, "golden.jsonl:2: is longer than 256 KiB"},
		{"no file", strings.Replace(goldenSection, "golden.jsonl", "none.jsonl", 1), good, "read golden predictions"},
		{"no address", strings.Replace(goldenSection, "http://{backend}.ranker.svc:8080/predict", "ranker:8080", 1), good, "ranker.yaml:52: verification.golden.url"},
		{"a password", strings.Replace(goldenSection, "http://", "http://u:p@", 1), good, "verification.golden.url: holds a password"},
		{"a token in the address", strings.Replace(goldenSection, "/predict", "/predict?api_key=s3cret", 1), good, "verification.golden.url: holds a secret (api_key)"},
		{"a token in the runbook", strings.Replace(goldenSection, "file: golden.jsonl", "file: golden.jsonl\n    token: s3cret", 1), good, "verification.golden.token"},
		{"a token for its file", strings.Replace(goldenSection, "file: golden.jsonl", "file: golden.jsonl\n    token_file: Bearer s3cret", 1), good, "verification.golden.token_file: is not the name of a file"},
		{"a case that is no JSON", strings.Replace(goldenSection, "file: golden.jsonl", "cases: [{request: '{', answer: '1'}]", 1), good, "cases[0].request: is not JSON"},
		{"neither file nor cases", strings.Replace(goldenSection, "    file: golden.jsonl\n", "", 1), good, "verification.golden.file"},
		{"no label", strings.Replace(goldenSection, ", bundle_label: bundle, encoder_label: encoder", "", 1), good, "verification.pairing.bundle_label"},
		{"no metric", strings.Replace(goldenSection, "metric: model_bundle_info, ", "", 1), good, "verification.pairing.metric"},
		{"unknown key of the section", strings.Replace(goldenSection, "ignore:", "ignored:", 1), good, "did you mean \"ignore\""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := runbook.Load(withGolden(t, c.section, c.lines))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// A token is read beside the runbook when it is used, so that it may be replaced; none is
// no error of the runbook, which is checked where nobody has the secret.
func TestGoldenTokenIsReadFromItsFile(t *testing.T) {
	path := withGolden(t, strings.Replace(goldenSection, "file: golden.jsonl", "file: golden.jsonl\n    token_file: golden.token", 1), `{"request":1,"answer":2}`)
	rb, err := runbook.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	g := rb.Verification.Golden
	if token, err := g.Token(); err == nil {
		t.Errorf("there is no file, and the token is %q", token)
	}
	for text, want := range map[string]string{"s3cret\n": "s3cret", "an0ther": "an0ther", "": "", "two of them\n": ""} {
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), "golden.token"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if token, err := g.Token(); token != want || (err == nil) != (want != "") {
			t.Errorf("of %q: %q, %v", text, token, err)
		}
	}
	if token, err := new(runbook.Golden).Token(); token != "" || err != nil {
		t.Errorf("none is named: %q, %v", token, err)
	}
}
