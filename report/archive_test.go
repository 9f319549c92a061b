package report

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/record"
)

func TestSealAndCheck(t *testing.T) {
	a := Archive{Folder: audit.Folder{Dir: t.TempDir()}, External: "https://autorollback.example"}
	inc := incidents()["recovered"]
	_, err := a.Capture(inc, audit.Before, map[string][]byte{"alerts.json": []byte("one")})
	_, again := a.Capture(inc, audit.After, map[string][]byte{"alerts.json": []byte("two")})
	if err := errors.Join(err, again); err != nil {
		t.Fatal(err)
	}
	home, digest, err := a.Seal(inc, ranker())
	if err != nil {
		t.Fatal(err)
	}
	if _, again, err := a.Seal(inc, ranker()); err != nil || again != digest {
		t.Errorf("sealed again: %s, %v; want %s", again, err, digest)
	}
	if p := audit.Check(home).Problems; len(p) != 0 {
		t.Fatalf("problems: %v", p)
	}
	text, err := os.ReadFile(filepath.Join(home, "MANIFEST.sha256"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"tamper-evident, not tamper-proof", "keep until 2027-02-18", "  incident.html\n", "  after/alerts.json\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the manifest does not say %q:\n%s", want, text)
		}
	}
	page, err := os.ReadFile(filepath.Join(home, "incident.md"))
	if err != nil {
		t.Fatal(err)
	}
	inc.Business = &record.Verdict{Outcome: record.Recovered, Reason: "the KPI is back", At: after(3600e9)}
	if _, later, err := a.Seal(inc, ranker()); err != nil || later != digest {
		t.Errorf("what was sealed was sealed again: %s, %v", later, err)
	}
	if now, err := os.ReadFile(filepath.Join(home, "incident.md")); err != nil || string(now) != string(page) {
		t.Errorf("the page was written twice: %v", err)
	}
}
