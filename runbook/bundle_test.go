package runbook_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/runbook"
)

func bundle() runbook.Bundle {
	return runbook.Bundle{
		Schema: 1,
		Model: runbook.Model{
			Image:    "registry.example.com/ranker@sha256:" + strings.Repeat("2", 64),
			Registry: runbook.Registry{Kind: "mlflow", Name: "ranker", Version: "12"},
		},
		Features:   runbook.Features{Encoder: "v5", Pipeline: "git:" + strings.Repeat("a", 40)},
		Flags:      map[string]any{"new-encoder": true, "depth": 4.0, "note": "<&>"},
		Compatible: runbook.Compatible{Encoders: []string{"v4", "v5"}},
	}
}

// The digest is a promise to every store that holds one: it may never change. This one
// was computed by another program from the bundle's JSON.
func TestDigestIsPinned(t *testing.T) {
	const want = "sha256:6f375b6cc1f5da48e50cbd305c8c7c1b0271bb9aab3b5a5f9947b750ea9ce766"
	if got := bundle().Digest(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestDigestDoesNotDependOnForm(t *testing.T) {
	want := bundle().Digest()
	for name, change := range map[string]func(*runbook.Bundle){
		"no schema":           func(b *runbook.Bundle) { b.Schema = 0 },
		"encoders turned":     func(b *runbook.Bundle) { b.Compatible.Encoders = []string{"v5", "v4"} },
		"encoder named twice": func(b *runbook.Bundle) { b.Compatible.Encoders = []string{"v5", "v4", "v5"} },
		"int":                 func(b *runbook.Bundle) { b.Flags["depth"] = 4 },
		"json.Number":         func(b *runbook.Bundle) { b.Flags["depth"] = json.Number("4.0") },
	} {
		b := bundle()
		change(&b)
		if got := b.Digest(); got != want {
			t.Errorf("%s: the digest changed", name)
		}
	}
	empty, none := bundle(), bundle()
	empty.Flags, none.Flags = map[string]any{}, nil
	if empty.Digest() != none.Digest() {
		t.Error("no flags and empty flags differ")
	}
}

func TestDigestNoticesEveryField(t *testing.T) {
	seen := map[string]string{bundle().Digest(): "nothing"}
	for name, change := range map[string]func(*runbook.Bundle){
		"image":            func(b *runbook.Bundle) { b.Model.Image += "0" },
		"registry kind":    func(b *runbook.Bundle) { b.Model.Registry.Kind = "other" },
		"registry name":    func(b *runbook.Bundle) { b.Model.Registry.Name = "x" },
		"registry version": func(b *runbook.Bundle) { b.Model.Registry.Version = "13" },
		"registry source":  func(b *runbook.Bundle) { b.Model.Registry.Source = "x" },
		"encoder":          func(b *runbook.Bundle) { b.Features.Encoder = "v4" },
		"pipeline":         func(b *runbook.Bundle) { b.Features.Pipeline = "x" },
		"view":             func(b *runbook.Bundle) { b.Features.View = "x" },
		"flag":             func(b *runbook.Bundle) { b.Flags["new-encoder"] = false },
		"flag as text":     func(b *runbook.Bundle) { b.Flags["depth"] = "4" },
		"flag gone":        func(b *runbook.Bundle) { delete(b.Flags, "depth") },
		"flag off":         func(b *runbook.Bundle) { b.FlagsOff = map[string]any{"depth": 1} },
		"encoders":         func(b *runbook.Bundle) { b.Compatible.Encoders = []string{"v5"} },
		"config":           func(b *runbook.Bundle) { b.Config = "x" },
	} {
		b := bundle()
		change(&b)
		if other, ok := seen[b.Digest()]; ok {
			t.Errorf("changing %s gives the digest of changing %s", name, other)
		}
		seen[b.Digest()] = name
	}
}

// Whatever the flags are: YAML, JSON and the value itself have one digest.
func TestDigestSurvivesYAMLAndJSON(t *testing.T) {
	// The YAML library writes lines of which the first begins with a tab as a block that
	// it cannot read.
	seen := rapid.RuneFrom(nil, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Zs, &unicode.RangeTable{R16: []unicode.Range16{{Lo: 9, Hi: 10, Stride: 1}}})
	text := rapid.StringOf(seen).Filter(func(s string) bool {
		return !strings.ContainsRune(s, utf8.RuneError) && (!strings.HasPrefix(s, "\t") || !strings.Contains(s, "\n"))
	})
	value := rapid.OneOf(
		rapid.Bool().AsAny(), text.AsAny(),
		rapid.Float64().AsAny(), rapid.IntRange(-1<<53, 1<<53).AsAny(),
	)
	rapid.Check(t, func(t *rapid.T) {
		b := bundle()
		b.Flags = rapid.MapOf(rapid.StringMatching(`[a-z.-]{1,8}`), value).Draw(t, "flags")
		if b.Check() != nil {
			t.Skip("flags that JSON does not keep")
		}
		text, err := json.Marshal(b)
		var again runbook.Bundle
		if err == nil {
			err = json.Unmarshal(text, &again)
		}
		if err != nil || again.Digest() != b.Digest() {
			t.Fatalf("JSON %s (%v)", text, err)
		}
		launch, _ := runbook.ParseLaunch("ranker.yaml", release)
		launch.Candidate.Bundle = b
		text, err = yaml.Marshal(launch)
		if err == nil {
			launch, err = runbook.ParseLaunch("again.yaml", text)
		}
		if err != nil || launch.Candidate.Bundle.Digest() != b.Digest() {
			t.Fatalf("YAML %s (%v)", text, err)
		}
	})
}

func TestCheckAcceptsImages(t *testing.T) {
	for _, name := range []string{"ranker", "ranker:1.4", "registry.example.com:5000/team/ranker", "localhost:5000/a_b/c--d:V1.0-rc_1", "R.example.com/x"} {
		b := bundle()
		b.Model.Image = name + "@sha256:" + strings.Repeat("0f", 32)
		if err := b.Check(); err != nil {
			t.Error(err)
		}
	}
}

func TestCheckRefusesImages(t *testing.T) {
	hex := strings.Repeat("0f", 32)
	for _, image := range []string{
		"@sha256:" + hex, "Ranker@sha256:" + hex, "ranker@sha256:" + strings.ToUpper(hex), "ranker@sha256:" + hex + "0",
		"ranker@sha256:" + hex + "\n", "ranker @sha256:" + hex, "ranker:@sha256:" + hex, "https://x/ranker@sha256:" + hex, "ranker@" + hex, "ranker@latest",
	} {
		b := bundle()
		b.Model.Image = image
		var problems runbook.Problems
		if err := b.Check(); !errors.As(err, &problems) || len(problems) != 1 || problems[0].Field != "model.image" {
			t.Errorf("%q: %v", image, err)
		}
	}
}

func TestCheckWithoutAFile(t *testing.T) {
	b := bundle()
	b.Features.Encoder, b.Flags["list"] = "v6", []any{1}
	const want = `features.encoder: unpaired bundle: encoder "v6" is not among the model's compatible encoders ["v4" "v5"]; ` +
		"deploy the model with an encoder it was trained on, or list this one under compatible.encoders if it was\n" +
		"flags.list: is a []interface {}; write true, false, text or a number"
	if err := b.Check(); err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestGoodReleases(t *testing.T) {
	launch, err := runbook.ParseLaunch("ranker.yaml", release)
	if err != nil {
		t.Fatal(err)
	}
	if launch.Service != "ranker" || launch.Region != "" || launch.Weight != 5 || launch.Candidate.Backend != "ranker-v2" {
		t.Errorf("got %+v", launch)
	}
	want := map[string]any{"new-encoder": true, "depth": 4.0, "note": "first of May"}
	if got := launch.Candidate.Bundle.Flags; !reflect.DeepEqual(got, want) {
		t.Errorf("flags are %v, want %v", got, want)
	}
	// JSON is YAML: the HTTP API takes either.
	text, err := json.Marshal(launch)
	if err != nil {
		t.Fatal(err)
	}
	again, err := runbook.ParseLaunch("body", text)
	if err != nil || !reflect.DeepEqual(again, launch) {
		t.Errorf("as JSON: %v\n got %+v\nwant %+v", err, again, launch)
	}
}

func TestBackendIsTheVersionUnlessNamed(t *testing.T) {
	text := strings.ReplaceAll(string(release), "  backend: ranker-v", "  #")
	launch, err := runbook.ParseLaunch("x.yaml", []byte(text))
	if err != nil || launch.Stable.Backend != "v1" || launch.Candidate.Backend != "v2" {
		t.Errorf("got %+v (%v)", launch, err)
	}
}

// What is written of a bundle's flags while it is quarantined: none of its own values is left,
// whatever the stable bundle has.
func TestOff(t *testing.T) {
	b := bundle()
	b.Flags = map[string]any{"new-encoder": true, "legacy": false, "encoder": "v5", "depth": 4.0, "note": "x", "mode": "fast", "size": 3}
	b.FlagsOff = map[string]any{"legacy": true, "mode": "none"}
	stable := runbook.Bundle{Flags: map[string]any{"new-encoder": true, "encoder": "v4", "mode": "slow", "size": "3", "other": 1.0}}
	want := map[string]any{"new-encoder": false, "legacy": true, "encoder": "v4", "mode": "none"}
	if got := b.Off(stable); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := (runbook.Bundle{}).Off(stable); got == nil || len(got) > 0 {
		t.Errorf("a bundle without flags leaves %v", got)
	}
}

func TestCheckFlagsOff(t *testing.T) {
	b := bundle()
	b.FlagsOff = map[string]any{"depth": 4, "new-encoder": "no", "node": "x"}
	const want = "flags_off.depth: 4 is already the flag's value; write the value that turns it off\n" +
		"flags_off.new-encoder: is a text, but the flag is a boolean; write a value of the flag's own type\n" +
		"flags_off.node: is not a flag of this bundle; name one of the bundle's flags, or leave it out"
	if err := b.Check(); err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	b.FlagsOff = map[string]any{"depth": 0.0, "new-encoder": false}
	if err := b.Check(); err != nil {
		t.Error(err)
	}
}
