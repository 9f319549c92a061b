package mixin

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/autorollback/autorollback/test/golden"
)

const folder = "../../mixin"

// The files are what the tables make: go test ./test/mixin -run TestDashboardFiles -update.
func TestDashboardFiles(t *testing.T) {
	all := Dashboards()
	for name, d := range all {
		var text bytes.Buffer
		to := json.NewEncoder(&text)
		to.SetEscapeHTML(false)
		to.SetIndent("", " ")
		if err := to.Encode(d); err != nil {
			t.Fatal(err)
		}
		golden.Equal(t, filepath.Join("..", folder, name), text.Bytes())
	}
	found, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(found) != len(all) {
		t.Errorf("%d files in %s, want %d: %v", len(found), folder, len(all), err)
	}
}

// Panels fill the grid without lying on each other.
func TestPanelsHaveTheirPlace(t *testing.T) {
	for name, d := range Dashboards() {
		taken := map[[2]int]string{}
		for _, p := range d.Panels {
			if p.GridPos.W < 1 || p.GridPos.X+p.GridPos.W > columns {
				t.Errorf("%s: %s is wider than the grid", name, p.Title)
			}
			for x := range p.GridPos.W {
				for y := range p.GridPos.H {
					at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
					if other := taken[at]; other != "" {
						t.Fatalf("%s: %s lies on %s", name, p.Title, other)
					}
					taken[at] = p.Title
				}
			}
		}
	}
}
