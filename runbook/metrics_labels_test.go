package runbook_test

import (
	"strings"
	"testing"

	"github.com/autorollback/autorollback/runbook"
)

// metrics is a runbook with more lines under metrics.
func withMetrics(t *testing.T, lines string) *runbook.Runbook {
	t.Helper()
	text := strings.Replace(string(read(t, "testdata/good/minimal.yaml")), "metrics:\n", "metrics:\n"+lines, 1)
	rb, err := runbook.Parse("x.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return rb
}

func TestTheLabelThatTellsTheSides(t *testing.T) {
	for name, c := range map[string]struct{ lines, side string }{
		"nothing written":                       {"", "version"},
		"version_label":                         {"  version_label: service.version\n", "service.version"},
		"track":                                 {"  track: {label: track, stable: '', candidate: canary}\n", "track"},
		"join":                                  {"  join: {metric: target_info, on: [job, instance], label: service_version}\n", "service_version"},
		"join takes the place of version_label": {"  version_label: version\n  join: {metric: target_info, on: [job, instance], label: service_version}\n", "service_version"},
		"join of the version_label's name":      {"  version_label: service_version\n  join: {metric: target_info, on: [job, instance]}\n", "service_version"},
		"join of the track's name":              {"  track: {label: track, stable: '', candidate: canary}\n  join: {metric: kube_pod_labels, on: [pod]}\n", "track"},
		"join takes the place of track.label":   {"  track: {stable: '', candidate: canary}\n  join: {metric: kube_pod_labels, on: [pod], label: label_track}\n", "label_track"},
	} {
		if got := withMetrics(t, c.lines).Metrics.SideLabel(); got != c.side {
			t.Errorf("%s: the sides are told by %q, want %q", name, got, c.side)
		}
	}
}

func TestTheLabelOfDriftGauges(t *testing.T) {
	const drift, join = "  drift: {max_age: 2h}\n", "  join: {metric: target_info, on: [job, instance], label: service_version}\n"
	for name, c := range map[string]struct {
		lines, label string
		asSeries     bool
	}{
		"version":                  {drift, "version", true},
		"version_label":            {drift + "  version_label: model_version\n", "model_version", true},
		"track":                    {drift + "  track: {label: track, stable: main, candidate: canary}\n", "track", true},
		"versions beside tracks":   {"  drift: {max_age: 2h, label: version}\n  track: {label: track, stable: main, candidate: canary}\n", "version", false},
		"join":                     {drift + join, "version", false},
		"join and a version_label": {drift + join + "  version_label: model_version\n", "model_version", false},
	} {
		label, asSeries := withMetrics(t, c.lines).Metrics.DriftLabel()
		if label != c.label || asSeries != c.asSeries {
			t.Errorf("%s: %s, as the series %v; want %s, %v", name, label, asSeries, c.label, c.asSeries)
		}
	}
}

func TestTheIntervalOfWhatIsCounted(t *testing.T) {
	for name, c := range map[string]struct {
		lines  string
		step   runbook.Duration
		window runbook.Duration
		age    runbook.Duration
	}{
		"nothing written": {"", 15 * second, minute, minute},
		"shorter scrapes": {"  scrape_interval: 5s\n", 15 * second, minute, minute},
		"longer scrapes":  {"  scrape_interval: 30s\n", 30 * second, 2 * minute, 2 * minute},
	} {
		rb := withMetrics(t, c.lines)
		if got := rb.Metrics.Step(); got != c.step || rb.Verification.Window != c.window || rb.LastKnownGood.MaxAge != c.age {
			t.Errorf("%s: step %s, window %s, max_age %s", name, got, rb.Verification.Window, rb.LastKnownGood.MaxAge)
		}
	}
}

func TestNamesAsPromQLWritesThem(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{runbook.Series("requests_total"), `requests_total`},
		{runbook.Series("requests_total", `job="a"`), `requests_total{job="a"}`},
		{runbook.Series("http.requests", `job="a"`), `{"http.requests",job="a"}`},
		{runbook.Series(`a"} or {b="`), `{"a\"} or {b=\""}`},
		{runbook.LabelNames("version", "service.version", "größe"), `version, "service.version", "größe"`},
	} {
		if c.got != c.want {
			t.Errorf("%s, want %s", c.got, c.want)
		}
	}
}
