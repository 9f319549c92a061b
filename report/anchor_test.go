package report

import (
	"bytes"
	"maps"
	"testing"

	"golang.org/x/net/html"

	"github.com/autorollback/autorollback/record"
)

// Where a message's link to the charts leads is on every page of an incident, once, with all of its charts
// in it, and what says that there are none.
func TestChartsAnchorIsOnEveryPage(t *testing.T) {
	all := incidents()
	all["hostile"] = hostileIncident()
	for name, inc := range all {
		for drawn, o := range map[string]Options{
			"charts":  {Curves: []record.Curve{curveOf(inc, record.OfTrigger, inc.Breach.Trigger, "s"), curveOf(inc, record.OfRecovery, "error rate", "ratio")}},
			"missing": {CurvesProblem: "no Prometheus"},
		} {
			for made, page := range map[string][]byte{"page": HTML(inc, ranker(), o), "export": Export(inc, ranker(), o)} {
				at := ids(t, page)[ChartsAnchor[1:]]
				if len(at) != 1 {
					t.Errorf("%s, %s, %s: the anchor is there %d times", name, drawn, made, len(at))
					continue
				}
				if got := maps.Collect(classesUnder(at[0])); !got[map[string]string{"charts": "<figure>", "missing": "missing"}[drawn]] {
					t.Errorf("%s, %s, %s: at the anchor is %v", name, drawn, made, got)
				}
			}
		}
	}
}

// ids are the elements of a page by their id.
func ids(t *testing.T, page []byte) map[string][]*html.Node {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]*html.Node{}
	for n := range root.Descendants() {
		for _, a := range n.Attr {
			if a.Key == "id" {
				all[a.Val] = append(all[a.Val], n)
			}
		}
	}
	return all
}

// classesUnder are the classes and tags below an element.
func classesUnder(n *html.Node) func(yield func(string, bool) bool) {
	return func(yield func(string, bool) bool) {
		for d := range n.Descendants() {
			if d.Type == html.ElementNode && !yield("<"+d.Data+">", true) {
				return
			}
			for _, a := range d.Attr {
				if a.Key == "class" && !yield(a.Val, true) {
					return
				}
			}
		}
	}
}
