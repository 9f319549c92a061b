package runbook_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/runbook"
)

// What regions may share decides where they are, and not the runbook alone.
func TestRegionsInTheirPlaces(t *testing.T) {
	const key, label, flags = "routing.key: regions eu and us share the key routes/ranker/weights", "metrics.region_label: is missing", "routing.flags: regions eu and us share"
	apart := runbook.Places{"eu": {Store: "a", Prometheus: "a"}, "us": {Store: "b", Prometheus: "b"}}
	text := string(read(t, "testdata/bad/regions-one-key.yaml"))
	for _, c := range []struct {
		name          string
		places        runbook.Places
		without       string // of the text
		want, wantNot []string
	}{
		{name: "one store", want: []string{key, flags}, wantNot: []string{label}},
		{name: "one store and one Prometheus", without: "  region_label: region\n", want: []string{key, flags, label}},
		{name: "nothing shared", places: apart, without: "  region_label: region\n"},
		{name: "one store, two Prometheus", places: runbook.Places{"eu": {"a", "a"}, "us": {"a", "b"}}, without: "  region_label: region\n",
			want: []string{key}, wantNot: []string{label}},
		{name: "one Prometheus, two stores", places: runbook.Places{"eu": {"a", "a"}, "us": {"b", "a"}}, without: "  region_label: region\n",
			want: []string{label}, wantNot: []string{key}},
		{name: "no such region", places: runbook.Places{"eu": {"a", "a"}}, want: []string{`regions[1]: the region file has no "us"`}, wantNot: []string{key}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.places.Parse("ranker.yaml", []byte(strings.Replace(text, c.without, "", 1)))
			if (err == nil) != (len(c.want) == 0) {
				t.Fatalf("error is %v", err)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("error lacks %q: %v", w, err)
				}
			}
			for _, w := range c.wantNot {
				if strings.Contains(err.Error(), w) {
					t.Errorf("error has %q: %v", w, err)
				}
			}
		})
	}
}

func TestKeysNameTheirRegion(t *testing.T) {
	rb, err := runbook.Load("testdata/good/regions.yaml")
	if err != nil {
		t.Fatal(err)
	}
	eu := rb.In("eu").Routing
	if eu.Key != "routes/eu/ranker/weights" || eu.Flags != "features/eu/ranker/" || rb.Routing.Key != "routes/{region}/ranker/weights" {
		t.Errorf("in eu %+v, before %+v", eu, rb.Routing)
	}
	page := runbook.Render(rb)
	for _, want := range []string{"consul kv get routes/eu/ranker/weights", "consul kv get routes/us/ranker/weights"} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("the page lacks %q", want)
		}
	}
	alone := runbook.Render(rb.Only("us", true))
	if !bytes.Contains(alone, []byte("--region us")) || bytes.Contains(alone, []byte("routes/eu")) {
		t.Error("the page of one region names another, or does not name its own")
	}
}
