package engine

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/view"
)

// What was read back from the archive is kept in the incident, once, and a copy of other evidence never.
func TestArchived(t *testing.T) {
	e, st, _ := solo(t, nil)
	now := time.Now().UTC()
	inc := record.Incident{Schema: 1, ID: "inc-1", Service: "ranker", Region: "default", Phase: record.Done, OpenedAt: now, EvidenceAt: now, EvidenceDigest: "sha256:1"}
	if err := e.putOne(t.Context(), store.IncidentKey(inc.ID), 0, inc); err != nil {
		t.Fatal(err)
	}
	a := record.Archived{At: now, Where: "s3://evidence/inc-1/1", Digest: "sha256:1", Files: 3}
	if err := e.Archived(t.Context(), "inc-none", a); !errors.Is(err, runbook.ErrNotFound) {
		t.Errorf("an incident that is not there: %v", err)
	}
	other := a
	other.Digest = "sha256:2"
	if err := e.Archived(t.Context(), inc.ID, other); err == nil || !strings.Contains(err.Error(), "sha256:2") {
		t.Errorf("other evidence: %v", err)
	}
	for range 2 {
		if err := e.Archived(t.Context(), inc.ID, a); err != nil {
			t.Fatal(err)
		}
		a.Where = "elsewhere"
	}
	if now := incidentOf(t, st); !now.InArchive() || now.Archived.Where != "s3://evidence/inc-1/1" {
		t.Errorf("%+v", now.Archived)
	}
	if p, err := e.Incidents(t.Context(), view.IncidentQuery{Limit: 9}); err != nil || len(p.Incidents) != 1 || !p.Incidents[0].InArchive() {
		t.Errorf("the list has %+v, %v", p, err)
	}
}

// What is sealed and not archived is not taken out of the store where there is an archive.
func TestUnarchivedStays(t *testing.T) {
	long := time.Now().Add(-2 * keepRecords)
	for name, c := range map[string]struct {
		archives bool
		archived *record.Archived
		stays    bool
	}{
		"no archive": {}, "not archived": {archives: true, stays: true}, "archived": {archives: true, archived: &record.Archived{Digest: "sha256:1"}},
	} {
		e, st, _ := solo(t, nil)
		e.opts.Archives = c.archives
		key := store.IncidentKey("inc-1")
		inc := record.Incident{Schema: 1, ID: "inc-1", Phase: record.Done, ClosedAt: long, EvidenceAt: long, EvidenceDigest: "sha256:1", Archived: c.archived}
		if err := e.putOne(t.Context(), key, 0, inc); err != nil {
			t.Fatal(err)
		}
		e.gcRecords(t.Context())
		if snap, err := st.Read(t.Context(), key); err != nil || (len(snap.Entries) == 1) != c.stays {
			t.Errorf("%s: %d records, %v", name, len(snap.Entries), err)
		}
	}
}
