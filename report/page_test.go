package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Three pages are kept as they are, and the hostile one; of the others the headings, and the
// lines that none of these has.
func TestPages(t *testing.T) {
	kept := []string{"awaiting", "recovered", "verifying"}
	pages := map[string][2][]byte{}
	for name, inc := range incidents() {
		o := options()
		if inc.Approval != "" {
			o.Approval = &record.Approval{ID: inc.Approval, Status: record.Pending, ExpiresAt: after(16 * time.Minute)}
		}
		if name == "recovered" {
			o.Curves = []record.Curve{curveOf(inc, record.OfTrigger, inc.Breach.Trigger, "s"), curveOf(inc, record.OfRecovery, "error rate", "ratio")}
			inc.Evidence, inc.EvidenceAt = "evidence/inc-0123456789ab", after(2*time.Minute)
			o.Evidence = []audit.Stage{{Name: audit.Before, Files: 7, Digest: "sha256:aaaa"}, {Name: audit.After, Files: 8, Digest: "sha256:bbbb"}}
		}
		pages[name] = [2][]byte{Markdown(inc, ranker(), o), HTML(inc, ranker(), o)}
		wellFormed(t, pages[name][1])
	}
	seen := map[string]bool{}
	for _, name := range kept {
		golden(t, name+".md", pages[name][0])
		golden(t, name+".html", pages[name][1])
		for _, page := range pages[name] {
			for line := range strings.Lines(string(page)) {
				seen[line] = true
			}
		}
	}
	var others strings.Builder
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		if slices.Contains(kept, name) {
			continue
		}
		for i, page := range pages[name] {
			fmt.Fprintf(&others, "\n== %s.%s\n", name, []string{"md", "html"}[i])
			for line := range strings.Lines(string(page)) {
				if !seen[line] || strings.HasPrefix(line, "## ") {
					others.WriteString(line)
				}
			}
		}
	}
	golden(t, "others.txt", []byte(others.String()))
}

func TestHostilePage(t *testing.T) {
	inc := hostileIncident()
	text, html := Markdown(inc, ranker(), options()), HTML(inc, ranker(), options())
	golden(t, "hostile.md", text)
	golden(t, "hostile.html", html)
	wellFormed(t, html)
	for _, page := range [][]byte{text, html} {
		for _, bad := range []string{"\u202e", "\u200b", "<script>alert", "<!channel>", "CANARY-9f"} {
			if bytes.Contains(page, []byte(bad)) {
				t.Errorf("the page contains %q", bad)
			}
		}
	}
	prose, _, _ := strings.Cut(string(text), "## Queries")
	for _, bad := range []string{"https://evil", "\n# h1", "@here", "www.evil", "](https://evil"} {
		if strings.Contains(prose, bad) {
			t.Errorf("the prose contains %q", bad)
		}
	}
}

func TestPageWithoutRunbook(t *testing.T) {
	for name, inc := range incidents() {
		t.Run(name, func(t *testing.T) {
			wellFormed(t, HTML(inc, nil, Options{}))
			if !bytes.Contains(Markdown(inc, nil, Options{}), []byte("## Timeline")) {
				t.Error("the page has no timeline")
			}
		})
	}
	wellFormed(t, HTML(record.Incident{}, nil, Options{}))
	wellFormed(t, HTML(record.Incident{ID: "x", Verdict: &record.Verdict{}, Change: &record.Change{}}, &runbook.Runbook{}, options()))
}

func TestPageIsSelfContained(t *testing.T) {
	page := string(HTML(incidents()["recovered"], ranker(), options()))
	for _, bad := range []string{"<script", "<link", "<img", "@import", "url(", "src=", "onclick", "javascript:"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	_, rest, _ := strings.Cut(page, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; StyleHash() != want {
		t.Errorf("StyleHash is %s, the page's style hashes to %s", StyleHash(), want)
	}
}

// wellFormed walks the page as XML: our template closes and quotes everything, so a
// value that opens a tag shows.
func wellFormed(t *testing.T, page []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(page))
	d.Entity = xml.HTMLEntity
	depth := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, page)
		}
		switch token.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		}
	}
	if depth != 0 || !bytes.Contains(page, []byte("</html>")) {
		t.Errorf("the page ends at depth %d", depth)
	}
}
