package runbook_test

import (
	"bytes"
	"strings"
	"testing"

	templates "github.com/autorollback/autorollback/runbook-templates"

	"github.com/autorollback/autorollback/runbook"
)

func TestRenderTemplates(t *testing.T) {
	for _, kind := range templates.Kinds() {
		t.Run(kind, func(t *testing.T) {
			text, err := templates.New(kind, "ranker")
			if err != nil {
				t.Fatal(err)
			}
			rb, err := runbook.Parse("runbooks/ranker.yaml", text)
			if err != nil {
				t.Fatal(err)
			}
			// The digest changes with every comment; the page has it in one place.
			page := strings.ReplaceAll(string(runbook.Render(rb)), rb.Digest, "DIGEST")
			golden(t, "testdata/page/"+kind+".md", page)
		})
	}
}

func TestRenderEveryGoodRunbook(t *testing.T) {
	headings := []string{"## Trigger", "## Action", "## Verify", "## Communicate", "## Preserve evidence", "## Follow-up", "Owner: **ranking**, #ranking-oncall"}
	each(t, "good", func(t *testing.T, path string) {
		rb, err := runbook.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		page := string(runbook.Render(rb))
		at := 0
		for _, h := range headings[:6] {
			next := strings.Index(page[at:], "\n"+h+"\n")
			if next < 0 {
				t.Fatalf("%q is missing or out of order:\n%s", h, page)
			}
			at += next
		}
		if !strings.Contains(page, headings[6]) || strings.Contains(page, "<no value>") {
			t.Errorf("no owner, or a hole:\n%s", page)
		}
		if strings.Count(page, "```")%2 != 0 {
			t.Errorf("a fence is left open:\n%s", page)
		}
	})
}

func TestRenderNamesEachRegion(t *testing.T) {
	rb, err := runbook.Load("testdata/good/regions.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, region := range []string{"eu", "us"} {
		if want := "autorollback rollback ranker --region " + region + " "; !bytes.Contains(runbook.Render(rb), []byte(want)) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

func TestSelfChecksOfAPoorRunbook(t *testing.T) {
	text := string(read(t, "testdata/good/without-kpi.yaml"))
	text = text[:strings.Index(text, "triggers:")] + "triggers:\n  - {name: slo, type: absolute_slo, above: 5%, for: 3m}\n" + text[strings.Index(text, "routing:"):]
	text = strings.Replace(text, "  flags: features/ranker/\n", "", 1)
	rb, err := runbook.Parse("poor.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	checks := rb.SelfChecks()
	for _, c := range checks {
		if c.OK {
			t.Errorf("%s is ticked: %s", c.Name, c.Why)
		}
		out.WriteString(c.Name + ": " + c.Why + "; " + c.Fix + "\n")
	}
	if len(checks) != 5 {
		t.Errorf("%d boxes", len(checks))
	}
	golden(t, "testdata/page/selfchecks.txt", out.String())
}
