package report

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/autorollback/autorollback/view"
)

// A file that is exported opens without a network: nothing in it is fetched, and what leads elsewhere is
// a link that somebody must follow. The same incident gives the same bytes, whenever and wherever it is made.
func TestExportOpensOffline(t *testing.T) {
	all := incidents()
	all["hostile"] = hostileIncident()
	for name, inc := range all {
		t.Run(name, func(t *testing.T) {
			o := options()
			page := Export(inc, ranker(), o)
			o.Now, o.Regions = o.Now.Add(time.Hour), []view.RegionStand{{Region: "us", State: "healthy"}}
			if !bytes.Equal(page, Export(inc, ranker(), o)) {
				t.Error("an hour later it has other bytes")
			}
			for _, fetched := range fetches(t, page) {
				t.Errorf("it fetches %s", fetched)
			}
		})
	}
}

// What is fetched is found.
func TestFetchesAreFound(t *testing.T) {
	for _, bad := range []string{`<img src="x.png"/>`, `<link rel="icon" href="/icon.svg"/>`, `<script>1</script>`, `<style>a { background: url(x) }</style>`,
		`<style>@import "x";</style>`, `<p style="background: url(x)">x</p>`, `<svg><image href="x"/></svg>`, `<svg><use xlink:href="x#y"/></svg>`, `<p onclick="x()">x</p>`,
		`<iframe src="x"></iframe>`, `<meta http-equiv="refresh" content="0; url=x"/>`, `<form action="x"></form>`, `<a href="x" ping="y">z</a>`} {
		if len(fetches(t, []byte(bad))) == 0 {
			t.Errorf("%s is not found", bad)
		}
	}
	if found := fetches(t, []byte(`<a href="https://x">x</a><svg><use href="#y"/></svg><style>a { color: red }</style>`)); len(found) > 0 {
		t.Errorf("found %v", found)
	}
}

// fetches are the parts of a page that make a browser ask somebody, or run something.
func fetches(t *testing.T, page []byte) (found []string) {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		switch {
		case n.Type == html.TextNode && n.Parent.Data == "style" && hasAny(n.Data, "url(", "@import", "src(", "image("):
			found = append(found, n.Data)
		case n.Type == html.ElementNode && slices.Contains([]string{"script", "iframe", "object", "embed", "base", "form"}, n.Data):
			found = append(found, n.Data)
		}
		for _, a := range n.Attr {
			within := strings.HasPrefix(a.Val, "#")
			led := n.Data == "a" && a.Key == "href"
			address := slices.Contains([]string{"src", "srcset", "href", "poster", "data", "background", "action", "ping", "cite"}, a.Key)
			if address && !within && !led || strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "http-equiv" && a.Val != "Content-Security-Policy" {
				found = append(found, n.Data+" "+a.Key+"="+a.Val)
			}
		}
	}
	return found
}

func hasAny(text string, all ...string) bool {
	return slices.ContainsFunc(all, func(s string) bool { return strings.Contains(text, s) })
}
