package report_test

import (
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/view"
)

func TestPageShowsRegionsSideBySide(t *testing.T) {
	at := time.Date(2030, 5, 6, 9, 0, 0, 0, time.UTC)
	inc := record.Incident{ID: "inc-1", Service: "ranker", Region: "eu", OpenedAt: at, ActedAt: at, Phase: record.Done,
		Stragglers: []record.Straggler{{Region: "us", Since: at, Why: "its store <has> not answered"}, {Region: "ap", Since: at, DoneAt: at}}}
	o := report.Options{Now: at, Regions: []view.RegionStand{
		{Region: "eu", State: "rolled_back", Version: "v2", Incident: "inc-1", Verdict: "recovered"},
		{Region: "us", State: "open", Version: "v2", Weight: 0.5, Lost: "has not answered since 09:00:00 UTC: no route"},
	}}
	for name, page := range map[string]string{"markdown": string(report.Markdown(inc, nil, o)), "html": string(report.HTML(inc, nil, o))} {
		for _, want := range []string{"Regions", "rolled back", "recovered", "open, as last known", "0.5 %", "no route", "Partial: not in region us"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s lacks %q", name, want)
			}
		}
		if strings.Contains(page, "not in region ap") || strings.Contains(page, "<has>") {
			t.Errorf("%s names a region that is done, or is not escaped", name)
		}
	}
	if one := string(report.Markdown(inc, nil, report.Options{})); strings.Contains(one, "## Regions") {
		t.Error("a service in one region has a table of regions")
	}
}
