package report

import (
	"strings"
	"testing"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/record"
)

// A replica that does not have an incident's evidence says so, and where it was sealed; one that has it, or
// an incident of which none is sealed yet, misses nothing.
func TestEvidenceThatIsElsewhereIsMissed(t *testing.T) {
	inc := incidents()["recovered"]
	inc.Evidence, inc.EvidenceDigest = "/var/lib/autorollback/incidents/inc-0123456789ab", "sha256:feed"
	const said = "The evidence is not on replica-b: it was sealed as "
	o := options()
	o.Replica = "replica-b"
	for _, page := range []string{string(Markdown(inc, ranker(), o)), string(HTML(inc, ranker(), o))} {
		if !strings.Contains(page, said) || !strings.Contains(page, inc.Evidence) || !strings.Contains(page, "So the charts are missing.") || !strings.Contains(page, "the manifest sha256:feed") {
			t.Errorf("it does not say what is missing:\n%s", page)
		}
	}
	o.Curves = []record.Curve{curveOf(inc, record.OfTrigger, inc.Breach.Trigger, "s")}
	if text := string(Markdown(inc, ranker(), o)); !strings.Contains(text, said) || !strings.Contains(text, "counted anew from Prometheus") {
		t.Errorf("it does not say where the charts are from:\n%s", text)
	}
	broken := o
	broken.CurvesProblem = "Prometheus does not answer"
	if text := string(Markdown(inc, ranker(), broken)); !strings.Contains(text, "missing or incomplete: Prometheus does not answer.") {
		t.Errorf("it does not say why charts are missing:\n%s", text)
	}
	here := o
	here.Evidence = []audit.Stage{{Name: audit.Before, Files: 7, Digest: "sha256:aaaa"}}
	if text := string(Markdown(inc, ranker(), here)); strings.Contains(text, "sealed as") {
		t.Errorf("what is here is missed:\n%s", text)
	}
	inc.EvidenceDigest = ""
	if text := string(Markdown(inc, ranker(), o)); strings.Contains(text, "sealed as") {
		t.Errorf("what is not sealed is missed:\n%s", text)
	}
}
