package engine

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

func TestOver(t *testing.T) {
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	old, fresh := now.Add(-keepRecords-time.Hour), now.Add(-keepRecords+time.Hour)
	records := map[string]any{
		store.ReleaseKey("ranker", "default"): record.Release{Schema: 1, Incident: "named"},
		store.IncidentKey("named"):            record.Incident{Schema: 1, Phase: record.Done, ClosedAt: old},
		store.IncidentKey("old"):              record.Incident{Schema: 1, Phase: record.Done, ClosedAt: old},
		store.IncidentKey("fresh"):            record.Incident{Schema: 1, Phase: record.Done, ClosedAt: fresh},
		store.IncidentKey("open"):             record.Incident{Schema: 1, Phase: record.HeldPhase, OpenedAt: old},
		store.IncidentKey("newer-schema"):     record.Incident{Schema: 99, Phase: record.Done, ClosedAt: old},
		store.ApprovalKey("old"):              record.Approval{Schema: 1, Status: record.Expired, ExpiresAt: old},
		store.ApprovalKey("pending"):          record.Approval{Schema: 1, Status: record.Pending, ExpiresAt: old},
		store.ApprovalKey("fresh"):            record.Approval{Schema: 1, Status: record.Approved, ExpiresAt: fresh},
		store.BundleKey("sha256:0"):           runbook.Bundle{Schema: 1},
		store.AnchorKey("old"):                record.Anchor{Schema: 1, Replica: "old", At: old},
		store.AnchorKey("lost"):               record.Anchor{Schema: 1, Replica: "lost", At: old, Lost: []record.LostHead{{}}},
		store.AnchorKey("fresh"):              record.Anchor{Schema: 1, Replica: "fresh", At: fresh},
		store.ShadowKey("sha256:old"):         record.ShadowVerdict{Schema: 1, At: old},
		store.ShadowKey("sha256:fresh"):       record.ShadowVerdict{Schema: 1, At: fresh},
	}
	records[store.PagedKey("old")] = paged{1, now.Add(-25 * time.Hour)}
	records[store.PagedKey("fresh")] = paged{1, now.Add(-time.Hour)}
	f, err := store.OpenFile(t.TempDir() + "/store")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for key, value := range records {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Commit(t.Context(), store.NewTx(store.Op{Verb: store.Set, Key: key, Value: text})); err != nil {
			t.Fatal(err)
		}
	}
	snap, err := f.Read(t.Context(), store.Root)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, en := range over(snap, now) {
		got[en.Key] = true
	}
	if len(got) != 5 || !got[store.AnchorKey("old")] || !got[store.PagedKey("old")] || !got[store.IncidentKey("old")] || !got[store.ApprovalKey("old")] || !got[store.ShadowKey("sha256:old")] {
		t.Errorf("over: %v, want the old closed incident, the old approval, the old anchor, the old page and the old shadow verdict alone", got)
	}
}
